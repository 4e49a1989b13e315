"""The widget that sends a panel's messages to the page and receives its clicks. Needs anywidget."""

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
"""Maximum number of finished panels that stay interactive. Older ones become static pictures."""


class CurvesWidget(anywidget.AnyWidget):
    """The browser side of a panel.

    Attributes:
        final: The header of the last message, for pages that restore the widget's state. Empty until the end.
        final_buffer: The buffer of the last message.
        key: The key of the static pictures that the panel covers while its kernel lives.
    """

    _esm = BUNDLE
    final = traitlets.Dict().tag(sync=True)
    final_buffer = traitlets.Bytes().tag(sync=True)
    key = traitlets.Unicode().tag(sync=True)


_open: deque[CurvesWidget] = deque()


def open_widget(receive: Callable[[dict[str, Any]], None]) -> CurvesWidget:
    """Open a widget. If the kernel supports it, its messages reach Python while a cell runs.

    In Colab, anywidget enables the widget manager for third-party widgets.

    Args:
        receive: Called with each message from the page, on any thread.

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
    """Store a panel's last message in the widget's state. Some pages show that state after a reload."""
    with widget.hold_sync():
        widget.final, widget.final_buffer = content, buffer
