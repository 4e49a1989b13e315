"""The picture that a saved notebook keeps, in a page: on a phone, on dark paper, where the page is not trusted."""

from __future__ import annotations

import re

import pytest

from kernelkit.viz.curves.bundle import html
from kernelkit.viz.curves.chart import Picture, charts_of_histories
from tests.viz import lab

pytestmark = pytest.mark.browser

LONG = "a_metric_with_a_name_that_is_far_too_long_for_any_chart_on_any_page"
LOGS = {
    "loss": [2.0, 1.0, 0.5],
    "val_loss": [2.1, 1.2, 0.8],
    LONG: [0.1, 0.2, 0.3],
    f"val_{LONG}": [0.1, 0.1, 0.2],
    "$x^2$": [3.0, 2.0, 1.0],
}
NOTE = "Stopped early after epoch 3 of 20: val_loss did not improve for 2 epochs. The weights are those of epoch 3."
LAB = "img{max-width:100%} body{margin:0;font-family:sans-serif}"
DARK = "body{background:#111;--jp-layout-color0:#111;--jp-content-font-color1:#eee;--jp-content-font-color2:#bbb}"
SIZES = """() => [...document.querySelectorAll('.kernelkit-curves svg')].map(s => {
    const box = s.getBoundingClientRect();
    return [box.x, box.y, box.width, 11 * box.width / s.viewBox.baseVal.width] })"""


def page_of(chromium, width, style, sanitized=False):
    picture = Picture(
        "digits", charts_of_histories({"": (range(3), LOGS)}), ("stopped early", "3 epochs"), NOTE, "early"
    )
    fragment = html(picture)
    if sanitized:  # as JupyterLab leaves it in a notebook that nobody trusts
        fragment = re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", fragment, flags=re.S)
    page = chromium.new_page(viewport={"width": width, "height": 1000})
    theme = "false" if style else "true"
    page.set_content(f"<style>{LAB}{style}</style><body data-jp-theme-light={theme}>{fragment}")
    return page


def test_charts_stand_below_each_other_on_a_phone_and_their_letters_are_read(chromium):
    page = page_of(chromium, 390, DARK)
    title, *charts = page.evaluate(SIZES)
    assert len(charts) == 3 and len({x for x, *_ in charts}) == 1
    assert [y for _, y, *_ in charts] == sorted({y for _, y, *_ in charts}) and charts[0][1] > title[1]
    assert min(letters for *_, letters in (title, *charts)) >= 9.5
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    strokes = page.locator(".kernelkit-curves svg path[fill=none]").evaluate_all(
        "all => all.map(p => getComputedStyle(p).stroke)"
    )
    assert "rgb(86, 180, 233)" in strokes and "rgb(0, 114, 178)" not in strokes  # the lighter blue
    page.screenshot(path=str(lab.screen("static-390-dark")))
    page.close()


def test_names_and_best_values_do_not_overlap(chromium):
    page = page_of(chromium, 1000, "")
    _, first, second, third = page.evaluate(SIZES)
    assert first[1] == second[1] and first[0] < second[0] and third[1] > first[1]  # two beside each other
    rows = page.evaluate(
        """() => [...document.querySelectorAll('.kernelkit-curves svg')].slice(1).map(s => {
        const [title, best] = [...s.querySelectorAll('text')].filter(t => t.getAttribute('y') === '18')
            .map(t => t.getBoundingClientRect()).sort((a, b) => a.x - b.x);
        const right = s.getBoundingClientRect().right;
        return [title.right <= (best ? best.x : right), (best ?? title).right <= right] })"""
    )
    assert rows == [[True, True]] * 3
    note = page.locator(".kernelkit-curves svg").first.locator("tspan")
    assert " ".join(note.all_text_contents()[2:]) == NOTE  # whole, in several lines
    assert page.get_by_text("$x^2$").count() == 1
    page.screenshot(path=str(lab.screen("static-1000")))
    page.close()


@pytest.mark.parametrize("width", [390, 1000])
def test_a_page_that_does_not_trust_the_notebook_shows_the_same_as_images(chromium, width):
    page = page_of(chromium, width, "", sanitized=True)
    boxes = [image.bounding_box() for image in page.locator("img").filter(visible=True).all()]
    assert len(boxes) == 4 and min(box["width"] for box in boxes) >= min(width, 430) - 1
    assert (boxes[1]["y"] == boxes[2]["y"]) == (width == 1000)
    assert page.evaluate("() => [...document.images].every(i => i.naturalWidth > 0)")
    page.screenshot(path=str(lab.screen(f"static-untrusted-{width}")))
    page.close()
