"""The panel in real kernels without a browser: what is sent, and what a notebook keeps."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbconvert import HTMLExporter

pytestmark = [pytest.mark.notebook, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
IMPORTS = "from kernelkit.viz.curves import LivePanel, notebook_display, compare\nfrom tests.viz.fake import train\n"


@pytest.fixture(autouse=True)
def kernels_see_the_checkout(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")


def test_an_executed_notebook_keeps_only_the_picture():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(IMPORTS + "run = train(notebook_display(), epochs=3, steps=200, pause=0.005)"),
            nbformat.v4.new_code_cell("compare(run.history)"),
        ]
    )
    sent: list[str] = []
    client = NotebookClient(notebook, kernel_name="python3", timeout=120)
    process = client.process_message
    client.process_message = lambda message, *rest: (sent.append(message["msg_type"]), process(message, *rest))[1]
    client.execute()
    for cell in notebook.cells:
        (output,) = cell.outputs
        assert output.data.keys() == {"text/plain", "text/html", "image/png"}
    assert not [kind for kind in sent if kind.startswith("comm")]
    assert sent.count("display_data") + sent.count("update_display_data") == 2
    assert "widgets" not in notebook.metadata
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert page.count("kernelkit-curves") >= 2 and "done · 3 epochs · 600 steps" in page


def test_a_live_panel_sends_few_and_small_messages():
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        client.execute(IMPORTS + "run = train(notebook_display(), epochs=4, steps=4000, pause=0.002, block=20)")
        messages, deadline = [], time.monotonic() + 120
        while time.monotonic() < deadline:
            message = client.get_iopub_msg(timeout=60)
            messages.append(message)
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
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
