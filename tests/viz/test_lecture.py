"""A lecture in a real JupyterLab with the extension: 1280 x 720 at 150 %. One notebook, one kernel."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.one_in(6)]

MODEL = """import time
import numpy as np, kernelkit as kk
L = kk.layers
x = np.random.default_rng(0).normal(size=(96, 6)).astype("float32"); y = (x[:, 0] > 0).astype("int32")
class Slow(kk.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None): time.sleep(0.1)
    def on_test_batch_end(self, batch, logs=None): time.sleep(0.4)
i = kk.Input((6,)); a = L.Dense(8, "relu")(i); b = L.Dense(8, "relu")(L.Dense(8, "relu")(a))
model = kk.Model(i, L.Dense(1, "sigmoid")(L.Add()([a, b])))
model.compile("adam", "binary_crossentropy", metrics=["accuracy", "auc"])"""
FIT = """model.fit(x, y, batch_size=8, epochs=40, validation_data=(x, y), callbacks=[Slow()])"""
PANEL = ".kernelkit-panel"
HEIGHT = "() => document.querySelector('.kernelkit-panel').getBoundingClientRect().height"


def test_a_lecture_at_150_percent(chromium, tmp_path):
    with lab.LabServer(tmp_path, extension=True) as server:
        lab.write_notebook(server.folder / "lecture.ipynb", MODEL, FIT, "dbg = model.debug(x, y, batch_size=8)\ndbg")
        page = chromium.new_page(viewport={"width": 853, "height": 480}, device_scale_factor=1.5)
        page.set_default_timeout(120_000)
        notebook = lab.LabPage(page, server)
        notebook.open("lecture.ipynb")
        notebook.command("application:toggle-left-area")
        notebook.run_cell(0)
        notebook.wait_cell_done(0)
        watch_a_fit(notebook)
        look_into_a_step(notebook)
        assert notebook.errors == [] and notebook.foreign_requests() == []
        notebook.shut_down_kernel()
        page.close()


def watch_a_fit(notebook) -> None:
    page, panel = notebook.page, notebook.page.locator(PANEL).last
    notebook.run_cell(1)
    panel.wait_for()
    first = page.evaluate(HEIGHT)
    state = panel.locator(".kk-state")
    assert state.inner_text() in ("preparing", "compiling", "running")  # F20: a word, and room for what comes
    panel.locator(".kk-pause").wait_for()
    panel.locator("canvas").first.wait_for()
    page.wait_for_function(
        "n => document.querySelector('.kernelkit-panel .kk-bar').getAttribute('aria-valuenow') > n", arg=2
    )
    assert page.evaluate(HEIGHT) - first < 400  # a third chart is a second row; nothing else has grown

    panel.scroll_into_view_if_needed()
    names = panel.locator(".kk-metric")
    expect(names).to_have_text(["loss", "accuracy", "auc"])
    lab.until(page, lambda: names.evaluate_all("all => all.every(n => n.scrollWidth <= n.clientWidth)"))  # F18
    tops = "all => all.slice(0, 2).map(n => n.getBoundingClientRect().y)"
    lab.until(page, lambda: len(set(panel.locator(".kk-plot").evaluate_all(tops))) == 1)

    rate, notice = panel.get_by_label("Learning rate", exact=True), panel.locator(".kk-notice")
    for wrong in ("abc", "-1"):  # F33
        rate.fill(wrong)
        panel.get_by_role("button", name="Set").click()
        notice.filter(has_text="number above 0").wait_for()
    rate.fill("0.01")
    panel.get_by_role("button", name="Set").click()
    notice.filter(has_text="0.01").wait_for()

    panel.locator(".kk-stats", has_text="validation").wait_for()  # F34
    panel.locator(".kk-pause").click()
    page.wait_for_function("() => /^paused/.test(document.querySelector('.kernelkit-panel .kk-state').textContent)")
    notice.filter(has_text="Paused after").wait_for()
    if state.inner_text() == "paused in validation":
        before = panel.locator(".kk-bar").get_attribute("aria-valuenow")
        panel.locator(".kk-step").click()
        page.wait_for_function(
            "n => document.querySelector('.kernelkit-panel .kk-bar').getAttribute('aria-valuenow') !== n", arg=before
        )
    notebook.screenshot("lecture-paused")

    panel.locator("summary").click()
    for name in ("accuracy", "auc"):
        panel.locator(".kk-boxes").get_by_label(name).check()
    names.filter(has_text="accuracy · auc").wait_for()
    panel.locator(".kk-pause").click()  # resume
    panel.locator(".kk-stop").click()
    notebook.wait_cell_done(1)
    page.locator(f"{PANEL} .kk-state", has_text="stopped").wait_for()
    panel = page.locator(PANEL).last
    panel.locator(".kk-metric", has_text="accuracy · auc").wait_for()  # the notebook has it, with no widget
    share = int(panel.locator(".kk-bar").get_attribute("aria-valuenow"))
    assert 0 < share < 100  # as long as what was done
    notebook.screenshot("lecture-stopped")
    panel.locator("summary").click()
    panel.locator(".kk-boxes").get_by_label("auc").uncheck()
    panel.locator("summary").click()  # the list is closed: the picture in the notebook is made anew
    page.wait_for_function(
        """() => window.jupyterapp.shell.currentWidget.content.widgets[1].model.outputs.get(0).data['text/html']
        .toString().includes('loss, accuracy, auc')"""
    )
    notebook.save()
    output, *_ = [one for one in lab.read_outputs(notebook.server.folder / notebook.name) if "data" in one]
    assert "loss, accuracy, auc" in "".join(output["data"]["text/html"])


def look_into_a_step(notebook) -> None:
    page, root = notebook.page, notebook.page.locator(".kernelkit-debugger")
    notebook.run_cell(2)
    notebook.wait_cell_done(2)
    root.locator(".kd-layers tbody tr").first.wait_for()
    root.locator(".kd-many").click()
    root.locator(".kd-place", has_text="step 10").wait_for()
    reach = """root => root.querySelector('.kd-layers tbody tr').getBoundingClientRect().bottom
        - root.querySelector('.kd-moves').getBoundingClientRect().y"""
    lab.until(page, lambda: root.evaluate(reach) < 355)  # F18: seen together
    root.locator(".kd-graph").click()
    lines = page.locator(".kernelkit-debugger .kg-lines path")
    lines.first.wait_for(state="attached")
    fills = "all => all.map(p => getComputedStyle(p).fill)"
    lab.until(page, lambda: set(lines.evaluate_all(fills)) == {"none"})  # lines, not shapes
    notebook.screenshot("lecture-debugger")
