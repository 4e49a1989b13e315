"""The side bar of trainings in a real JupyterLab: a cell that trains, a reload meanwhile, a restart."""

from __future__ import annotations

import json
import shutil

import nbformat
import pytest

from kernelkit.viz.curves.saved import MIME
from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LIST = ".kernelkit-trainings"
TRAIN = """
import time
import numpy as np
import kernelkit as kk

class Slowly(kk.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.05)

x = np.random.default_rng(0).normal(size=(256, 8)).astype("float32")
model = kk.Sequential([kk.Input((8,)), kk.layers.Dense(16, "relu"), kk.layers.Dense(1)], name="{name}")
model.compile("adam", "mse", metrics=["mae"])
history = model.fit(x, x[:, :1] ** 2, validation_split=0.25, epochs={epochs}, batch_size=16, callbacks=[Slowly()])
"""
EVIL = "<img src=x onerror=hack=1>"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainings")
    lab.write_notebook(folder / "one.ipynb", TRAIN.format(name="net_one", epochs=5000))
    with lab.LabServer(folder, extension=True) as running:
        yield running


@pytest.fixture
def notebook(server, chromium):
    page = chromium.new_page(viewport={"width": 1300, "height": 860})
    page.set_default_timeout(90_000)
    opened = lab.LabPage(page, server)
    yield opened
    assert page.evaluate("window.hack") is None
    assert opened.errors == [] and opened.foreign_requests() == []
    page.close()


def row(page, name):
    return page.locator(f"{LIST} .kt-row", has_text=name)


def test_a_training_is_seen_and_steered_while_its_cell_runs_and_comes_back_after_a_reload(server, notebook):
    page = notebook.page
    notebook.open("one.ipynb")
    notebook.command("kernelkit:list-trainings")
    page.locator(f"{LIST} .kt-empty").wait_for()
    notebook.run_cell(0)
    one = row(page, "net_one")
    one.get_by_text("steps/s").wait_for()
    assert "left" in one.inner_text() and "one.ipynb" in one.inner_text() and "/5000" in one.inner_text()
    one.get_by_role("button", name="Pause").click()
    one.locator(".kt-state[data-state=paused]").wait_for()
    assert notebook.is_running(0)  # it was heard although the cell runs
    notebook.screenshot("trainings-paused")
    one.get_by_role("button", name="Resume").click()
    one.locator(".kt-state[data-state=running]").wait_for()

    page.reload()
    one.locator(".kt-state[data-state=running]").wait_for()
    page.locator("#jp-main-statusbar").get_by_text("1 training").wait_for()
    notebook.screenshot("trainings-reloaded")


def test_a_restarted_kernel_ends_its_trainings(server, notebook):
    shutil.copy(server.folder / "one.ipynb", server.folder / "three.ipynb")
    lab.write_notebook(server.folder / "three.ipynb", TRAIN.format(name="net_three", epochs=5000))
    notebook.open("three.ipynb")
    notebook.command("kernelkit:list-trainings")
    notebook.run_cell(0)
    three = row(notebook.page, "net_three")
    three.get_by_text("steps/s").wait_for()
    notebook.restart_kernel()
    three.get_by_text("kernel ended").wait_for()


def test_saved_curves_are_drawn_with_no_kernel_and_no_trust(server, notebook):
    import kernelkit as kk

    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name=EVIL)
    model.compile("sgd", "mse")
    import numpy as np

    history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3, verbose=0)
    good = json.loads(json.dumps(kk.viz.history_bundle(history)[MIME]))
    wild = json.loads(json.dumps(good))
    wild["runs"][0]["curves"][0]["count"] = 10**12
    cells = []
    for payload in (good, wild, {"schema": EVIL}):
        bundle = {MIME: payload, "text/plain": "text"}
        cells.append(nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", bundle)]))
    written = nbformat.v4.new_notebook(cells=cells)
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(written, server.folder / "saved.ipynb")
    notebook.open("saved.ipynb")
    page = notebook.page
    page.locator(".jp-OutputArea-output .kernelkit-panel .kk-chart").first.wait_for()
    shown = page.locator(".jp-OutputArea-output").all_inner_texts()
    assert sum("cannot be shown" in text for text in shown) == 2 and EVIL in "".join(shown)
    notebook.screenshot("history-saved")
