"""The output of a panel in a marimo notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelkit.viz.curves.bundle import html
from kernelkit.viz.curves.chart import Picture
from kernelkit.viz.curves.output import Message
from kernelkit.viz.host import marimo


class MarimoOutput:
    """An output of the current marimo cell.

    Messages to the page arrive at any time. Messages from the page wait until no cell runs, so clicks work only for
    trainings in the background. At the end a picture replaces the panel. A background thread cannot write to a cell's
    output, so there the panel stays with its last state.
    """

    live = True

    def __init__(self) -> None:
        self._widget: Any = None
        self._place: int | None = None

    def open(self, title: str, receive: Callable[[Message], None]) -> None:
        from kernelkit.viz.curves.widget import open_widget

        self._widget = open_widget(receive)
        self._place = marimo.append(self._widget)

    def send(self, content: Message, buffer: bytes) -> None:
        self._widget.send(content, [buffer])

    def close(self, picture: Picture, content: Message, buffer: bytes) -> None:
        from kernelkit.viz.curves.widget import keep_final

        keep_final(self._widget, content, buffer)
        marimo.replace(self._place, html(picture, self._widget.key))
