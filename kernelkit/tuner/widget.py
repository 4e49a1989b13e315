"""The widget that shows a running search in a page. Needs anywidget."""

from __future__ import annotations

from pathlib import Path

import anywidget

from kernelkit import viz

BUNDLE = Path(viz.__file__).parent / "static" / "tuner.js"


class SearchWidget(anywidget.AnyWidget):
    """The browser side of a :class:`~kernelkit.tuner.panel.Panel`. All that it shows comes as messages."""

    _esm = BUNDLE
