"""The browser side of a search for hyperparameters, in a page that is nothing else."""

from __future__ import annotations

import pytest

from kernelkit.tuner.board import Snapshot
from kernelkit.tuner.panel import message_of
from kernelkit.tuner.results import TrialResult
from kernelkit.tuner.widget import BUNDLE

pytestmark = [pytest.mark.browser]

EVIL = "<img src=x onerror=window.hacked=1>"
OPEN = """async code => {
    const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
    const widget = (await import(url)).default;
    const heard = [];
    window.sent = [];
    const model = {send: (c) => window.sent.push(c), on: (_, f) => heard.push(f), off: (_, f) => heard.splice(0, 1)};
    window.close_ = widget.render({model, el: document.body});
    window.tell = (update) => heard.forEach((f) => f(update));
    window.listeners = () => heard.length;
}"""


def test_a_search_is_shown_and_stopped_by_buttons_and_no_text_becomes_markup(chromium, axe):
    page = chromium.new_page(viewport={"width": 900, "height": 800})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content("<!doctype html><html lang=en><title>t</title><body></body></html>")
    page.evaluate(OPEN, BUNDLE.read_text(encoding="utf-8"))
    assert page.evaluate("window.sent") == [{"kind": "ready"}]

    results = [
        TrialResult(0, "complete", 0.5, {"units": 8, "kind": "a"}, 2, 1.0, "", (0.9, 0.5)),
        TrialResult(1, "failed", None, {"units": 9, "kind": EVIL}, 0, 1.0, EVIL),
        TrialResult(2, "running", None, {"units": 16, "kind": "a"}, 1, 1.0, "", (0.7, 0.6)),
        TrialResult(3, "running", None, {"units": 17, "kind": "a"}, 1, 1.0, "", (0.7,)),
    ]
    told = message_of(Snapshot("loss", "min", results, 9, "running", 62, ((2, 5), (3, 5))))
    head = page.evaluate("u => { tell(u); return document.querySelector('.ks-head').innerText }", told)
    assert head.split("\n") == [  # read at once: the clock goes on
        "Search",
        "2 of 9 trials · 1 failed · best loss 0.5 (trial 0)",
        "1:02",
        "running",
    ]
    assert [row.split("\t")[:4] for row in page.locator("tbody tr").all_inner_texts()] == [
        ["2", "0.6", "running", "2 of 5"],
        ["3", "0.7", "running", "1 of 5"],
        ["0", "0.5", "complete", "2"],
        ["1", "", "failed", "0"],
    ]
    assert page.locator(".ks-picture svg").count() == 1 and page.locator("img").count() == 0
    assert axe(page, ".kernelkit-search-panel") == []
    assert page.locator("button").all_inner_texts() == ["Stop search", "Stop trial 2", "Stop trial 3"]

    page.get_by_role("button", name="Stop trial 2").click()
    page.get_by_role("button", name="Stop trial 3").focus()
    page.evaluate("u => tell(u)", message_of(Snapshot("loss", "min", results[:2], 9, "running", 63, ((3, 5),))))
    assert page.evaluate("document.activeElement.textContent") == "Stop trial 3", "a button that stays keeps the focus"
    page.get_by_role("button", name="Stop search").click()
    assert page.evaluate("window.sent.slice(1)") == [{"kind": "stop_trial", "trial": 2}, {"kind": "stop"}]
    page.evaluate("u => tell(u)", message_of(Snapshot("loss", "min", results[:2], 9, "stopping", 64, ((3, 5),))))
    assert page.locator("button:enabled").count() == 0

    page.evaluate("u => tell(u)", message_of(Snapshot("loss", "min", results[:2], 9, "stopped", 65)))
    assert page.locator("button:visible").count() == 0 and page.locator(".ks-time").inner_text() == "1:05"

    page.evaluate("window.tell({kind: 'other'}); window.tell(null)")
    page.evaluate("window.close_()")
    assert page.evaluate("[window.listeners(), document.body.children.length, window.hacked]") == [0, 0, None]
    assert errors == []
    page.close()
