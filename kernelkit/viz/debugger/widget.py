"""The widget that sends a debugger's messages to pages and receives their clicks. Needs anywidget."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

BUNDLE = Path(__file__).parents[1] / "static" / "debugger.js"
KEPT_WIDGETS = 12
"""Maximum number of interactive debuggers. Older ones become static pictures."""


class DebuggerWidget(anywidget.AnyWidget):
    """The browser side of a debugger.

    Attributes:
        key: The key of the static pictures that the debugger covers while its kernel lives.
    """

    _esm = BUNDLE
    key = traitlets.Unicode().tag(sync=True)


_open: deque[DebuggerWidget] = deque()


def open_widget(receive: Callable[[dict[str, Any]], None]) -> DebuggerWidget:
    """Open a widget.

    Args:
        receive: Called with each message from a page, on any thread.
    """
    widget = DebuggerWidget(key=uuid.uuid4().hex)
    widget.on_msg(lambda _, content, buffers: receive(content))
    _open.append(widget)
    while len(_open) > KEPT_WIDGETS:
        _open.popleft().close()
    return widget
