"""The panel in a real marimo editor, seen through Chromium."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# The third epoch lasts until a file says that it was seen.
NOTEBOOK = """
import marimo

app = marimo.App()

@app.cell
def _():
    import marimo as mo, numpy as np, kernelkit as kk
    return mo, np, kk

@app.cell
def _(np, kk):
    class Slow(kk.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            import os, time
            time.sleep(0.01)
            while self.epoch == 2 and not os.path.exists("SEEN"):
                time.sleep(0.05)

    x = np.random.default_rng(0).normal(size=(1600, 20)).astype("float32")
    model = kk.Sequential([kk.layers.Dense(1)], name="line")
    model.compile(kk.optimizers.SGD(0.01), "mse")
    return Slow, model, x

@app.cell
def _(mo, Slow, model, x):
    mo.output.append(mo.md("before"))
    first = model.fit(x, x[:, :1], epochs=12, callbacks=[Slow()])
    return (first,)

@app.cell
def _(Slow, first, model, x):
    handle = model.fit(x, x[:, :1], epochs=500, callbacks=[Slow()], background=True)
    return (handle,)

if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def editor(tmp_path):
    """The address of a marimo editor in which the notebook is open."""
    path = tmp_path / "training.py"
    path.write_text(NOTEBOOK.replace("SEEN", str(tmp_path / "seen")))
    port = lab.free_port()
    command = [sys.executable, "-m", "marimo", "--yes", "edit", str(path), "--headless", "--no-token"]
    environment = os.environ | {"PYTHONPATH": str(lab.ROOT), "JAX_PLATFORMS": "cpu", "MARIMO_SKIP_UPDATE_CHECK": "1"}
    log = (tmp_path / "log").open("w")
    server = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)], env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    deadline = time.monotonic() + 180
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.25)
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def test_marimo_shows_a_training_live_and_steers_one_in_the_background(chromium, editor, tmp_path):
    page = chromium.new_page(viewport={"width": 1300, "height": 1500})
    page.set_default_timeout(180_000)
    errors, foreign = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request", lambda request: request.url.startswith((editor, "data:", "blob:")) or foreign.append(request.url)
    )
    page.goto(editor)
    page.locator(".cm-content", has_text="background").wait_for()
    page.get_by_test_id("run-button").last.click()  # of all cells
    panels = page.locator(".kernelkit-panel")
    states = page.locator(".kk-state")

    # While the cell trains: live, and no button that would do nothing.
    page.locator(".kk-stats", has_text="epoch 3/12").wait_for()
    page.locator(".kk-note", has_text="take effect when the cell ends").wait_for()
    expect(panels).to_have_count(1)
    expect(states).to_have_text("running")
    expect(page.locator(".kk-controls")).to_be_hidden()
    page.screenshot(path=str(lab.screen("marimo-running")))
    (tmp_path / "seen").touch()

    # When it has ended the picture is there, with the panel over it; what the cell showed before stays.
    page.locator(".kk-state", has_text="done").wait_for()
    page.locator("[data-kernelkit-panel] .kernelkit-panel").wait_for()
    page.locator("[data-kernelkit-panel] svg").nth(1).wait_for(state="attached")
    page.get_by_text("before", exact=True).first.wait_for()

    # In the background: buttons that act.
    page.locator(".kk-pause:visible").click()
    page.locator(".kk-state", has_text="paused").wait_for()
    page.locator(".kk-step:visible").click()
    page.locator(".kk-notice", has_text="Paused after").wait_for()
    page.screenshot(path=str(lab.screen("marimo-background-paused")))
    page.locator(".kk-stop:visible").click()
    page.locator(".kk-state", has_text="stopped").wait_for()
    assert errors == [] and foreign == []
    page.close()


def test_marimo_exports_the_picture(tmp_path):
    path = tmp_path / "training.py"
    path.write_text(
        NOTEBOOK.replace("epochs=12", "epochs=2")
        .replace("epochs=500", "epochs=1")
        .replace("background=True", "verbose=0")
    )
    environment = os.environ | {"PYTHONPATH": str(lab.ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-m", "marimo", "--yes", "export", "html", str(path), "-o", str(tmp_path / "out.html")]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    page = (tmp_path / "out.html").read_text()
    assert page.count("data-kernelkit-panel=") == 1 and "Training curves of line" in page and "2 epochs" in page
