"""The widget that carries a panel's messages to the page and its clicks back. Needs anywidget."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from kernelkit.viz.host.jupyter import deliver_while_busy

BUNDLE = Path(__file__).parents[1] / "static" / "curves.js"
KEPT_WIDGETS = 40
"""Finished panels that stay interactive; the pictures of older ones stay as they are."""


class CurvesWidget(anywidget.AnyWidget):
    """The browser's half of a panel.

    Attributes:
        final: dict. The last message's header, for pages that show the widget's state again; empty until the end.
        final_buffer: bytes. The last message's buffer.
        key: str. The mark of the static pictures whose place the panel takes while its kernel lives.
    """

    _esm = BUNDLE
    final = traitlets.Dict().tag(sync=True)
    final_buffer = traitlets.Bytes().tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)


_open: deque[CurvesWidget] = deque()


def open_widget(receive: Callable[[dict[str, Any]], None]) -> CurvesWidget:
    """Open a widget whose messages reach Python while a cell runs, where the kernel can do that.

    In Colab, anywidget asks for the widget manager that knows more than ipywidgets' own widgets.

    Args:
        receive: called with each message from the page, on whatever thread the kernel delivers it.

    Returns:
        The widget.
    """
    widget = CurvesWidget(key=uuid.uuid4().hex)
    widget.on_msg(lambda _, content, buffers: receive(content))
    deliver_while_busy(widget)
    _open.append(widget)
    while len(_open) > KEPT_WIDGETS:
        _open.popleft().close()
    return widget


def keep_final(widget: CurvesWidget, content: dict[str, Any], buffer: bytes) -> None:
    """Put a panel's last message into the widget's state, which some pages show again when they are reloaded."""
    with widget.hold_sync():
        widget.final, widget.final_buffer = content, buffer
