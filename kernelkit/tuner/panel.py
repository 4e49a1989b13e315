"""The panel of a search in a notebook: a widget during the search, and a page that needs no kernel afterwards."""

from __future__ import annotations

import importlib.util
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from kernelkit.tuner.board import Board, Lines, Safely, Snapshot, facts, page, rows
from kernelkit.tuner.picture import svg
from kernelkit.tuner.results import TrialResult, table
from kernelkit.viz.host.environment import WIDGET_HOSTS, Environment, environment
from kernelkit.viz.host.jupyter import deliver_while_busy, ipython_shell, publish
from kernelkit.viz.host.pages import answer_pages

INTERVAL = 0.25
"""Smallest number of seconds between two messages about epochs."""


def message_of(snapshot: Snapshot) -> dict[str, Any]:
    """Return the message about a search for a page."""
    return {
        "kind": "update",
        "state": snapshot.state,
        "facts": facts(snapshot),
        "note": snapshot.note,
        "seconds": round(snapshot.seconds, 1),
        "running": snapshot.running,
        "picture": svg(snapshot.results, snapshot.objective, snapshot.way),
        "rows": rows(snapshot),
    }


def bundle_of(snapshot: Snapshot) -> dict[str, Any]:
    """Return a search as a MIME bundle, for an output that is saved with the notebook."""
    ranked = rows(snapshot)
    text = facts(snapshot)
    if ranked:
        text += "\n" + table(
            [r for r in snapshot.results if str(r.number) in {row[0] for row in ranked[1:]}], snapshot.objective
        )
    return {"text/plain": text, "text/html": page(snapshot)}


class Panel(Board):
    """Shows a search in the output of a cell.

    Args:
        receive: Function that is called with each message of the page, on any thread.
        live: Whether the page receives messages while the cell runs.
        where: The kind of notebook.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        receive: Callable[[Any], None],
        live: bool,
        where: Environment = "jupyter",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._receive, self._live, self._where, self._clock = receive, live, where, clock
        self._display_id = uuid.uuid4().hex
        self._metadata: dict[str, Any] = {}
        self._widget: Any = None
        self._last: dict[str, Any] = {}
        self._sent = -float("inf")
        self._lock = threading.RLock()

    def begin(self, snapshot: Snapshot) -> None:
        view: dict[str, Any] = {}
        if self._live:
            from kernelkit.tuner.widget import open_widget

            self._widget = open_widget()
            self._widget.on_msg(lambda _, content, buffers: self._hear(content))
            deliver_while_busy(self._widget)
            if threading.current_thread() is threading.main_thread():
                answer_pages(ipython_shell())
            view, self._metadata = self._widget._repr_mimebundle_()
        if self._where != "headless":  # without a viewer, an output that is updated later may keep its first state
            publish(view | {"text/plain": "Search"}, self._metadata, self._display_id, update=False)
        self._send(snapshot)

    def epoch(self, look: Callable[[], Snapshot]) -> None:
        if self._clock() - self._sent >= INTERVAL:
            self._send(look())

    def trial_begins(self, look: Callable[[], Snapshot]) -> None:
        self._send(look())

    def trial_ended(self, result: TrialResult, look: Callable[[], Snapshot]) -> None:
        self._send(look())

    def end(self, snapshot: Snapshot) -> None:
        self._send(snapshot)
        publish(bundle_of(snapshot), self._metadata, self._display_id, update=self._where != "headless")

    def _send(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._sent = self._clock()
            self._last = message_of(snapshot)
            if self._widget is not None:
                self._widget.send(self._last)

    def _hear(self, content: Any) -> None:
        """Handle a message of a page, valid or not."""
        if isinstance(content, dict) and content.get("kind") == "ready":
            with self._lock:
                if self._widget is not None and self._last:
                    self._widget.send(self._last)
        else:
            self._receive(content)


def choose(verbose: Any, receive: Callable[[Any], None]) -> Board:
    """Return the board for a ``verbose`` argument.

    Args:
        verbose: ``"auto"`` or 1 (a panel in a notebook, lines elsewhere), 0 (nothing) or 2 (lines).
        receive: Function that is called with each message of the page, on any thread.

    Raises:
        ValueError: If ``verbose`` is another value.
    """
    if verbose in (0, False, None):
        return Board()
    if verbose not in ("auto", 1, 2):
        raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}.")
    where = environment()
    if verbose == 2 or where not in (*WIDGET_HOSTS, "headless"):
        return Safely(Lines())
    live = where in WIDGET_HOSTS and importlib.util.find_spec("anywidget") is not None
    return Safely(Panel(receive, live, where))
