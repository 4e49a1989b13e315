"""The graph in a real JupyterLab and Notebook 7: live, and in saved, untrusted notebooks."""

from __future__ import annotations

import json
import re

import nbformat
import pytest
from playwright.sync_api import expect

import kernelkit as kk
from kernelkit.models.description import describe
from kernelkit.viz.cards.bundles import MIME
from tests.viz import lab

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.one_in(2)]

L = kk.layers
GRAPH = ".kernelkit-graph"
EVIL = "<img src=x onerror=hack=1>"
LIVE = """
import kernelkit as kk
L = kk.layers
x = i = kk.Input((8, 8, 4), name="begin")
for k in range(6):
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x)))
    x = L.Add()([x, L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(y))])
model = kk.Model(i, L.Dense(2, name="<img src=x onerror=hack=1>")(L.GlobalAveragePooling2D()(x)), name="net")
model.graph()
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    with lab.LabServer(tmp_path_factory.mktemp("lab"), extension=True) as server:
        yield server


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    with lab.LabServer(tmp_path_factory.mktemp("bare")) as server:
        yield server


@pytest.fixture(scope="module")
def notebook7(tmp_path_factory):
    with lab.LabServer(tmp_path_factory.mktemp("notebook"), "notebook", extension=True) as server:
        yield server


def network():
    x = i = kk.Input((8, 8, 4), name="begin")
    for _ in range(6):
        y = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(x)))
        x = L.Add()([x, L.BatchNormalization()(L.Conv2D(4, 3, padding="same")(y))])
    return kk.Model(i, L.Dense(2, name=EVIL)(L.GlobalAveragePooling2D()(x)), name="net")


def saved_notebook(folder, *payloads):
    """A notebook with outputs that nobody has signed."""
    cells = []
    for payload in payloads:
        bundle = {MIME: payload, "text/html": "<b>what other viewers show</b>", "text/plain": "text"}
        cell = nbformat.v4.new_code_cell("model", outputs=[nbformat.v4.new_output("display_data", bundle)])
        cells.append(cell)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "saved.ipynb")


@pytest.fixture
def open_(chromium):
    pages = []

    def open_(server, name="saved.ipynb", width=1200, height=900):
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(120_000)
        notebook = lab.LabPage(page, server)
        pages.append(notebook)
        notebook.open(name)
        return notebook

    yield open_
    for notebook in pages:
        assert notebook.page.evaluate("window.hack") is None
        assert notebook.errors == [] and notebook.foreign_requests() == []
        notebook.shut_down_kernel()
        notebook.page.close()


def labels(page):
    return page.locator(f"{GRAPH} [role=treeitem]").evaluate_all("nodes => nodes.map(n => n.ariaLabel.split(',')[0])")


def walk(notebook, name):
    """Do with the graph in a page what a person does."""
    page = notebook.page
    page.wait_for_selector(f"{GRAPH} [role=treeitem]")
    lab.until(page, lambda: labels(page)[:2] == ["begin", "block × 6"] and EVIL in labels(page))
    notebook.screenshot(f"{name}-closed")
    group, opened = (page.locator(f"{GRAPH} [aria-expanded{value}]") for value in ("", "=true"))
    before = lab.settled_box(group.first)
    group.first.click()
    expect(opened).to_have_count(1)
    assert "block 6" in labels(page)
    assert abs(lab.settled_box(opened)["y"] - before["y"]) < 12  # what was opened stays where it was
    search, said = page.locator(f"{GRAPH} input[type=search]"), page.locator(f"{GRAPH} .kg-said")
    search.fill("batch_normalization")
    expect(said).to_have_text("1 of 12")
    search.press("Enter")
    expect(said).to_have_text("2 of 12")
    search.fill("no such layer")
    expect(said).to_contain_text("No layer's name")
    search.fill("")
    page.locator(f"{GRAPH} button", has_text="Close").first.click()
    expect(opened).to_have_count(0)
    page.locator(f"{GRAPH} [role=treeitem]").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"{GRAPH} [role=treeitem]:focus")).to_have_attribute("aria-label", re.compile("^block × 6"))
    for key, label, count in (
        ("ArrowRight", "block × 6", 1),  # opens it
        ("ArrowRight", "block 1", 1),
        ("ArrowRight", "block 1", 2),
        ("ArrowRight", "conv2d", 2),
    ):
        page.keyboard.press(key)
        expect(opened).to_have_count(count)
        focused = page.locator(f"{GRAPH} [role=treeitem]:focus")
        expect(focused).to_have_attribute("aria-label", re.compile(f"^{label}"))
    page.keyboard.press("Enter")
    expect(page.locator(f"{GRAPH} .kg-side")).to_contain_text("Conv2D")
    notebook.screenshot(f"{name}-open")


def test_a_saved_notebook_that_nobody_trusts_can_be_walked_through(extended, open_):
    graph = network().graph()
    saved_notebook(extended.folder, json.loads(json.dumps(graph.description | {"weights": graph.weights})))
    notebook = open_(extended)
    walk(notebook, "graph-saved")
    expect(notebook.page.locator(f"{GRAPH} .kg-side figure")).to_have_count(2)  # the kernel and the bias
    notebook.set_theme("JupyterLab Dark")
    notebook.screenshot("graph-dark")


def test_damaged_graphs_say_so_and_run_nothing(extended, open_):
    good = describe(network())
    wild = json.loads(json.dumps(good))
    wild["nodes"]["parent"][0] = 0
    huge = json.loads(json.dumps(good)) | {"strings": ["x" * 5_000_000]}
    command = '<button data-commandlinker-command="kernelmenu:shutdown">press</button>'
    good["strings"][good["model"]] = good["strings"][good["nodes"]["name"][0]] = command
    saved_notebook(extended.folder, wild, huge, {"schema": EVIL}, [1, 2], good)
    page = open_(extended).page
    page.wait_for_selector(GRAPH)
    expect(page.locator(".jp-OutputArea-output", has_text="cannot be shown")).to_have_count(4)
    expect(page.locator(".jp-OutputArea-output")).to_have_count(5)
    expect(page.locator(GRAPH)).to_have_count(1)
    expect(page.locator(GRAPH)).to_contain_text("data-commandlinker-command")
    assert page.locator("[data-commandlinker-command], [href*=commandlinker]").count() == 0


@pytest.mark.parametrize("where", ["notebook7", "extended"])
def test_notebook_7_shows_it_too_and_pages_of_390_pixels_do(where, request, open_):
    server = request.getfixturevalue(where)
    saved_notebook(server.folder, json.loads(json.dumps(describe(network()))))
    notebook = open_(server, width=390, height=800)
    page = notebook.page
    if where == "extended":  # JupyterLab's side bar would leave 20 pixels
        page.evaluate("() => { window.jupyterapp.shell.collapseLeft() }")
    page.wait_for_selector(f"{GRAPH} [role=treeitem]")
    assert "block × 6" in labels(page)
    page.wait_for_function("s => document.querySelector(s).getBoundingClientRect().width > 200", arg=GRAPH)
    box = lab.settled_box(page.locator(GRAPH))
    assert box["x"] >= 0 and box["x"] + box["width"] <= 391
    shown = lab.settled_box(page.locator(f"{GRAPH} [role=treeitem]").first)
    assert shown["x"] >= box["x"] and shown["x"] + shown["width"] <= box["x"] + box["width"]
    if where == "extended":  # a window that grows and shrinks again: the picture stays in sight
        for width in (1100, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_function(
                """s => { const view = document.querySelector(s).getBoundingClientRect();
                return [...document.querySelectorAll(s + ' [role=treeitem]')].every(n => {
                    const box = n.getBoundingClientRect();
                    return box.left >= view.left && box.right <= view.right }) }""",
                arg=f"{GRAPH} .kg-view",
            )
    page.locator(f"{GRAPH} [role=treeitem]").first.click()
    side = page.locator(f"{GRAPH} .kg-side")
    beside = lab.settled_box(side)
    assert beside["width"] > 200 and beside["x"] + beside["width"] <= 391
    notebook.screenshot(f"graph-390-{where}")


@pytest.mark.parametrize("where", ["extended", "bare"])
def test_a_live_notebook_shows_the_graph_with_and_without_the_extension(where, request, open_):
    server = request.getfixturevalue(where)
    lab.write_notebook(server.folder / "live.ipynb", LIVE, "model")
    notebook = open_(server, "live.ipynb")
    notebook.run_cell(0)
    notebook.wait_cell_done(0)
    walk(notebook, f"graph-live-{where}")
    expect(notebook.page.locator(f"{GRAPH} .kg-side figure")).to_have_count(2)
    notebook.run_cell(1)
    notebook.wait_cell_done(1)
    notebook.page.wait_for_selector(".kk-card >> nth=1" if where == "bare" else f"{GRAPH} >> nth=1")
    notebook.screenshot(f"card-live-{where}")


COLORED = """
import numpy as np, kernelkit as kk
L = kk.layers
x, y = np.random.default_rng(0).normal(size=(256, 8, 8, 1)).astype("float32"), np.arange(256) % 3
blocks = [layer for k in range(4) for layer in (L.Dense(16, activation="relu"), L.Dropout(0.1))]
layers = [kk.Input((8, 8, 1)), L.Conv2D(4, 3, activation="relu", name="conv"), L.Flatten()]
model = kk.Sequential([*layers, *blocks, L.Dense(3, name="out")], name="net")
model.compile("adam", kk.losses.SparseCategoricalCrossentropy(from_logits=True))

class UntilSeen(kk.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.3)
        self.model.stop_training = os.path.exists(SEEN)

import os, time
graph = model.graph(x)
graph
"""
FIT = """follow = graph.follow(share=0.9, time=True)
model.fit(x, y, epochs=2000, batch_size=32, verbose=0, callbacks=[UntilSeen(), follow]);"""


@pytest.mark.one_in(2)
@pytest.mark.parametrize("where", ["extended", "bare"])
def test_the_colors_follow_fit_and_stay_in_the_notebook(where, request, open_, axe):
    server = request.getfixturevalue(where)
    name = f"colored-{where}"
    lab.write_notebook(server.folder / f"{name}.ipynb", COLORED.replace("SEEN", repr(f"{name}-seen")), FIT)
    notebook = open_(server, f"{name}.ipynb", width=1100, height=1000)
    page = notebook.page
    notebook.run_cell(0)
    notebook.wait_cell_done(0)
    page.locator(f"{GRAPH} [role=treeitem]", has_text="conv").first.click()
    page.locator(f"{GRAPH} .kg-output canvas").nth(3).wait_for()
    page.locator(f"{GRAPH} [aria-expanded=false]").first.click()
    notebook.run_cell(1)
    colored = page.locator(f"{GRAPH} .kg-colored")
    colored.first.wait_for()
    assert notebook.is_running(1)
    slider = page.locator(f"{GRAPH} .kg-steps input")
    page.wait_for_function("s => Number(document.querySelector(s).max) >= 3", arg=f"{GRAPH} .kg-steps input")
    page.locator(f"{GRAPH} .kg-colored[aria-label*=conv][aria-label*='Gradient norm']").first.wait_for()
    slider.fill("0")  # back to the first look, while the training goes on
    first, newest = page.locator(f"{GRAPH} .kg-step").inner_text(), int(slider.get_attribute("max"))
    page.wait_for_function("([s, n]) => document.querySelector(s).max > n", arg=[f"{GRAPH} .kg-steps input", newest])
    expect(page.locator(f"{GRAPH} .kg-step")).to_have_text(first)
    assert slider.input_value() == "0"
    page.locator(f"{GRAPH} .kg-colors select").select_option(label="Time")
    page.locator(f"{GRAPH} .kg-colored", has_text="ms").first.wait_for()
    page.locator(f"{GRAPH} .kg-colors select").select_option(label="|update| / |weight|")
    notebook.screenshot(f"{name}-fit")
    (server.folder / f"{name}-seen").touch()
    notebook.wait_cell_done(1)
    page.locator(f"{GRAPH} .kg-colored").first.wait_for()
    assert axe(page, GRAPH) == []
    if where == "bare":
        return
    # What was opened and chosen is still so after the notebook was given the colors to keep.
    page.locator(f"{GRAPH} [aria-expanded=true]").wait_for()
    page.wait_for_function("s => document.querySelector(s)?.value === 'update_ratio'", arg=f"{GRAPH} .kg-colors select")
    notebook.set_theme("JupyterLab Dark")
    notebook.screenshot(f"{name}-dark")
    notebook.save()
    notebook.shut_down_kernel()
    page.set_viewport_size({"width": 390, "height": 900})
    page.reload()
    colored.first.wait_for()
    slider.wait_for()
    notebook.screenshot(f"{name}-390")


def test_in_the_debugger_the_colors_go_back_with_the_timeline(bare, open_):
    lab.write_notebook(
        bare.folder / "debugged.ipynb", COLORED.replace("\ngraph\n", "\ndbg = model.debug(x, y, batch_size=32)\ndbg\n")
    )
    notebook = open_(bare, "debugged.ipynb", width=1300, height=1400)
    page = notebook.page
    notebook.run_cell(0)
    notebook.wait_cell_done(0)
    page.locator(".kd-step").click()
    page.locator(".kd-place", has_text=re.compile("^step 1 ")).wait_for()
    page.locator(".kd-graph").click()
    page.locator(f"{GRAPH} .kg-colored").first.wait_for()
    page.locator(f"{GRAPH} .kg-step", has_text="step 1").wait_for()
    page.locator(".kd-step").click()
    page.locator(f"{GRAPH} .kg-step", has_text="step 2").wait_for()
    notebook.screenshot("colored-debugger")
    page.locator(".kd-back").click()
    page.locator(f"{GRAPH} .kg-step", has_text="step 1").wait_for()
    page.locator(f"{GRAPH} .kg-colors select").select_option("ask")
    page.locator(f"{GRAPH} .kg-colored", has_text="ms").first.wait_for()


def test_the_graph_has_no_barriers_that_axe_finds(extended, open_):
    from axe_playwright_python.sync_playwright import Axe

    saved_notebook(extended.folder, json.loads(json.dumps(describe(network()))))
    notebook = open_(extended)
    notebook.page.wait_for_selector(f"{GRAPH} [role=treeitem]")
    found = Axe().run(notebook.page, context=GRAPH)
    assert [v["id"] for v in found.response["violations"]] == []
