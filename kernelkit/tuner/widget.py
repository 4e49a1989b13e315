"""The widget that shows a running search in a page. Needs anywidget."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import anywidget

from kernelkit import viz

BUNDLE = Path(viz.__file__).parent / "static" / "tuner.js"
KEPT = 10
"""Number of ended searches that still answer a page that was reloaded during the search and gets no output."""


class SearchWidget(anywidget.AnyWidget):
    """The browser side of a :class:`~kernelkit.tuner.panel.Panel`. It shows only the content of messages."""

    _esm = BUNDLE


_open: deque[SearchWidget] = deque()


def open_widget() -> SearchWidget:
    """Open a widget, and close the oldest one if there are too many."""
    widget = SearchWidget()
    _open.append(widget)
    while len(_open) > KEPT:
        _open.popleft().close()
    return widget
