"""The bundle in the plainest host there is: what it needs, what it does with lost messages, whom it can be read by."""

from __future__ import annotations

import numpy as np
import pytest

from kernelkit.viz.curves import earlier
from kernelkit.viz.curves.bundle import html
from kernelkit.viz.curves.panel import LivePanel
from tests.viz import lab
from tests.viz.fake import FakeOutput, Run, StillPanel, train
from tests.viz.host import Host

pytestmark = [pytest.mark.browser, pytest.mark.one_in(3)]

PICTURES = "panel => [...panel.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())"
"""What the charts show, to the pixel."""


@pytest.fixture(autouse=True)
def no_earlier_runs():
    earlier.forget()


@pytest.fixture
def host(chromium):
    host = Host(chromium, viewport={"width": 1000, "height": 900})
    yield host
    assert host.errors == []
    assert [url for url in host.requests if not url.startswith(("blob:", "data:", "about:"))] == []
    host.page.close()


class SteppedOutput(FakeOutput):
    """An output whose clock goes on by itself, so that each thing that training tells is a message."""

    def send(self, content, buffer):
        super().send(content, buffer)
        self.clock.now += 0.2


def messages(**changes) -> list[tuple[dict, bytes]]:
    """All messages of a training."""
    output = SteppedOutput()
    train(StillPanel(output), **changes)
    return output.messages


def answered(messages: list[tuple[dict, bytes]], nonce: str) -> list[tuple[dict, bytes]]:
    """Messages by which a page sees that the kernel hears it."""
    return [(content | {"facts": content["facts"] | {"answered": [nonce]}}, buffer) for content, buffer in messages]


def test_it_works_with_no_more_than_the_contract(host):
    page = host.open()
    host.show(page)
    host.show(page, shadow=True)
    host.deliver(page, *messages(epochs=3, steps=40))
    host.settle()
    panels = host.page.locator(".kernelkit-panel")
    assert panels.count() == 2 and host.page.locator(".kk-state").all_inner_texts() == ["done", "done"]
    light, shadow = (panel.evaluate(PICTURES) for panel in panels.all())
    assert len(light) == 2 and light == shadow
    assert panels.nth(1).evaluate("panel => getComputedStyle(panel).borderRadius") == "10px"  # its styles are there
    assert {m["kind"] for m in host.taken(page)} == {"ready"}
    host.close_page(page)
    assert panels.count() == 0


def test_a_panel_is_drawn_when_its_cell_comes_into_view(host):
    page = host.open()
    host.page.evaluate(
        """async page => {
            const { widget, model } = pages[page];
            window.cell = document.createElement("div");
            window.cell.style.width = "900px";
            await widget.render({ model, el: window.cell }); }""",
        page,
    )
    host.deliver(page, *messages(epochs=3, steps=40))
    host.settle()
    host.page.evaluate("() => document.body.append(window.cell)")
    host.page.locator(".kk-state", has_text="done").wait_for()
    host.settle()
    assert host.page.locator(".kernelkit-panel canvas").count() == 2


def test_a_page_that_shows_a_saved_state_needs_no_message(host):
    content, buffer = messages(epochs=3, steps=40)[-1]
    page = host.open()
    host.page.evaluate(
        """([page, content, data]) => { Object.assign(pages[page].model.state, { final: content,
        final_buffer: new DataView(Uint8Array.from(data).buffer) });
        return pages[page].widget.initialize({ model: pages[page].model }) && null }""",
        [page, content, list(buffer)],
    )
    host.show(page)
    host.settle()
    assert host.page.locator(".kk-state").inner_text() == "done"
    assert len(host.page.locator(".kernelkit-panel").evaluate(PICTURES)) == 2


@pytest.mark.parametrize("seed", [0, 1])
def test_ten_pages_that_lose_messages_end_with_the_right_picture(host, seed):
    rng = np.random.default_rng(seed)
    output = SteppedOutput()
    panel = StillPanel(output)
    pages = [host.open(key="a", width=400) for _ in range(11)]
    fates: dict[str, int] = {"in time": 0, "lost": 0, "late": 0}

    def pump(lossy: bool = True) -> None:
        """Bring messages to the pages, each by its own bad line but the first's, and their questions to the kernel."""
        sent, output.messages = output.messages, []
        for page in pages:
            own = rng.choice([*fates], size=len(sent), p=[0.55, 0.3, 0.15]).tolist() if lossy and page else ()
            for fate in own:
                fates[fate] += 1
            host.deliver(page, *sent, fates=own)
            for question in host.taken(page):
                output.receive(question)

    class Pumped(StillPanel):
        def steps(self, block):
            super().steps(block)
            if len(output.messages) > 3:
                pump()

    panel = Pumped(output)
    for page in pages:
        host.show(page)
    train(panel, epochs=3, steps=60)
    pump()
    assert fates["lost"] > 50 and fates["late"] > 20
    # The cell has ended: the notebook shows the picture, and with it pages that missed the end ask for it.
    host.page.evaluate("html => document.body.insertAdjacentHTML('beforeend', html)", html(output.picture, "a"))
    states = host.page.locator("main .kk-state")

    def all_done() -> bool:
        pump(lossy=False)
        return states.all_inner_texts() == ["done"] * 11

    lab.until(host.page, all_done)
    host.settle()
    panels = host.page.locator("main .kernelkit-panel").all()
    reference, *others = (panel.evaluate(PICTURES) for panel in panels)
    told = [panel.locator("header").inner_text() for panel in panels]
    assert len(reference) == 2 and all(other == reference for other in others)
    assert len(set(told)) == 1 and "done" in told[0] and "180 steps" in told[0]


def test_the_memory_of_the_device_is_shown(host):
    content, buffer = messages(epochs=1, steps=20)[-1]
    page = host.open()
    host.show(page)
    host.deliver(page, (content | {"facts": content["facts"] | {"memory": [3 << 30, 16 << 30]}}, buffer))
    host.settle()
    assert "3.0 of 16 GiB" in host.page.locator(".kk-stats").inner_text()


def test_names_stay_text(host):
    evil = "<img src=x onerror=window.hacked=1>"
    output = SteppedOutput()
    panel = StillPanel(output)
    panel.begin(Run(name=evil, epochs=1, steps=4))
    panel.epoch_end(0, {evil: 1.0, f"val_{evil}": 2.0})
    panel.end("failed", ValueError(evil))
    page = host.open()
    host.show(page)
    host.deliver(page, *output.messages)
    host.settle()
    assert host.page.locator(".kk-name").inner_text() == evil
    assert evil in host.page.locator(".kk-metric").all_inner_texts()
    assert evil in host.page.locator(".kk-error").inner_text()
    assert host.page.locator("img").count() == 0 and host.page.evaluate("window.hacked") is None


def test_a_million_steps_are_drawn_with_their_spikes_and_no_more_points_than_pixels_need(host):
    output = SteppedOutput()
    panel = LivePanel(output, output.clock, ticks=False)
    panel.begin(Run(epochs=1, steps=1_000_000))
    values = np.full(1_000_000, 1.0, np.float32)
    values[654_321] = 9.0
    panel.store.add_steps(0, {"loss": values})
    panel._show()
    page = host.open()
    host.show(page)
    host.deliver(page, *output.messages)
    host.settle()
    ink = host.page.locator("canvas").evaluate(
        """canvas => { const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
        const rows = new Set();
        for (let i = 0; i < data.length; i += 4) {
          if (data[i + 3] > 60 && data[i + 2] - data[i] > 60) rows.add(Math.floor(i / 4 / width)); }
        return rows.size / height }"""
    )
    assert ink > 0.6  # the one spike reaches from the bottom of the chart to its top
    assert float(host.page.locator(".kernelkit-panel").get_attribute("data-draw")) > 0


def test_keyboard_and_screen_reader(host):
    page = host.open()
    host.show(page)
    everything = messages(epochs=3, steps=40)
    running = next(i for i, (content, _) in enumerate(everything) if content["facts"]["step"])
    nonce = host.taken(page)[0]["nonce"]
    host.deliver(page, *answered(everything[: running + 4], nonce))
    host.settle()
    keys = host.page.keyboard
    seen = []
    for _ in range(24):
        keys.press("Tab")
        seen.append(
            host.page.evaluate(
                """() => { const node = document.activeElement;
                return node.getAttribute('aria-label') ?? node.closest('label')?.textContent ?? node.textContent }"""
            )
        )
    reached = "\n".join(seen)
    for control in ("Pause", "Stop", "Stop after epoch", "Learning rate", "Set", "Save", "Smoothing", "Log scale"):
        assert control in reached, control
    assert "loss, each batch" in reached  # the chart, with its newest values
    host.page.locator(".kk-pause").focus()
    keys.press("Space")
    host.page.locator(".kk-rate input").focus()
    keys.type("0.5")
    keys.press("Enter")
    asked = [(m["kind"], m.get("value")) for m in host.taken(page) if m["kind"] != "ready"]
    assert asked[0] == ("pause", None) and asked[-1][0] == "learning_rate"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1000, 390])
def test_nobody_is_shut_out(chromium, axe, scheme, width):
    host = Host(chromium, viewport={"width": width, "height": 900}, color_scheme=scheme)
    host.page.add_style_tag(content=":root { color-scheme: light dark } body { margin: 8px }")
    page = host.open(width=width - 16)
    host.show(page)
    everything = messages(epochs=3, steps=40)
    nonce = host.taken(page)[0]["nonce"]
    host.deliver(page, *answered(everything[:-8], nonce))
    host.settle()
    host.page.locator(".kk-pause").wait_for()
    assert host.page.evaluate("document.documentElement.scrollWidth") <= width
    host.page.screenshot(path=str(lab.screen(f"host-{scheme}-{width}")))
    assert "\n".join(axe(host.page)) == ""
    assert host.errors == []
    host.page.close()
