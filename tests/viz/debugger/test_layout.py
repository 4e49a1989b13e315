"""The debugger's page at the width of a laptop: what matters is in sight. One browser session, many checks."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import expect

import kernelkit as kk
from kernelkit.viz.debugger.panel import DebuggerPanel
from tests.viz import lab
from tests.viz.host import Host

pytestmark = pytest.mark.browser

X = np.random.default_rng(0).random((32, 8, 8, 1)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 32)


def deep(count: int):
    layers = [kk.Input((8, 8, 1)), kk.layers.Flatten(name="flat")]
    layers += [
        kk.layers.Dense(4, "relu", name=f"block_{i}") if i % 2 else kk.layers.Activation("linear") for i in range(count)
    ]
    model = kk.Sequential([*layers, kk.layers.Dense(3, "softmax", name="head")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class Line:
    """A panel and a page that hear each other at once."""

    def __init__(self, dbg, host, width, page=None):
        self.host, self.messages, self.jobs = host, [], []
        self.panel = DebuggerPanel(dbg, lambda c, b: self.messages.append((c, b)), lambda s, job: self.jobs.append(job))
        self.page = host.open("debugger", width=width) if page is None else page
        if page is None:
            host.show(self.page)
        self.settle()

    def settle(self) -> None:
        for _ in range(6):
            for content in self.host.taken(self.page):
                self.panel.receive(content)
            while self.jobs:
                self.jobs.pop(0)()
            sent, self.messages[:] = list(self.messages), []
            self.host.deliver(self.page, *sent)
        self.host.settle()


def test_sixty_layers_fit_a_laptops_page(chromium):
    host = Host(chromium, viewport={"width": 1280, "height": 1600}, color_scheme="light")
    dbg = deep(60).debug(X, Y, batch_size=16)
    dbg.step(3)
    line = Line(dbg, host, 1100)
    root = host.page.locator(".kernelkit-debugger")
    rows = root.locator(".kd-layers tbody tr")
    assert rows.count() == 62
    assert root.bounding_box()["height"] < 1300
    table = root.locator(".kd-scroll").bounding_box()
    assert table["height"] <= 561
    for name in ("looks wrong", "|grad|"):  # the reason stands in sight, without scrolling
        box = root.locator(".kd-layers thead th", has_text=name).first.bounding_box()
        assert box["x"] + box["width"] <= table["x"] + table["width"] + 1, name
    assert root.locator(".kd-search span").inner_text() == "62 layers"
    root.get_by_label("Layers with weights").check()
    line.settle()
    assert rows.filter(visible=True).count() == 31 and root.locator(".kd-search span").inner_text() == "31 of 62"
    root.get_by_placeholder("Find a layer").fill("head")
    line.settle()
    assert rows.filter(visible=True).count() == 1
    root.get_by_placeholder("Find a layer").fill("nothing")
    line.settle()
    assert root.get_by_text("No layer matches.").is_visible()
    root.get_by_placeholder("Find a layer").fill("")
    line.settle()
    rows.filter(visible=True).first.locator("button").click()
    line.settle()
    card = root.locator(".kd-detail")
    assert card.is_visible() and card.locator("h4").inner_text() == "block_1"
    assert abs(card.bounding_box()["y"] - root.locator(".kd-layers").bounding_box()["y"]) < 5  # beside the table
    host.page.screenshot(path=str(lab.screen("debugger-sixty")))
    headings = root.locator(".kd-layers thead th").filter(visible=True)
    assert headings.all_inner_texts()[-1] == "dead" and headings.last.bounding_box()["x"] < table["x"] + table["width"]
    root.get_by_label("All numbers").check()
    line.settle()
    assert headings.all_inner_texts()[-1] == "max"
    root.get_by_label("All numbers").uncheck()
    root.locator(".kd-explain").click()
    line.settle()
    found = root.locator(".kd-findings article")
    # Four units with relu, thirty times: which of the two is the worse depends on the weights that were drawn.
    assert "✓" not in found.inner_text() and ("dead" in found.inner_text() or "shrink" in found.inner_text())
    assert host.errors == []
    host.page.close()


def test_a_projector_shows_buttons_curve_and_layers_together(chromium):
    host = Host(chromium, viewport={"width": 853, "height": 480}, color_scheme="light")
    dbg = deep(6).debug(X, Y, batch_size=16)
    dbg.step(2)
    line = Line(dbg, host, 640)
    root = host.page.locator(".kernelkit-debugger")
    assert "step 2 · epoch 1, batch 2 of 2" in root.locator(".kd-place").inner_text()
    first = root.locator(".kd-layers tbody tr").first.bounding_box()
    assert (
        first["y"] + first["height"] - root.locator(".kd-moves").bounding_box()["y"] < 355
    )  # what Lab leaves to a cell
    tabs = root.get_by_role("tab").filter(visible=True)
    assert tabs.all_inner_texts() == ["Layers", "Batch"] and not root.locator(".kd-batch").is_visible()
    root.locator(".kd-layer", has_text="block_1").click()
    line.settle()
    assert tabs.all_inner_texts() == ["Layers", "block_1", "Batch"] and root.locator(".kd-detail").is_visible()
    assert not root.locator(".kd-layers").is_visible()
    title, drawn = root.locator(".kd-detail h5", has_text="kernel (64 × 4)"), root.locator(".kd-detail canvas").last
    assert "units down, inputs across" in title.inner_text()
    assert root.get_by_text("The height of a bar is the square root of its count").is_visible()
    assert drawn.bounding_box()["width"] == 384 and drawn.bounding_box()["height"] == 24  # it lies on its long side
    host.page.screenshot(path=str(lab.screen("debugger-projector")))
    tabs.last.click()
    line.settle()
    assert root.locator(".kd-batch").is_visible() and not root.locator(".kd-detail").is_visible()
    root.locator(".kd-close").dispatch_event("click")
    line.settle()
    assert tabs.all_inner_texts() == ["Layers", "Batch"]
    assert host.errors == []
    host.page.close()


def test_the_saved_picture_stays_in_sight_until_the_kernel_answers(chromium):
    host = Host(chromium, viewport={"width": 1000, "height": 700}, color_scheme="light")
    still = "const still = document.createElement('div'); still.dataset.kernelkitDebugger = 'key';"
    still += "still.innerHTML = '<p>what was saved</p>'; document.querySelector('main').append(still)"
    host.page.evaluate(f"() => {{ {still} }}")
    page = host.open("debugger")  # the kernel is busy with a cell: it says nothing
    saved = host.page.get_by_text("what was saved")
    host.page.get_by_text("Connecting to the kernel").wait_for()
    assert saved.is_visible()
    dbg = deep(2).debug(X, Y, batch_size=16)
    Line(dbg, host, 900, page)
    host.page.locator(".kd-layers tbody tr").first.wait_for()
    expect(saved).to_be_hidden()
    host.close_page(page)  # the kernel is gone
    expect(saved).to_be_visible()
    expect(host.page.locator(".kernelkit-debugger")).to_have_count(0)
    assert host.errors == []
    host.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_an_autoencoder_stand_side_by_side(chromium, scheme):
    host = Host(chromium, viewport={"width": 1280, "height": 1400}, color_scheme=scheme)
    model = kk.Sequential([kk.Input((8, 8, 1)), kk.layers.Conv2D(1, 3, padding="same", name="code")])
    model.compile("adam", "mse")
    dbg = model.debug(X, X, batch_size=16)
    dbg.step(2)
    Line(dbg, host, 1100)
    sample = host.page.locator(".kd-sample").first
    assert sample.locator("canvas").count() == 3
    assert sample.locator(".kd-part small").all_inner_texts() == ["input", "reconstruction", "difference"]
    host.page.screenshot(path=str(lab.screen(f"debugger-pictures-{scheme}")))
    assert host.errors == []
    host.page.close()
