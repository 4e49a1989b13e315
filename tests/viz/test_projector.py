"""The panel on a projector (1280 x 720 at 150 %) and on a phone: what is in sight, what moves. One browser session."""

from __future__ import annotations

import pytest

from kernelkit.viz.curves import earlier
from tests.viz import lab
from tests.viz.host import Host
from tests.viz.test_host import answered, messages, settle

pytestmark = pytest.mark.browser


def test_a_projector_shows_charts_beside_each_other_and_the_page_does_not_jump(chromium):
    earlier.forget()
    host = Host(chromium, viewport={"width": 853, "height": 480}, color_scheme="dark")
    page = host.open(width=640)
    host.show(page)
    sent = messages(epochs=3)
    nonce = host.taken(page)[0]["nonce"]
    panel = host.page.locator(".kernelkit-panel")

    def height():
        settle(host)
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
    loss = panel.locator(".kk-chart").first.locator("figcaption").inner_text().split()
    assert loss[0] == "loss" and float(loss[1]) > 0 and float(loss[2].removesuffix("val")) > 0

    field, notice = panel.locator(".kk-rate input"), panel.locator(".kk-notice")
    for wrong in ("abc", "-1", "0", ""):
        field.fill(wrong)
        panel.get_by_role("button", name="Set").click()
        notice.filter(has_text="number above 0").wait_for()
    assert [asked for asked in host.taken(page) if asked["kind"] == "learning_rate"] == []
    field.fill("0,5")
    settle(host)
    assert "number above 0" not in notice.inner_text()
    host.deliver(page, *answered(sent[len(sent) // 2 : -2], nonce))  # news do not put the old rate back into the field
    panel.get_by_role("button", name="Set").click()
    assert [asked["value"] for asked in host.taken(page) if asked["kind"] == "learning_rate"] == [0.5]

    content, buffer = sent[-2]
    facts = content["facts"] | {"state": "paused", "validating": [4, 16]}
    host.deliver(page, *answered([(content | {"facts": facts}, buffer)], nonce))
    settle(host)
    assert panel.locator(".kk-state").inner_text() == "paused in validation"
    assert panel.locator(".kk-bar").get_attribute("aria-valuenow") == "25"  # it moves with each step of the validation
    assert "validation" in panel.locator(".kk-step").get_attribute("title")

    host.page.set_viewport_size({"width": 300, "height": 700})
    host.page.evaluate("() => { document.querySelector('main > div').style.width = '270px' }")
    settle(host)
    assert panel.evaluate(
        "n => [...n.querySelectorAll('figcaption, .kk-head')].every(c => c.scrollWidth <= c.clientWidth)"
    )
    assert host.errors == []
    host.page.close()
