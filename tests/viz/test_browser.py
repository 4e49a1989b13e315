"""The panel in a real JupyterLab, seen through Chromium. Pictures of each state are left under build/screenshots."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from kernelkit.viz.curves.saved import MIME
from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.one_in(2)]

IMPORTS = "from kernelkit.viz.curves import LivePanel, compare\nfrom tests.viz.fake import train"
PANEL = ".kernelkit-panel"
EVIL = "<img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with lab.LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="module")
def notebook_server(tmp_path_factory):
    with lab.LabServer(tmp_path_factory.mktemp("notebook"), application="notebook") as server:
        yield server


@pytest.fixture
def open_notebook(chromium, server, request):
    """A function that opens a notebook with some cells; the first, with the imports, has run already."""
    pages = []

    def open_(*cells: str, width: int = 1300, height: int = 900, server: lab.LabServer = server) -> lab.LabPage:
        name = re.sub(r"\W+", "_", request.node.name) + ".ipynb"
        lab.write_notebook(server.folder / name, IMPORTS, *cells)
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(180_000)
        notebook = lab.LabPage(page, server)
        pages.append(notebook)
        notebook.open(name)
        if width < 1000:
            notebook.command("application:toggle-left-area")
        notebook.run_cell(0)
        notebook.wait_cell_done(0)
        return notebook

    yield open_
    for notebook in pages:
        assert notebook.errors == []
        assert notebook.foreign_requests() == []
        notebook.shut_down_kernel()
        notebook.page.close()


def wait_for_state(notebook: lab.LabPage, wanted: str) -> None:
    notebook.page.wait_for_function(
        "wanted => [...document.querySelectorAll('.kernelkit-panel .kk-state')].at(-1)?.textContent === wanted",
        arg=wanted,
    )


def wait_until_paused(notebook: lab.LabPage) -> None:
    """Wait until the newest panel has heard of a pause: from then on it knows of all steps that were done."""
    wait_for_state(notebook, "paused")
    expect(notebook.page.locator(f"{PANEL} .kk-notice").last).to_contain_text("Paused after")


def steps_seen(notebook: lab.LabPage) -> int:
    """Steps that the newest panel says are done in this epoch."""
    found = re.search(r"step ([\d,]+)", notebook.page.locator(f"{PANEL} .kk-stats").last.inner_text())
    return int(found[1].replace(",", "")) if found else 0


INK = """() => { const canvas = [...document.querySelectorAll('.kernelkit-panel')].at(-1)?.querySelector('canvas');
    if (!canvas?.width) return 0;
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4) n += data[i + 3] > 40 && Math.abs(data[i] - data[i + 2]) > 40;
    return n; }"""
"""Pixels of the newest panel's first chart that are drawn in colour: the curves."""


def wait_for_ink(notebook: lab.LabPage, more_than: int = 50, less_than: int = 10**9) -> int:
    """Wait until the curves have so many pixels, and return how many."""
    within = f"([low, high]) => {{ const n = ({INK})(); return low < n && n < high }}"
    notebook.page.wait_for_function(within, arg=[more_than, less_than])
    return notebook.page.evaluate(INK)


def wait_for_steps(notebook: lab.LabPage, more_than: int = 0) -> int:
    """Wait until the newest panel tells of more steps in this epoch, and return how many."""
    notebook.page.wait_for_function(
        """n => { const stats = [...document.querySelectorAll('.kernelkit-panel .kk-stats')].at(-1);
        return Number(/step ([\\d,]+)/.exec(stats?.textContent)?.[1].replaceAll(',', '')) > n }""",
        arg=more_than,
    )
    return steps_seen(notebook)


def test_points_arrive_while_training_runs_and_the_picture_stays(open_notebook, server):
    notebook = open_notebook("run = train(LivePanel(), epochs=2, steps=20_000, pause=0.08, slow_until='seen')")
    page = notebook.page
    notebook.run_cell(1)
    page.wait_for_selector(f"{PANEL} canvas")
    wait_for_state(notebook, "running")
    first, first_ink = wait_for_steps(notebook), wait_for_ink(notebook)
    assert notebook.is_running(1)
    wait_for_steps(notebook, first)
    notebook.screenshot("running")
    (server.folder / "seen").touch()
    notebook.wait_cell_done(1)
    wait_for_state(notebook, "done")
    page.locator(f"{PANEL} .kk-stats", has_text="40,000 steps").wait_for()
    expect(page.locator(PANEL)).to_have_count(1)
    wait_for_ink(notebook, first_ink)
    notebook.screenshot("done")

    notebook.save()
    (output,) = lab.read_outputs(server.folder / notebook.name)
    assert output["data"].keys() == {"text/plain", "text/html", "image/png", MIME}
    assert "done · 2 epochs · 40,000 steps" in "".join(output["data"]["text/plain"])

    page.reload()
    notebook.wait_idle()
    page.wait_for_selector(f"{PANEL} canvas")
    wait_for_state(notebook, "done")
    expect(page.locator(f"{PANEL} .kk-stats")).to_contain_text("40,000 steps")

    notebook.shut_down_kernel()
    page.reload()
    pictures, images = page.locator(".kernelkit-curves svg"), page.locator(".kernelkit-image")
    expect(pictures.filter(visible=True)).to_have_count(3)  # the title and each chart
    expect(images.filter(visible=True)).to_have_count(0)
    assert (pictures.count(), images.count(), page.locator(PANEL).count()) == (3, 3, 0)
    notebook.screenshot("reopened-without-kernel")


def test_an_untrusted_notebook_shows_the_curves(open_notebook, server):
    notebook = open_notebook("run = train(LivePanel(), epochs=3, steps=20)")
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    wait_for_state(notebook, "done")
    notebook.save()
    path = server.folder / notebook.name
    path.write_text(path.read_text().replace("run = train", "other = train"))  # what it was signed as it is no more
    notebook.shut_down_kernel()
    notebook.page.reload()
    images = notebook.page.locator(".kernelkit-image")
    expect(images.filter(visible=True)).to_have_count(3)
    assert images.count() == 3
    expect(notebook.page.locator(".kernelkit-inline")).to_be_hidden()
    notebook.screenshot("untrusted")


def test_stop_acts_while_the_cell_runs(open_notebook):
    notebook = open_notebook("run = train(LivePanel(), epochs=2000, steps=100, pause=0.05)\nprint(run.stopping)")
    notebook.run_cell(1)
    button = notebook.page.locator(f"{PANEL} .kk-stop")
    button.wait_for(state="visible")
    assert notebook.is_running(1)
    button.click()
    notebook.wait_cell_done(1)
    wait_for_state(notebook, "stopped")
    expect(button).to_be_hidden()
    expect(notebook.page.locator(".jp-OutputArea-output", has_text="True")).to_have_count(1)
    notebook.screenshot("stopped")


def test_a_real_fit_is_steered_while_it_runs(open_notebook):
    notebook = open_notebook(
        "import time, numpy as np, kernelkit as keras\n"
        "class Slow(keras.callbacks.Callback):\n"
        "    def on_train_batch_end(self, batch, logs=None): time.sleep(0.005)\n"
        "x = np.random.default_rng(0).normal(size=(3200, 20)).astype('float32')\n"
        "model = keras.Sequential([keras.layers.Dense(1)], name='line')\n"
        "model.compile(keras.optimizers.SGD(0.1), 'mse')\n"
        "model.save = lambda path: None",
        "history = model.fit(x, x[:, :1], epochs=500, callbacks=[Slow()])",
        "print(history, float(model.optimizer.learning_rate))",
    )
    page = notebook.page
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    notebook.run_cell(2)
    page.locator(f"{PANEL} .kk-pause").click()
    wait_until_paused(notebook)
    assert notebook.is_running(2)
    before = steps_seen(notebook)
    page.wait_for_timeout(1000)  # nothing is to happen, so there is nothing to wait for
    assert steps_seen(notebook) == before  # training stands still
    for done in (1, 2):
        page.locator(f"{PANEL} .kk-step").click()
        page.wait_for_function(
            "n => document.querySelector('.kk-stats').textContent.includes(`step ${n}/`)",
            arg=(before + done - 1) % 100 + 1,
        )
    page.locator(f"{PANEL} .kk-rate input").fill("0.025")
    page.keyboard.press("Enter")
    page.locator(f"{PANEL} .kk-notice", has_text="Learning rate 0.025").wait_for()
    page.locator(f"{PANEL} .kk-save").click()
    page.locator(f"{PANEL} .kk-notice", has_text="Saved line-step").wait_for()
    notebook.screenshot("fit-paused")
    page.locator(f"{PANEL} .kk-pause").click()
    wait_for_state(notebook, "running")
    page.locator(f"{PANEL} .kk-metric", has_text="learning_rate").wait_for()  # logged: it has a curve now
    page.locator(f"{PANEL} .kk-stop-later").click()
    notebook.wait_cell_done(2)
    wait_for_state(notebook, "stopped")
    notebook.screenshot("fit-stopped")
    notebook.run_cell(3)
    page.locator(".jp-OutputArea-output", has_text=re.compile(r"<History of .*> 0\.025")).wait_for()


def test_a_fit_in_the_background_is_steered_from_its_panel_and_from_cells(open_notebook):
    notebook = open_notebook(
        "import time, numpy as np, kernelkit as keras\n"
        "class Slow(keras.callbacks.Callback):\n"
        "    def on_train_batch_end(self, batch, logs=None): time.sleep(0.005)\n"
        "class Fails(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None): raise OSError('the disk is full')\n"
        "x = np.random.default_rng(0).normal(size=(3200, 20)).astype('float32')\n"
        "model = keras.Sequential([keras.layers.Dense(1)], name='line')\n"
        "model.compile(keras.optimizers.SGD(0.1), 'mse')",
        "handle = model.fit(x, x[:, :1], epochs=500, callbacks=[Slow()], background=True)",
        "print(handle.status.state, model.predict(x[:2], verbose=0).shape)",
        "handle.stop(); print(type(handle.wait(60)).__name__)",
        "handle = model.fit(x, x[:, :1], epochs=5, callbacks=[Fails()], background=True)",
    )
    page = notebook.page
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    notebook.run_cell(2)
    notebook.wait_cell_done(2)  # at once, and training goes on
    wait_for_state(notebook, "running")
    page.locator(f"{PANEL} .kk-pause").click()
    wait_for_state(notebook, "paused")
    notebook.run_cell(3)
    page.locator(".jp-OutputArea-output", has_text="paused (2, 1)").wait_for()
    page.locator(f"{PANEL} .kk-pause").click()
    wait_for_state(notebook, "running")
    notebook.screenshot("background")
    notebook.run_cell(4)
    page.locator(".jp-OutputArea-output", has_text="History").wait_for()
    wait_for_state(notebook, "stopped")
    notebook.run_cell(5)
    notebook.wait_cell_done(5)
    page.locator(PANEL, has_text="the disk is full").wait_for()


def test_where_clicks_cannot_arrive_there_is_no_button(open_notebook):
    notebook = open_notebook(
        "from kernelkit.viz.curves import widget\nwidget.deliver_while_busy = lambda widget: None",
        "run = train(LivePanel(), epochs=1, steps=40_000, pause=0.1)",
    )
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    notebook.run_cell(2)
    notebook.page.locator(f"{PANEL} .kk-note", has_text="take effect when the cell ends").wait_for()
    assert notebook.is_running(2)
    expect(notebook.page.locator(f"{PANEL} .kk-controls")).to_be_hidden()
    notebook.screenshot("unreachable")
    notebook.command("notebook:interrupt-kernel")
    wait_for_state(notebook, "interrupted")


@pytest.mark.parametrize("way", ["in the cell", "in the background"])
def test_a_reload_during_training_finds_the_panel_and_all_it_missed(open_notebook, way):
    call = "train(LivePanel(), epochs=1, steps=4000, pause=0.1, block=1)"
    notebook = open_notebook(
        f"run = {call}"
        if way == "in the cell"
        else "import threading\nthreading.Thread(target=lambda: " + call + ").start()"
    )
    page = notebook.page
    notebook.run_cell(1)
    wait_for_state(notebook, "running")
    before = wait_for_steps(notebook)
    notebook.save()
    page.reload()
    page.wait_for_selector(f"{PANEL} canvas")
    wait_for_state(notebook, "running")
    assert wait_for_steps(notebook, before) > before > 0
    wait_for_ink(notebook, 200)
    page.locator(f"{PANEL} .kk-pause").click()
    wait_until_paused(notebook)
    paused_at = steps_seen(notebook)
    notebook.save()
    page.reload()
    page.wait_for_selector(f"{PANEL} canvas")
    wait_until_paused(notebook)
    assert steps_seen(notebook) == paused_at
    page.locator(f"{PANEL} .kk-step").click()
    assert wait_for_steps(notebook, paused_at) == paused_at + 1
    notebook.screenshot(f"reloaded-while-paused-{way.replace(' ', '-')}")
    page.locator(f"{PANEL} .kk-pause").click()
    wait_for_steps(notebook, paused_at + 10)
    page.locator(f"{PANEL} .kk-stop").click()
    wait_for_state(notebook, "stopped")
    if way == "in the cell":
        notebook.wait_idle()


def test_a_restarted_kernel_is_told_of_and_the_next_training_is_right(open_notebook, server):
    notebook = open_notebook("run = train(LivePanel(), epochs=1, steps=40_000, pause=0.1)")
    page = notebook.page
    notebook.run_cell(1)
    wait_for_steps(notebook)
    page.locator(f"{PANEL} .kk-pause").wait_for()
    notebook.restart_kernel()
    page.locator(f"{PANEL} .kk-note", has_text="The kernel does not answer").wait_for()
    wait_for_state(notebook, "lost")
    expect(page.locator(f"{PANEL} .kk-controls")).to_be_hidden()
    notebook.screenshot("kernel-restarted")
    notebook.run_cell(0)
    notebook.wait_cell_done(0)
    notebook.set_source(1, "run = train(LivePanel(), epochs=2, steps=20)")
    notebook.run_cell(1)
    page.locator(f"[data-kernelkit-panel] {PANEL}").wait_for()  # over the picture
    wait_for_state(notebook, "done")
    wait_for_ink(notebook)
    notebook.save()
    (output,) = lab.read_outputs(server.folder / notebook.name)
    assert output["data"].keys() == {"text/plain", "text/html", "image/png", MIME}
    assert "done · 2 epochs · 40 steps" in "".join(output["data"]["text/plain"])


def test_a_failure_is_told_and_names_stay_text(open_notebook):
    notebook = open_notebook(f"train(LivePanel(), name={EVIL!r}, epochs=3, steps=50, pause=0.01, fail_at=77)")
    notebook.run_cell(1)
    wait_for_state(notebook, "failed")
    expect(notebook.page.locator(f"{PANEL} .kk-name")).to_have_text(EVIL)
    expect(notebook.page.locator(f"{PANEL} .kk-error")).to_contain_text("loss is NaN at step 80")
    assert notebook.page.evaluate("window.hacked") is None
    notebook.screenshot("failed")


def test_charts_are_explored_by_mouse_and_keyboard(open_notebook):
    notebook = open_notebook("run = train(LivePanel(), epochs=8, steps=400)")
    page = notebook.page
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    page.locator(f"[data-kernelkit-panel] {PANEL}").wait_for()  # where it stays: over the picture
    wait_for_state(notebook, "done")
    everything = page.locator(f"{PANEL} .kk-tools button")
    box = lab.settled_box(page.locator(f"{PANEL} .u-over").first)
    expect(everything).to_be_hidden()
    page.mouse.move(box["x"] + 100, box["y"] + 50)
    expect(page.locator(f"{PANEL} .kk-position")).to_have_text(re.compile(r"^epoch [\d.]+ · step [\d,]+$"))
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 60, steps=4)
    page.mouse.up()
    everything.wait_for(state="visible")
    notebook.screenshot("zoomed")
    page.mouse.dblclick(box["x"] + 100, box["y"] + 50)
    everything.wait_for(state="hidden")
    plot = page.locator(f"{PANEL} .kk-plot").first
    plot.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    everything.wait_for(state="visible")
    page.keyboard.press("0")
    everything.wait_for(state="hidden")
    toggle = page.locator(f"{PANEL} .kk-legend button").first
    full = wait_for_ink(notebook)
    toggle.click()
    page.wait_for_function("() => document.querySelector('.kk-legend button').ariaPressed === 'false'")
    wait_for_ink(notebook, -1, full)
    page.locator(f"{PANEL} input[type=range]").fill("0.9")
    page.locator(f"{PANEL} label", has_text="Log scale").locator("input").check()
    page.locator(f"{PANEL} .kk-legend button", has_text="smoothed").first.wait_for()
    notebook.screenshot("smooth-log")


def test_histories_are_compared(open_notebook):
    notebook = open_notebook(
        "a, b = (train(LivePanel(), epochs=n, steps=30, block=30).history for n in (12, 20))",
        "compare(a, b, labels=['adam', 'sgd'])",
    )
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    notebook.run_cell(2)
    last = notebook.page.locator(PANEL).last
    notebook.page.wait_for_function("() => document.querySelectorAll('.kernelkit-panel canvas').length === 6")
    labels = last.locator(".kk-legend").first.locator("button span")
    expect(labels).to_have_text(["adam", "adam validation", "sgd", "sgd validation"])
    for place in (".kk-stop", ".kk-state"):
        expect(last.locator(place)).to_be_hidden()
    last.scroll_into_view_if_needed()
    notebook.screenshot("compare")


def test_a_second_training_is_seen_with_the_first(open_notebook):
    notebook = open_notebook(*["run = train(LivePanel(), epochs=8, steps=50, pause=0.01)"] * 2)
    for cell in (1, 2):
        notebook.run_cell(cell)
        notebook.wait_cell_done(cell)
    last = notebook.page.locator(PANEL).last
    last.locator(".kk-legend button", has_text="run 1").first.wait_for()
    last.scroll_into_view_if_needed()
    notebook.screenshot("second-training")
    last.locator("label", has_text="Earlier runs").locator("input").uncheck()
    last.locator(".kk-legend button", has_text="run 1").first.wait_for(state="detached")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_a_phones_width_is_enough_in_both_themes(open_notebook, theme):
    notebook = open_notebook("run = train(LivePanel(), epochs=4, steps=100)", width=470, height=1100)
    notebook.set_theme(theme)
    notebook.run_cell(1)
    wait_for_state(notebook, "done")
    wait_for_ink(notebook)
    notebook.wait_cell_done(1)
    panel = notebook.page.locator(PANEL)
    assert lab.settled_box(panel)["width"] <= 400
    lab.until(notebook.page, lambda: panel.evaluate("node => node.scrollWidth <= node.clientWidth + 1"))
    expect(panel).to_have_attribute("data-theme", theme.split()[1].lower())
    notebook.screenshot(f"phone-{theme.split()[1].lower()}")


def test_a_real_fit_is_seen_while_it_runs(open_notebook, server):
    notebook = open_notebook(
        "import numpy as np, kernelkit as keras\n"
        "x = np.random.default_rng(0).normal(size=(4096, 20)).astype('float32')\n"
        "y = (x[:, 0] * x[:, 1] > 0).astype('int32')\n"
        "model = keras.Sequential([keras.layers.Dense(32, 'tanh'), keras.layers.Dense(2, 'softmax')])\n"
        "model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
        "import os, time\n"
        "class UntilSeen(keras.callbacks.Callback):\n"
        "    def on_epoch_end(self, epoch, logs=None):\n"
        "        while epoch == 5 and not os.path.exists('fit_seen'): time.sleep(0.05)",
        "history = model.fit(x, y, batch_size=8, epochs=12, validation_split=0.2, callbacks=[UntilSeen()])",
    )
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    notebook.run_cell(2)
    wait_for_state(notebook, "running")
    assert notebook.is_running(2)
    notebook.screenshot("fit-running")
    (server.folder / "fit_seen").touch()
    notebook.wait_cell_done(2)
    wait_for_state(notebook, "done")
    wait_for_ink(notebook)
    notebook.screenshot("fit-done")
    expect(notebook.page.locator(f"{PANEL} .kk-metric")).to_have_text(["loss", "accuracy"])
    notebook.save()
    (output,) = lab.read_outputs(server.folder / notebook.name)
    assert "image/png" in output["data"] and "val_accuracy" in "".join(output["data"]["text/plain"])


def test_notebook_7_shows_and_steers_the_same_panel_and_names_stay_text(open_notebook, notebook_server):
    notebook = open_notebook(
        "import time, numpy as np, kernelkit as keras\n"
        "class Slow(keras.callbacks.Callback):\n"
        "    def on_train_batch_end(self, batch, logs=None): time.sleep(0.005)\n"
        "x = np.random.default_rng(0).normal(size=(3200, 20)).astype('float32')\n"
        "model = keras.Sequential([keras.layers.Dense(1)])\n"
        f"model.compile('sgd', 'mse', metrics=[keras.metrics.MeanAbsoluteError(name={EVIL!r})])",
        "history = model.fit(x, x[:, :1], epochs=500, callbacks=[Slow()])",
        "history",
        server=notebook_server,
    )
    page = notebook.page
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    notebook.run_cell(2)
    page.locator(f"{PANEL} .kk-pause").click()
    wait_for_state(notebook, "paused")
    assert notebook.is_running(2)
    expect(page.locator(f"{PANEL} .kk-metric")).to_have_text(["loss", EVIL])
    notebook.screenshot("notebook-7-paused")
    page.locator(f"{PANEL} .kk-pause").click()
    wait_for_state(notebook, "running")
    page.locator(f"{PANEL} .kk-stop").click()
    notebook.wait_cell_done(2)
    wait_for_state(notebook, "stopped")
    wait_for_ink(notebook)
    notebook.run_cell(3)
    notebook.wait_cell_done(3)
    notebook.screenshot("notebook-7-stopped")
    notebook.save()
    _, output = lab.read_outputs(notebook_server.folder / notebook.name)
    assert output["data"].keys() == {"text/plain", "text/html", "image/png", MIME}
    notebook.shut_down_kernel()
    page.reload()
    page.locator(".kernelkit-curves svg").first.wait_for()
    assert page.evaluate("window.hacked") is None
    notebook.screenshot("notebook-7-reopened-without-kernel")
