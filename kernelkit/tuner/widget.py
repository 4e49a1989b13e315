"""The widget that shows a running search in a page. Needs anywidget."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import anywidget

from kernelkit import viz

BUNDLE = Path(viz.__file__).parent / "static" / "tuner.js"
KEPT = 10
"""Searches that have ended and still answer a page that was loaded anew while they ran: no output reaches it."""


class SearchWidget(anywidget.AnyWidget):
    """The browser side of a :class:`~kernelkit.tuner.panel.Panel`. All that it shows comes as messages."""

    _esm = BUNDLE


_open: deque[SearchWidget] = deque()


def open_widget() -> SearchWidget:
    """Open a widget, and close the oldest one if there are too many."""
    widget = SearchWidget()
    _open.append(widget)
    while len(_open) > KEPT:
        _open.popleft().close()
    return widget
