"""What Binder sets up: pinned, complete, and without the ipykernel that holds clicks back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PINNED = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([\w.-]+)==(\S+)", PINNED, flags=re.MULTILINE))
BUTTONS = [ROOT / "README.md", ROOT / "README.ko.md"]


def test_every_line_pins_one_version():
    lines = [line for line in PINNED.splitlines() if line and not line.startswith("#")]
    assert lines == [f"{name}=={version}" for name, version in PINS.items()]
    assert len(lines) > 50


def test_the_pins_are_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [Requirement(r) for r in project["dependencies"] + project["optional-dependencies"]["notebook"]]
    wrong = [str(r) for r in asked if r.name not in PINS or not r.specifier.contains(Version(PINS[r.name]))]
    assert wrong == []
    assert PINS["ipykernel"] != "7.4.0"


@pytest.mark.parametrize("readme", BUTTONS, ids=lambda path: path.name)
def test_the_buttons_open_notebooks_that_exist(readme):
    text = readme.read_text(encoding="utf-8")
    (folder,) = re.findall(r"mybinder\.org/v2/gh/[^?]+\?urlpath=lab/tree/([^)\s]+)", text)
    (notebook,) = re.findall(r"colab\.research\.google\.com/github/[^/]+/[^/]+/blob/main/([^)\s]+)", text)
    assert (ROOT / folder).is_dir()
    assert (ROOT / notebook).is_file()


def a_python(version: str) -> str | None:
    """The path of a Python that runs and has the version; pyenv's names are there for versions that don't run too."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [os.environ.get("KERNELKIT_TEST_BINDER_PYTHON"), shutil.which(f"python{version}")]
    for path in filter(None, [*named, *map(str, pyenv.glob(f"{version}*/bin/python"))]):
        command = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == version:
            return path
    return None


@pytest.mark.skipif("KERNELKIT_TEST_BINDER" not in os.environ, reason="takes minutes: KERNELKIT_TEST_BINDER=1 runs it")
def test_what_repo2docker_runs_works_in_a_fresh_environment(tmp_path):
    wanted = (ROOT / "binder" / "runtime.txt").read_text().strip().removeprefix("python-")
    python = a_python(wanted)
    assert python, f"Binder uses Python {wanted}: install it, or name one in KERNELKIT_TEST_BINDER_PYTHON"
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".git", ".venv", "node_modules", "build"))
    subprocess.run(
        [sys.executable, "-m", "uv", "venv", "--seed", "--quiet", "--python", python, tmp_path / "venv"], check=True
    )
    path = os.pathsep.join([str(tmp_path / "venv" / "bin"), os.environ["PATH"]])
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PATH": path}
    install = ["python", "-m", "pip", "install", "--quiet", "--no-cache-dir", "-r", "binder/requirements.txt"]
    for command in (install, ["./binder/postBuild"]):
        subprocess.run(command, cwd=checkout, env=environment, check=True)
    execute = ["python", "-m", "nbconvert", "--to", "notebook", "--execute", "--output-dir", tmp_path]
    subprocess.run([*execute, "notebooks/03_tensors_and_gradients.ipynb"], cwd=checkout, env=environment, check=True)
