"""The panel in real kernels without a browser: what is sent, and what a notebook keeps."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from kernelkit.viz.curves.saved import MIME

pytestmark = [pytest.mark.notebook, pytest.mark.slow, pytest.mark.one_in(2)]

ROOT = Path(__file__).absolute().parents[2]
IMPORTS = "from kernelkit.viz.curves import LivePanel, notebook_display, compare\nfrom tests.viz.fake import train\n"


@pytest.fixture(autouse=True)
def kernels_see_the_checkout(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")


@pytest.fixture(scope="module")
def run_cell():
    """A function that executes a cell in a kernel, and returns what the kernel sent to its page."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    manager, client = start_new_kernel(kernel_name="python3", env=environment, startup_timeout=180)

    def run(code: str) -> list[dict]:
        request = client.execute(code)
        messages = []
        while True:
            message = client.get_iopub_msg(timeout=300)
            if message["parent_header"].get("msg_id") != request:
                continue  # of the kernel's start
            messages.append(message)
            assert message["msg_type"] != "error", "\n".join(message["content"]["traceback"])
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return messages

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


PLOTS = {
    "history.plot()": 1,
    "history.plot();": 1,
    "figure = history.plot()": 1,
    "history.plot().show()": 1,
    "figure = history.plot(); figure.show(); figure": 2,  # shown where it was asked to be, and as the last value
    "display(history.plot())": 1,
    "history.plot(); history.plot('matplotlib', 'the same');": 2,
    "figure": 1,  # made by another cell
    "figure;": 0,
    "None": 0,
}


@pytest.mark.parametrize("matplotlib", ["", "%matplotlib inline"])
def test_a_figure_is_shown_once_with_and_without_a_semicolon(run_cell, matplotlib):
    run_cell(
        f"{matplotlib}\nfrom kernelkit.training.history import History\nhistory = History()\n"
        "for epoch in range(3): history.on_epoch_end(epoch, {'loss': 1.0 / (epoch + 1)})"
    )
    for code, wanted in PLOTS.items():
        shown = [m for m in run_cell(code) if m["msg_type"] in ("display_data", "execute_result")]
        pictures = [m for m in shown if "image/png" in m["content"]["data"]]
        assert (code, len(pictures), len(shown)) == (code, wanted, wanted)


def test_an_executed_notebook_keeps_only_the_picture():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(IMPORTS + "run = train(notebook_display(), epochs=3, steps=200, pause=0.005)"),
            nbformat.v4.new_code_cell("compare(run.history)"),
        ]
    )
    sent: list[str] = []
    client = NotebookClient(notebook, kernel_name="python3", timeout=300, startup_timeout=180)
    process = client.process_message
    client.process_message = lambda message, *rest: (sent.append(message["msg_type"]), process(message, *rest))[1]
    client.execute()
    for cell in notebook.cells:
        (output,) = cell.outputs
        assert output.data.keys() == {"text/plain", "text/html", "image/png", MIME}
    assert not [kind for kind in sent if kind.startswith("comm")]
    assert (
        sent.count("display_data") + sent.count("update_display_data") == 1
    )  # a notebook that a program runs is given its picture once, at the end
    assert "widgets" not in notebook.metadata
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count("kernelkit-curves") >= 2 and "done · 3 epochs · 600 steps" in page


FIT = """
import numpy as np, kernelkit as kk
x = np.random.default_rng(0).normal(size=(2000, 8)).astype("float32")
model = kk.Sequential([kk.layers.Dense(1)], name="line")
model.compile("sgd", "mse", metrics=["mae"])
history = model.fit(x, x[:, :1], batch_size=4, epochs=3, validation_split=0.2)
"""


def by_papermill(source: Path, result: Path) -> None:
    import papermill

    papermill.execute_notebook(str(source), str(result), kernel_name="python3", progress_bar=False)


def by_nbconvert(source: Path, result: Path) -> None:
    from nbconvert.nbconvertapp import NbConvertApp

    app = NbConvertApp()
    app.initialize(["--to", "notebook", "--execute", "--log-level", "40", "--output", str(result), str(source)])
    app.start()


@pytest.mark.parametrize("execute", [by_papermill, by_nbconvert])
def test_programs_that_execute_a_notebook_leave_the_picture_of_a_real_fit(execute, tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell(FIT), nbformat.v4.new_code_cell("history.plot();")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "source.ipynb")
    sent: list[str] = []
    process = NotebookClient.process_message
    monkeypatch.setattr(
        NotebookClient,
        "process_message",
        lambda self, m, *rest: (sent.append(m["msg_type"]), process(self, m, *rest))[1],
    )
    execute(tmp_path / "source.ipynb", tmp_path / "result.ipynb")
    notebook = nbformat.read(tmp_path / "result.ipynb", as_version=4)
    (panel,), (figure,) = (cell.outputs for cell in notebook.cells)
    assert panel.data.keys() == {"text/plain", "text/html", "image/png", MIME} and "image/png" in figure.data
    assert panel.data["text/plain"].startswith("line · done · 3 epochs · 1,200 steps")
    assert "application/vnd.jupyter.widget-view+json" not in str(notebook) and "widgets" not in notebook.metadata
    # The panel's picture, shown once at the end, the figure, and what any two cells send.
    assert sent.count("display_data") + sent.count("update_display_data") == 2
    assert set(sent) <= {"status", "execute_input", "display_data", "update_display_data"} and len(sent) < 20


def test_a_live_panel_sends_few_and_small_messages(run_cell):
    messages = run_cell(IMPORTS + "run = train(notebook_display(), epochs=4, steps=4000, pause=0.002, block=20)")
    updates = [m for m in messages if m["msg_type"] == "comm_msg"]
    seconds = (updates[-1]["header"]["date"] - updates[0]["header"]["date"]).total_seconds()
    assert 3 <= len(updates) <= 20 * seconds + 2
    assert all(sum(map(len, m["buffers"])) + len(str(m["content"])) <= 64 << 10 for m in updates)
    shown = [m for m in messages if m["msg_type"] in ("display_data", "update_display_data")]
    assert [m["msg_type"] for m in shown] == ["display_data", "update_display_data"]
    assert "application/vnd.jupyter.widget-view+json" in shown[0]["content"]["data"]
    assert "image/png" in shown[1]["content"]["data"]
    assert not [m for m in messages if m["msg_type"] in ("error", "stream")]


def test_the_built_frontend_is_small_and_fetches_nothing():
    source = (ROOT / "kernelkit" / "viz" / "static" / "curves.js").read_text(encoding="utf-8")
    assert len(source.encode()) <= 120 << 10
    assert re.findall(r"https?://[^\s\"'`]+", source) == []
    assert not re.search(
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|eval|fetch|XMLHttpRequest|importScripts)\b", source
    )
