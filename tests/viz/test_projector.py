"""The panel on a projector (1280 x 720 at 150 %) and on a phone: what is in sight, what moves. One browser session."""

from __future__ import annotations

import pytest

from kernelkit.viz.curves import earlier
from tests.viz import lab
from tests.viz.host import Host
from tests.viz.test_host import answered, messages

pytestmark = pytest.mark.browser


def test_a_projector_shows_charts_beside_each_other_and_the_page_does_not_jump(chromium):
    earlier.forget()
    host = Host(chromium, viewport={"width": 853, "height": 480}, color_scheme="dark")
    sent = messages(epochs=3)  # before the page is there: three seconds after its first question it gives up clicks
    page = host.open(width=640)
    host.show(page)
    nonce = host.taken(page)[0]["nonce"]
    panel = host.page.locator(".kernelkit-panel")

    def height():
        host.settle()
        return panel.bounding_box()["height"]

    host.deliver(page, sent[0])
    empty = height()  # nobody knows yet whether clicks arrive, and there is no chart
    assert not panel.locator(".kk-pause").is_visible()
    host.deliver(page, *answered(sent[1:2], nonce))
    panel.locator(".kk-pause").wait_for()
    assert abs(height() - empty) < 8
    host.deliver(page, *answered(sent[2 : len(sent) // 2], nonce))
    assert abs(height() - empty) < 40

    top = panel.bounding_box()["y"]
    plots = [chart.bounding_box() for chart in panel.locator(".kk-plot").all()]
    assert len(plots) == 2 and plots[0]["y"] == plots[1]["y"]  # beside each other
    panel.screenshot(path=str(lab.screen("projector")))
    assert min(plot["width"] for plot in plots) >= 270
    assert max(plot["y"] + plot["height"] for plot in plots) - top <= 355  # wholly in sight
    buttons = [button.bounding_box() for button in panel.locator(".kk-controls button").filter(visible=True).all()]
    assert len({box["y"] for box in buttons}) == 1  # one row
    names = panel.locator(".kk-metric")
    assert names.all_inner_texts() == ["loss", "accuracy"]
    assert names.evaluate_all("all => all.map(n => n.scrollWidth <= n.clientWidth)") == [
        True,
        True,
    ]  # to the last letter
    loss = panel.locator(".kk-chart").first.locator("figcaption").inner_text().split()
    assert loss[0] == "loss" and float(loss[1]) > 0 and float(loss[2].removesuffix("val")) > 0

    field, notice = panel.locator(".kk-rate input"), panel.locator(".kk-notice")
    for wrong in ("abc", "-1", "0", ""):
        field.fill(wrong)
        panel.get_by_role("button", name="Set").click()
        notice.filter(has_text="number above 0").wait_for()
    assert [asked for asked in host.taken(page) if asked["kind"] == "learning_rate"] == []
    field.fill("0,5")
    host.settle()
    assert "number above 0" not in notice.inner_text()
    host.deliver(page, *answered(sent[len(sent) // 2 : -2], nonce))  # news do not put the old rate back into the field
    panel.get_by_role("button", name="Set").click()
    assert [asked["value"] for asked in host.taken(page) if asked["kind"] == "learning_rate"] == [0.5]

    content, buffer = sent[-2]
    facts = content["facts"] | {"state": "paused", "validating": [4, 16]}
    host.deliver(page, *answered([(content | {"facts": facts}, buffer)], nonce))
    host.settle()
    assert panel.locator(".kk-state").inner_text() == "paused in validation"
    assert panel.locator(".kk-bar").get_attribute("aria-valuenow") == "25"  # it moves with each step of the validation
    assert "validation" in panel.locator(".kk-step").get_attribute("title")

    host.page.set_viewport_size({"width": 300, "height": 700})
    host.page.evaluate("() => { document.querySelector('main > div').style.width = '270px' }")
    host.settle()
    assert panel.evaluate(
        "n => [...n.querySelectorAll('figcaption, .kk-head')].every(c => c.scrollWidth <= c.clientWidth)"
    )
    assert host.errors == []
    host.page.close()


def test_metrics_share_a_chart_by_choice_names_from_right_to_left_included(chromium):
    host = Host(chromium, viewport={"width": 1000, "height": 900}, color_scheme="light")
    page = host.open(width=900)
    host.show(page)
    hebrew, long = "\u05d3\u05d9\u05d5\u05e7 (\u05de\u05de\u05d5\u05e6\u05e2)", "a_metric_with_a_name_" + "x" * 60
    sent = [(renamed(content, {"accuracy": hebrew}), buffer) for content, buffer in messages(epochs=3)]
    nonce = host.taken(page)[0]["nonce"]
    host.deliver(page, *answered(sent[:-1], nonce))
    panel = host.page.locator(".kernelkit-panel")
    host.settle()
    titles = panel.locator(".kk-metric")
    assert titles.all_inner_texts() == ["loss", hebrew]
    assert titles.nth(1).evaluate("n => getComputedStyle(n).direction") == "rtl"
    assert titles.first.evaluate("n => getComputedStyle(n).direction") == "ltr"
    panel.locator("summary").click()
    boxes = panel.locator(".kk-boxes input")
    boxes.first.check()
    assert panel.locator(".kk-chart").count() == 2  # one alone changes nothing
    boxes.nth(1).check()
    host.settle()
    assert titles.all_inner_texts() == [f"loss · {hebrew}"]
    legend = panel.locator(".kk-legend button > span").all_inner_texts()
    assert {"loss", hebrew, "val_loss"} <= set(legend) and "each batch" not in legend
    colors = panel.locator(".kk-swatch").evaluate_all("all => all.map(n => getComputedStyle(n).color)")
    assert len(set(colors)) == 2
    assert [asked["value"] for asked in host.taken(page) if asked["kind"] == "together"][-1] == ["loss", hebrew]
    panel.screenshot(path=str(lab.screen("together")))
    host.deliver(page, *answered(sent[-1:], nonce))
    host.settle()
    assert titles.count() == 1  # the end of the training does not take the choice back
    host.taken(page)
    boxes.first.uncheck()
    host.settle()
    assert titles.all_inner_texts() == ["loss", hebrew]
    assert [asked for asked in host.taken(page) if asked["kind"] == "together"] == []  # the list is still open
    panel.locator("summary").click()
    host.settle()
    assert [asked["value"] for asked in host.taken(page) if asked["kind"] == "together"] == [[hebrew]]

    host.deliver(page, *[(renamed(c, {hebrew: long}) | {"sequence": 10**6, "full": True}, b) for c, b in whole(sent)])
    host.settle()
    fits = "n => [...n.querySelectorAll('figcaption')].every(c => c.scrollWidth <= c.clientWidth)"
    assert panel.evaluate(fits) and host.errors == []
    host.page.close()


def renamed(content: dict, names: dict[str, str]) -> dict:
    """A message in which logs have other names."""
    words = {f"{before}{old}": f"{before}{new}" for old, new in names.items() for before in ("", "val_")}

    def other(value):
        if isinstance(value, dict):
            return {words.get(key, key): other(one) for key, one in value.items()}
        return (
            [other(one) for one in value]
            if isinstance(value, list)
            else words.get(value, value)
            if isinstance(value, str)
            else value
        )

    return other(content)


def whole(sent: list) -> list:
    """The last message that holds all curves."""
    return [message for message in sent if message[0]["full"]][-1:]
