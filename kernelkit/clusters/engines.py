"""`Job`: the engines of an ipyparallel cluster as the processes of one training, seen and steered from one notebook."""

from __future__ import annotations

import contextlib
import html
import queue
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, Listener
from typing import Any, NamedTuple

from kernelkit.clusters.in_engine import free_address, join_job, set_environment
from kernelkit.viz.curves.output import NotebookOutput, Output
from kernelkit.viz.host.jupyter import publish

SLOWER = 0.2
"""An engine is slow if its share of waiting time is this much smaller than that of another engine."""


class EngineRate(NamedTuple):
    """How fast an engine trains.

    Attributes:
        engine: Its number.
        host: The name of its machine.
        steps: Steps done.
        rate: Steps a second.
        waits: Share of the time in which it waited for the other engines.
    """

    engine: int
    host: str
    steps: int
    rate: float
    waits: float


class Job:
    """The engines of a client as one training; see :func:`kernelkit.distribution.ipyparallel`.

    Args:
        client: The ``ipyparallel.Client``.
        distribution: The distribution of the engines.
        engines: Ids of the engines; all by default.
        environment: Variables of the environment, set in every engine before jax is imported.
        timeout: Seconds for the start.
        output: Where the panel is shown; the current cell by default.

    Attributes:
        rates: The last :class:`EngineRate` of each engine, by its number.

    Raises:
        RuntimeError: If the engines do not form one training.
    """

    def __init__(
        self,
        client: Any,
        distribution: Any = "data",
        engines: list[int] | None = None,
        environment: dict[str, str] | None = None,
        timeout: float = 300,
        output: Callable[[], Output] = NotebookOutput,
    ) -> None:
        self.client = client
        self.engines = list(client.ids) if engines is None else list(engines)
        self.rates: dict[int, EngineRate] = {}
        self._make_output = output
        self._output: Output | None = None
        self._lines: dict[int, Connection] = {}
        self._news: queue.Queue[tuple] = queue.Queue()
        self._table_id, self._table_shown = uuid.uuid4().hex, False
        if not self.engines:
            raise ValueError("The client has no engines: start some, with ipyparallel.Cluster(n=2).")
        views = [client[i] for i in self.engines]
        for view in views:
            view.apply_async(set_environment, environment or {}).get(timeout)
        hosts = [view.apply_async(socket.gethostname).get(timeout) for view in views]
        here = "127.0.0.1" if set(hosts) == {socket.gethostname()} else socket.gethostbyname(socket.gethostname())
        key = secrets.token_bytes(32)
        self._listener = Listener((here, 0), authkey=key)
        threading.Thread(target=self._accept, daemon=True).start()
        address = views[0].apply_async(free_address, here == "127.0.0.1").get(timeout)
        count, back = len(views), self._listener.address
        joined = [
            view.apply_async(join_job, address, count, rank, back, key, distribution) for rank, view in enumerate(views)
        ]
        found = [one.get(timeout) for one in joined]
        if found != [count] * count:
            raise RuntimeError(f"{count} engines were started, but jax sees {found} processes in them.")

    def run(self, function: Callable, *arguments: Any, **named: Any) -> list:
        """Run a function in all engines and return their results. The panel of the first engine is shown here.

        The stop button stops the training in all engines at the same step.

        Args:
            function: The function, which is sent to the engines.
            *arguments: Its arguments.
            **named: More arguments.

        Raises:
            Exception: The first error of an engine. If the other engines then hang, restart all engines.
        """
        running = [self.client[i].apply_async(function, *arguments, **named) for i in self.engines]
        pressed = False
        while not all(one.ready() for one in running):
            try:
                self._show(0.1)
            except KeyboardInterrupt:
                if pressed:
                    raise
                pressed = True
                self.press("stop")
            for one in running:
                if one.ready() and not one.successful():
                    self._show(2)
                    return one.get(0)  # raises the error; do not wait for the others, which may hang
        self._show(1)
        return [one.get(0) for one in running]

    def press(self, button: str, value: Any = None) -> None:
        """Press a button of the panel, in all engines.

        Args:
            button: ``"pause"``, ``"resume"``, ``"step"``, ``"stop"``, ``"learning_rate"`` or ``"save"``.
            value: The learning rate, or ``"epoch"`` to stop at the end of the epoch.
        """
        self._press({"kind": button, "value": value})

    def stragglers(self) -> list[int]:
        """Return the engines that the others wait for."""
        return waited_for(self.rates.values())

    def close(self) -> None:
        """Close the connections to the engines. The engines remain processes of one training."""
        self._listener.close()
        for line in self._lines.values():
            line.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                line = self._listener.accept()
                self._lines[int(line.recv())] = line
                threading.Thread(target=self._read, args=(line,), daemon=True).start()

    def _read(self, line: Connection) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                self._news.put(line.recv())

    def _press(self, content: Any) -> None:
        """Send a page's message to the first engine, whose control tells the others."""
        if 0 in self._lines:
            self._lines[0].send(content)

    def _show(self, seconds: float) -> None:
        """Show what the engines have sent, for some time or until it is quiet."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                kind, *content = self._news.get(timeout=min(left, 0.1))
            except queue.Empty:
                continue
            if kind == "rate":
                self.rates[content[0]] = EngineRate(*content)
                self._show_rates()
            elif kind == "open":
                opened = self._output = self._make_output()
                opened.open(content[0], self._press)
            elif self._output is not None and (kind == "close" or self._output.live):
                getattr(self._output, kind)(*content)

    def _show_rates(self) -> None:
        if isinstance(self._output, NotebookOutput):
            slow = self.stragglers()
            publish(rates_bundle(list(self.rates.values()), slow), {}, self._table_id, update=self._table_shown)
            self._table_shown = True


def waited_for(rates: Iterable[EngineRate]) -> list[int]:
    """Return the numbers of the slow engines: they wait much less than another engine, which waits for them.

    Example:
        >>> waited_for([EngineRate(0, "a", 50, 9.0, 0.6), EngineRate(1, "b", 50, 9.0, 0.1)])
        [1]
    """
    rates = sorted(rates)
    most = max((rate.waits for rate in rates), default=0.0)
    return [rate.engine for rate in rates if rate.waits < most - SLOWER]


def rates_bundle(rates: list[EngineRate], slow: list[int]) -> dict[str, str]:
    """Return a table of the engines' rates as a MIME bundle."""
    head = ("engine", "machine", "steps", "steps/s", "waits for others", "")
    rows = [
        (str(r.engine), r.host, f"{r.steps:,}", f"{r.rate:,.1f}", f"{r.waits:.0%}", "slowest" * (r.engine in slow))
        for r in sorted(rates)
    ]
    lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    table = f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>"
    table += "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
    return {"text/html": table, "text/plain": "\n".join("  ".join(row) for row in [head, *rows])}
