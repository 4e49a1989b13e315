"""Code for an engine of ipyparallel: it joins the training, and sends its panel and its rate to the notebook."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Client, Connection
from typing import Any

from kernelkit import distribution as distributions
from kernelkit import processes
from kernelkit.training import display
from kernelkit.viz.curves.panel import LivePanel

EVERY = 0.5
"""Seconds between two reports of an engine."""


def set_environment(values: dict[str, str]) -> None:
    """Set variables of an engine's environment."""
    os.environ.update(values)


def free_address(loopback: bool) -> str:
    """Return a free address where the other engines can reach the first one."""
    host = "127.0.0.1" if loopback else socket.gethostbyname(socket.gethostname())
    with socket.socket() as free:
        free.bind((host, 0))
        return f"{host}:{free.getsockname()[1]}"


def join_job(address: str, count: int, rank: int, back: Any, key: bytes, distribution: Any) -> int:
    """Make an engine a process of the training, and return the number of processes."""
    bound: dict[str, Any] = {"coordinator_bind_address": address} if rank == 0 else {}
    distributions.initialize(address, count, rank, **bound)
    distributions.set_distribution(distributions.choose(distribution))
    line = Client(tuple(back), authkey=key)
    line.send(rank)
    far = _FarOutput(line)
    display.register(lambda: _Reported(LivePanel(far), far, rank), others=lambda: _Reported(None, far, rank))
    return processes.count()


class _FarOutput:
    """The output of a panel that is shown in the notebook of the client."""

    live = True

    def __init__(self, line: Connection) -> None:
        self._line, self._lock = line, threading.Lock()
        self.receive: Callable[[Any], None] = lambda content: None
        threading.Thread(target=self._read, daemon=True).start()

    def tell(self, *message: Any) -> None:
        with contextlib.suppress(OSError), self._lock:  # a closed notebook must not end the training
            self._line.send(message)

    def open(self, title: str, receive: Callable[[Any], None]) -> None:
        self.receive = receive
        self.tell("open", title)

    def send(self, content: dict, buffer: bytes) -> None:
        self.tell("send", content, bytes(buffer))

    def close(self, picture: Any, content: dict, buffer: bytes) -> None:
        self.tell("close", picture, content, bytes(buffer))

    def _read(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                content = self._line.recv()
                self.receive(content)  # a message for the open panel


class _Reported(display.Display):
    """Reports the rate of an engine's steps, and passes everything on to a panel in the first engine."""

    def __init__(self, panel: LivePanel | None, far: _FarOutput, rank: int) -> None:
        self._panel, self._far, self._rank = panel or display.Display(), far, rank
        self._host, self._done = socket.gethostname(), 0

    def begin(self, run: Any) -> None:
        self._panel.begin(run)
        self._last = (time.monotonic(), 0, processes.waited())
        run.control.subscribe(self._note)

    def epoch_begin(self, epoch: int) -> None:
        self._panel.epoch_begin(epoch)

    def steps(self, block: Any) -> None:
        self._panel.steps(block)
        self._done = block.first + block.count
        if time.monotonic() - self._last[0] >= EVERY:
            self._report()

    def validating(self, done: int, total: int | None) -> None:
        self._panel.validating(done, total)

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._panel.epoch_end(epoch, logs)

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        self._report()
        self._panel.end(outcome, error)

    def _note(self, event: Any) -> None:
        """Report a rate of 0 while training is paused, so that the table does not keep the last rate."""
        if event.kind == "paused":
            self._done = event.value
            self._far.tell("rate", self._rank, self._host, self._done, 0.0, 0.0)
        elif event.kind == "resumed":
            self._last = (time.monotonic(), self._done, processes.waited())

    def _report(self) -> None:
        then, done, waited = self._last
        self._last = now = (time.monotonic(), self._done, processes.waited())
        seconds = max(now[0] - then, 1e-9)
        shares = (now[1] - done) / seconds, min(1.0, (now[2] - waited) / seconds)
        self._far.tell("rate", self._rank, self._host, self._done, *shares)
