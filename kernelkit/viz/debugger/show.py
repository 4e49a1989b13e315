"""The display of a debugger as a cell's value: a widget if possible, and a static picture."""

from __future__ import annotations

import importlib.util
import threading
import uuid
from typing import Any

from kernelkit.viz.debugger.picture import Shot, bundle
from kernelkit.viz.host.environment import WIDGET_HOSTS, environment
from kernelkit.viz.host.jupyter import deliver_while_busy, main_thread, publish

QUIET = 1.5
"""Seconds without a change before the notebook's picture is redrawn."""


class Shown:
    """Base class with the display methods that notebooks call on a cell's last value."""

    _display: Display | None = None

    def _ipython_display_(self) -> None:
        where = environment()
        if where not in WIDGET_HOSTS or importlib.util.find_spec("anywidget") is None:
            raise NotImplementedError  # IPython then calls _repr_mimebundle_
        if self._display is None or not self._display.live:
            self._display = Display(self, views=where != "jupyter")
        self._display.show()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if environment() == "terminal":
            return {"text/plain": repr(self)}
        return bundle(Shot.of(self))


class Display:
    """The widget of one debugger, and the notebook outputs that show it.

    An output holds a static picture. The page covers it with the widget while the kernel lives; without a kernel, a
    saved widget view alone would show an error. Some time after the last change the picture is redrawn, so that the
    saved notebook shows the last state.

    Args:
        dbg: The debugger.
        views: Whether outputs also hold a view of the widget, for pages that isolate each output.
    """

    def __init__(self, dbg: Any, views: bool) -> None:
        from kernelkit.viz.debugger.panel import DebuggerPanel
        from kernelkit.viz.debugger.widget import open_widget

        self._later = main_thread()
        self._deliver = deliver_while_busy
        self._widget: Any = open_widget(lambda content: self.panel.receive(content))
        self.panel = DebuggerPanel(dbg, self._send, self._later, self._changed)
        self._views = views
        self._display_id = uuid.uuid4().hex
        self._changes = 0
        self._drawn = ""

    @property
    def live(self) -> bool:
        """Whether the widget is open."""
        return self._widget.comm is not None

    def show(self) -> None:
        """Show the debugger as an output of the running cell."""
        self._drawn = ""
        self._publish(Shot.of(self.panel.dbg, look=False), update=False)

    def _send(self, content: dict[str, Any], buffer: bytes) -> None:
        if self.live:
            self._widget.send(content, [buffer])
            self._deliver(self._widget)

    def _changed(self) -> None:
        self._changes += 1
        changes = self._changes
        if not self._views:
            self._later(QUIET, lambda: self._redraw(changes))

    def _redraw(self, changes: int) -> None:
        if changes != self._changes or self.panel.running or not self.live:
            return
        shot = Shot.of(self.panel.dbg, look=self.panel.looked)
        # Drawing takes longer than a step, so it runs in a thread.
        threading.Thread(target=self._publish, args=(shot, True), name="kernelkit-debugger", daemon=True).start()

    def _publish(self, shot: Shot, update: bool) -> None:
        made = bundle(shot, self._widget.key)
        if update and made["text/html"] == self._drawn:
            return
        self._drawn = made["text/html"]
        metadata: dict[str, Any] = {}
        if self._views:
            view, metadata = self._widget._repr_mimebundle_()
            made = view | made
        publish(made, metadata, self._display_id, update)
