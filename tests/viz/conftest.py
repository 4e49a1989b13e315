"""What tells whether everybody can use a page."""

from __future__ import annotations

import time
from importlib.resources import files

import pytest


@pytest.fixture(scope="session")
def axe():
    """A function that says what in a page keeps people out, by WCAG 2.2 A and AA: a line for each place.

    It looks again for a while where it finds something: colors may be on their way from one theme to another.
    """
    source = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

    def check(page, place: str = ".kernelkit-panel") -> list[str]:
        deadline = time.monotonic() + 10
        while (found := look(page, place)) and time.monotonic() < deadline:
            page.wait_for_timeout(500)
        return found

    def look(page, place: str) -> list[str]:
        page.evaluate(source)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = page.evaluate(
            "([place, tags]) => axe.run(place, { runOnly: { type: 'tag', values: tags } })", [place, tags]
        )
        return [f"{v['id']}: {v['help']}: {node['html'][:120]}" for v in found["violations"] for node in v["nodes"]]

    return check
