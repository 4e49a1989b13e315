"""The output of a panel in a notebook. When training ends, a static picture replaces the panel."""

from __future__ import annotations

import importlib.util
import threading
import uuid
from collections.abc import Callable
from typing import Any, Protocol

from kernelkit.viz.curves.bundle import picture_bundle
from kernelkit.viz.curves.chart import Picture
from kernelkit.viz.curves.saved import MIME, saved
from kernelkit.viz.curves.steering import steer_by
from kernelkit.viz.host.environment import WIDGET_HOSTS, Environment, environment
from kernelkit.viz.host.jupyter import ipython_shell, publish
from kernelkit.viz.host.pages import answer_pages

Message = dict[str, Any]


class Output(Protocol):
    """The place where a panel is shown."""

    live: bool
    """Whether messages reach a page. If not, a panel sends no messages and leaves only its picture."""

    def open(self, title: str, receive: Callable[[Message], None]) -> None:
        """Show the panel. Messages from the page go to `receive`."""

    def send(self, content: Message, buffer: bytes) -> None:
        """Send a message to every page that shows the panel."""

    def close(self, picture: Picture, content: Message, buffer: bytes) -> None:
        """Replace the panel by the final picture. `content` and `buffer` are the last message."""


class NotebookOutput:
    """An output cell of an IPython kernel's notebook."""

    def __init__(self, where: Environment | None = None):
        self.where = where or environment()
        self.live = self.where in WIDGET_HOSTS and importlib.util.find_spec("anywidget") is not None
        self._display_id = uuid.uuid4().hex
        self._widget: Any = None
        self._metadata: dict[str, Any] = {}
        self._steering: object = None

    def open(self, title: str, receive: Callable[[Message], None]) -> None:
        view: dict[str, Any] = {}
        if self.live:
            from kernelkit.viz.curves.widget import open_widget

            self._widget = open_widget(receive)
            self._steering = steer_by(self._widget.comm.comm_id, receive)
            if threading.current_thread() is threading.main_thread():
                answer_pages(ipython_shell())
            view, self._metadata = self._widget._repr_mimebundle_()
        if self.where != "headless":  # without a viewer, an output that is updated later may keep its first state
            self._publish(view | {"text/plain": f"{title} · training"}, update=False)

    def send(self, content: Message, buffer: bytes) -> None:
        self._widget.send(content, [buffer])

    def close(self, picture: Picture, content: Message, buffer: bytes) -> None:
        bundle = picture_bundle(picture, self._widget.key if self.live else "")
        if content:
            bundle[MIME] = saved(picture.title, [(content, buffer)])
        self._publish(bundle, update=self.where != "headless")

    def _publish(self, bundle: dict[str, Any], update: bool) -> None:
        publish(bundle, self._metadata, self._display_id, update)
