"""A real JupyterLab, or Notebook 7, on 127.0.0.1, driven through Chromium: the ground of the browser tests."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

ROOT = Path(__file__).absolute().parents[2]
SCREENS = ROOT / "build" / "screenshots"
EXTENSION = "kernelkit-labextension"
PATIENCE = 90
"""Seconds in which a page shows what is waited for, on a machine that many share too."""

expect.set_options(timeout=1000 * PATIENCE)


def until(page, holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until a function returns something true, while the page goes on, and return it.

    For what `expect` has no word for. A value of a page that is read only once is a race with what draws it.
    """
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{found!r} is still what the page says after {seconds} seconds"
        page.wait_for_timeout(50)
    return found


def settled_box(locator) -> dict[str, float]:
    """Where an element lies, once it has stayed there for some frames."""
    boxes = [locator.bounding_box()]

    def stays() -> bool:
        boxes.append(locator.bounding_box())
        return boxes[-1] is not None and boxes[-4:] == 4 * boxes[-1:]

    until(locator.page, stays)
    return boxes[-1]


def find_chromium() -> str | None:
    """The path of a Chromium to drive: Debian's, or one that Playwright installed; None when there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        path = p.chromium.executable_path
    return path if path and Path(path).exists() else None


def screen(name: str) -> Path:
    """Where to save a picture of a page, for whoever looks at the panel and for CI."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    return SCREENS / f"{name}.png"


def write_notebook(path: Path, *cells: str) -> None:
    """Write a notebook of code cells for the kernel of this very Python."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)


def install(package: str, folder: Path) -> Path:
    """Install a package alone, without what it needs, into a folder; return the folder."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", package]
    subprocess.run([*command, "--target", str(folder)], check=True, timeout=300)
    return folder


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LabServer:
    """A server in a folder of its own, with a random port and token.

    Args:
        folder: The folder with the notebooks, empty but for them.
        application: "lab" or "notebook".
        extension: Whether kernelkit's extension of JupyterLab is there: the one of this checkout. Without it, one that
            came with an installed kernelkit is switched off, so that a test sees the same in every environment.
        packages: A folder of packages for the server and its kernels, in front of those that are installed.
    """

    def __init__(self, folder: Path, application: str = "lab", extension: bool = False, packages: Path | None = None):
        self.packages = packages
        self.folder = folder
        self.extension = extension
        self.application = application
        self.token = secrets.token_hex(16)
        self.log = folder / "server.log"

    def __enter__(self) -> LabServer:
        settings = self.folder / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
        self._place_extension()
        environment = os.environ | {
            "JUPYTER_PREFER_ENV_PATH": "0",  # the extension of this checkout before one that is installed
            "JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": os.pathsep.join([*([str(self.packages)] if self.packages else []), str(ROOT)]),
        }
        command = [sys.executable, "-m", "jupyter", self.application, "--no-browser", "--allow-root"]
        command += ["--expose-app-in-browser", f"--IdentityProvider.token={self.token}"]
        command += [f"--ServerApp.{k}" for k in ("port_retries=0", "ip=127.0.0.1", f"root_dir={self.folder}")]
        for _ in range(5):  # a port that is free now may be another process's when the server asks for it
            self.port = free_port()
            self.url = f"http://127.0.0.1:{self.port}"
            self.process = subprocess.Popen(
                [*command, f"--ServerApp.port={self.port}"],
                env=environment,
                stdout=self.log.open("w"),
                stderr=subprocess.STDOUT,
            )
            if self._is_up():
                return self
        raise RuntimeError(f"The {self.application} server did not start:\n{self.log.read_text()}")

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _place_extension(self) -> None:
        if self.extension:
            shutil.copytree(ROOT / "labextension" / "built", self.folder / "data" / "labextensions" / EXTENSION)
        else:
            (self.folder / "config" / "labconfig").mkdir(parents=True)
            disabled = json.dumps({"disabledExtensions": {EXTENSION: True}})
            (self.folder / "config" / "labconfig" / "page_config.json").write_text(disabled)

    def address(self, name: str) -> str:
        """Where to open a notebook; in JupyterLab in a workspace in which no other is open."""
        place = f"lab/workspaces/{Path(name).stem}/tree" if self.application == "lab" else "notebooks"
        return f"{self.url}/{place}/{name}?token={self.token}"

    def wait_for_layout(self, workspace: str, holds: Callable[[str], bool]) -> None:
        """Wait until JupyterLab has kept a layout of which something is so: it does a second or more after a change."""
        deadline = time.monotonic() + PATIENCE
        folder = self.folder / "workspaces"
        while not holds("".join(path.read_text() for path in folder.glob(f"{workspace}-*.jupyterlab-workspace"))):
            assert time.monotonic() < deadline, "JupyterLab did not keep its layout"
            time.sleep(0.1)

    def _is_up(self) -> bool:
        """Wait until the server answers; False when it has ended instead."""
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=5).close()
                return True
            except OSError:
                time.sleep(0.25)
        self.process.kill()
        self.process.wait()
        return False


class LabPage:
    """One notebook open in a JupyterLab tab."""

    def __init__(self, page, server: LabServer):
        self.page = page
        self.server = server
        self.name = ""
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", self._note_error)
        page.on("request", lambda request: self.requests.append(request.url))

    def _note_error(self, error) -> None:
        # Notebook 7.6 raises this one for each page, a notebook of `1 + 1` too.
        if self.server.application == "lab" or "reading 'schema'" not in str(error):
            self.errors.append(str(error))

    def open(self, name: str) -> None:
        """Open a notebook and wait until its kernel is idle."""
        self.name = name
        self.page.goto(self.server.address(name))
        try:
            self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=30_000)
        except PlaywrightTimeout:  # a JupyterLab that has only just started now and then opens its launcher instead
            self.page.reload()
        self.wait_idle()

    def wait_idle(self, timeout: float = 180_000) -> None:
        """Wait until the notebook's cells are there and its kernel is connected."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=timeout)
        self.page.wait_for_function(
            """() => { const w = window.jupyterapp.shell.currentWidget;
            const k = w && w.context && w.context.sessionContext.session && w.context.sessionContext.session.kernel;
            return k && k.connectionStatus === 'connected' && k.status === 'idle' }""",
            timeout=timeout,
        )

    def command(self, name: str) -> None:
        """Run a command of JupyterLab once there is one, without waiting for what it starts."""
        self.page.wait_for_function("name => window.jupyterapp?.commands.hasCommand(name)", arg=name)
        self.page.evaluate("name => { window.jupyterapp.commands.execute(name) }", name)

    def run_cell(self, index: int) -> None:
        """Select a cell and start it."""
        self.page.evaluate(  # without a count: that of an earlier run would look as if it had ended
            """i => { const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = i;
            content.widgets[i].model.executionCount = null }""",
            index,
        )
        self.command("notebook:run-cell")

    def wait_cell_done(self, index: int, timeout: float = 180_000) -> None:
        """Wait until a cell that was started has its execution count."""
        self.page.wait_for_function(
            """i => { const cell = window.jupyterapp.shell.currentWidget.content.widgets[i];
            return Number.isInteger(cell.model.executionCount) && cell.model.executionState !== 'running' }""",
            arg=index,
            timeout=timeout,
        )

    def is_running(self, index: int) -> bool:
        """Say whether a cell was started and has not ended."""
        prompt = self.page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-InputPrompt")
        return prompt.inner_text() == "[*]:"

    def shut_down_kernel(self) -> None:
        """End the notebook's kernel; its session too, so that opening the page again starts none by itself."""
        request = urllib.request.Request(f"{self.server.url}/api/sessions?token={self.server.token}")
        with urllib.request.urlopen(request) as answer:
            sessions = json.load(answer)
        for session in sessions:
            if session["path"].endswith(self.name):
                url = f"{self.server.url}/api/sessions/{session['id']}?token={self.server.token}"
                urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()

    def restart_kernel(self) -> None:
        """Restart the notebook's kernel, and wait until it is idle."""
        self.page.evaluate(
            """async () => { const { sessionContext } = window.jupyterapp.shell.currentWidget.context;
            await sessionContext.session.kernel.restart() }"""
        )
        self.wait_idle()

    def set_source(self, index: int, source: str) -> None:
        """Write another source into a cell."""
        self.page.evaluate(
            """([i, source]) => { const { content } = window.jupyterapp.shell.currentWidget;
            content.widgets[i].model.sharedModel.setSource(source) }""",
            [index, source],
        )

    def save(self) -> None:
        """Save the notebook and wait until it is on disk."""
        self.page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")

    def set_theme(self, name: str) -> None:
        """Change JupyterLab's theme, e.g. 'JupyterLab Dark'."""
        self.page.evaluate(
            "theme => { window.jupyterapp.commands.execute('apputils:change-theme', {theme}) }",
            name,
        )
        self.page.wait_for_function(
            "dark => document.body.dataset.jpThemeLight === String(!dark)", arg="Dark" in name, timeout=60_000
        )
        self.page.wait_for_function(
            """dark => /^(white|#fff)/i.test(
            getComputedStyle(document.body).getPropertyValue('--jp-layout-color0').trim()) === !dark""",
            arg="Dark" in name,
            timeout=60_000,
        )

    def screenshot(self, name: str) -> Path:
        """Save a picture of the page under build/screenshots."""
        path = screen(name)
        self.page.screenshot(path=str(path))
        return path

    def foreign_requests(self) -> list[str]:
        """The addresses outside this server that the page asked for."""
        return [url for url in self.requests if re.match(r"https?://", url) and not url.startswith(self.server.url)]


def read_outputs(path: Path) -> list[dict]:
    """The outputs of all cells in a saved notebook."""
    return [output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", [])]
