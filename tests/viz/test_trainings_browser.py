"""The side bar of trainings in a real JupyterLab: a cell that trains, a reload meanwhile, a restart."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from playwright.sync_api import expect

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
    opened.shut_down_kernel()
    page.close()


def row(page, name):
    return page.locator(f"{LIST} .kt-row", has_text=name)


def resume(one):
    """Let a paused training go on, and wait until it says so: the row shows `running` as soon as it is clicked."""
    paused_in = re.search(r"epoch [\d,]+/", one.locator(".kt-facts").inner_text())[0]
    one.get_by_role("button", name="Resume").click()
    expect(one.locator(".kt-facts")).not_to_contain_text(paused_in)
    one.locator(".kt-state[data-state=running]").wait_for()


def keeps_the_list(layouts: str) -> bool:
    return re.search(r'"current":\s*"kernelkit-trainings"', layouts) is not None


def test_a_training_is_seen_and_steered_while_its_cell_runs_and_comes_back_after_a_reload(server, notebook):
    page = notebook.page
    notebook.open("one.ipynb")
    notebook.command("kernelkit:list-trainings")
    page.locator(f"{LIST} .kt-empty").wait_for()
    notebook.run_cell(0)
    one = row(page, "net_one")
    for text in ("steps/s", "/5000", "one.ipynb", re.compile(r"\bleft\b")):  # the time left is known a little later
        expect(one).to_contain_text(text)
    one.get_by_role("button", name="Pause").click()
    one.locator(".kt-state[data-state=paused]").wait_for()
    assert notebook.is_running(0)  # it was heard although the cell runs
    notebook.screenshot("trainings-paused")
    resume(one)

    server.wait_for_layout("one", keeps_the_list)
    page.reload()
    one.locator(".kt-state[data-state=running]").wait_for()
    page.locator("#jp-main-statusbar").get_by_text("1 training").wait_for()
    notebook.screenshot("trainings-reloaded")


def test_a_restarted_kernel_ends_its_trainings(server, notebook):
    lab.write_notebook(server.folder / "three.ipynb", TRAIN.format(name="net_three", epochs=5000))
    notebook.open("three.ipynb")
    notebook.command("kernelkit:list-trainings")
    notebook.run_cell(0)
    three = row(notebook.page, "net_three")
    three.get_by_text("steps/s").wait_for()
    notebook.restart_kernel()
    three.get_by_text("kernel ended").wait_for()


@pytest.fixture(scope="module", params=["lab 6.31.0", "lab 7.4.0", "notebook 7.3.0", "notebook 7.4.0"])
def other(request, tmp_path_factory):
    """A server with another ipykernel; in Notebook 7 too."""
    application, version = request.param.split()
    folder = tmp_path_factory.mktemp(request.param.replace(" ", "_").replace(".", "_"))
    lab.write_notebook(folder / "one.ipynb", TRAIN.format(name="net_one", epochs=5000))
    packages = lab.install(f"ipykernel=={version}", tmp_path_factory.mktemp("packages"))
    with lab.LabServer(folder, application, extension=True, packages=packages) as running:
        yield running, application, version


@pytest.mark.one_in(4)
def test_other_kernels_and_notebook_7_show_and_steer_trainings_too(other, chromium):
    server, application, version = other
    page = chromium.new_page(viewport={"width": 1300, "height": 860})
    page.set_default_timeout(90_000)
    notebook = lab.LabPage(page, server)
    notebook.open("one.ipynb")
    notebook.command("kernelkit:list-trainings")
    page.locator(f"{LIST} .kt-empty").wait_for()
    notebook.run_cell(0)
    one = row(page, "net_one")
    one.get_by_text("steps/s").wait_for()  # although the cell runs
    name = f"trainings-{application}-{version}"
    if version.startswith("6"):  # no subshell hears a click
        one.get_by_text("takes effect when the cell ends").wait_for()
        notebook.screenshot(name)
        one.get_by_role("button", name="Interrupt").click()
        one.locator(".kt-state[data-state=interrupted]").wait_for()
    else:
        one.get_by_role("button", name="Pause").click()
        one.locator(".kt-state[data-state=paused]").wait_for()
        assert notebook.is_running(0)
        resume(one)
        if application == "lab":
            server.wait_for_layout("one", keeps_the_list)
        page.reload()
        if application == "notebook":  # its side bars are closed after a reload
            notebook.command("kernelkit:list-trainings")
        one.locator(".kt-state[data-state=running]").wait_for()
        notebook.screenshot(name)
        one.get_by_role("button", name="Stop").click()
        one.locator(".kt-state[data-state=stopped]").wait_for()
    assert notebook.errors == [] and notebook.foreign_requests() == []
    notebook.shut_down_kernel()
    page.close()


@pytest.mark.one_in(3)
def test_trainings_of_two_notebooks_are_pinned_named_compared_and_exported(server, notebook, axe):
    import kernelkit as kk

    for name in ("first", "second"):
        model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name=f"net_{name}")
        model.compile("sgd", "mse")
        history = model.fit(np.ones((8, 2)), np.ones((8, 1)), epochs=3, verbose=0)
        bundle = json.loads(json.dumps({MIME: kk.viz.history_bundle(history)[MIME], "text/plain": "text"}))
        cell = nbformat.v4.new_code_cell("", outputs=[nbformat.v4.new_output("display_data", bundle)])
        written = nbformat.v4.new_notebook(cells=[cell])
        written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(written, server.folder / f"{name}.ipynb")
    page = notebook.page
    notebook.open("first.ipynb")
    notebook.command("kernelkit:list-trainings")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:open', {path: 'second.ipynb'})")
    first, second = row(page, "net_first"), row(page, "net_second")
    first.get_by_role("button", name="Pin").click()
    first.get_by_role("button", name="Name").click()
    page.locator(LIST).get_by_role("textbox", name="Name").fill("the <b>best</b>")
    first_named = row(page, "the <b>best</b>")
    page.keyboard.press("Enter")
    page.locator(f"{LIST} [aria-label='Pinned trainings'] .kt-row").wait_for()
    first_named.get_by_role("checkbox").check()
    second.get_by_role("checkbox").check()
    with page.expect_download() as download:
        page.locator(f"{LIST} .kt-tools button", has_text="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "run,epoch,loss" and len(lines) == 7
    assert [line.split(",")[0] for line in lines[1:]].count("the <b>best</b>") == 3
    assert axe(page, LIST) == []
    page.locator(f"{LIST} .kt-tools button", has_text="Compare").click()
    page.locator(".kernelkit-panel:not(.jp-OutputArea-output *) canvas").first.wait_for()
    notebook.screenshot("trainings-compared")
    second.locator(".kt-name").click()  # to its cell
    page.wait_for_function("window.jupyterapp.shell.currentWidget?.context?.path === 'second.ipynb'")
    page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save-all') }")
    notebook.command("application:close-all")  # what is pinned stays, and says that its notebook is closed
    page.locator(f"{LIST} .kt-where", has_text="first.ipynb (closed)").wait_for()
    expect(page.locator(f"{LIST} .kt-row")).to_have_count(1)
    assert second.count() == 0
    first_named.locator(".kt-name").click()  # its notebook is opened again
    page.wait_for_function("window.jupyterapp.shell.currentWidget?.context?.path === 'first.ipynb'")
    page.locator(f"{LIST} .kt-where", has_text=re.compile("first.ipynb$")).wait_for()


def test_saved_curves_are_drawn_with_no_kernel_and_no_trust(server, notebook):
    import kernelkit as kk

    model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name=EVIL)
    model.compile("sgd", "mse")
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
    expect(page.locator(".jp-OutputArea-output", has_text="cannot be shown")).to_have_count(2)
    expect(page.locator(".jp-OutputArea-output", has_text=EVIL).first).to_be_visible()
    assert page.locator(".jp-OutputArea-output").count() == 3
    notebook.screenshot("history-saved")
