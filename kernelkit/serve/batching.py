"""Waiting requests are computed together: while one batch is computed, requests for the next one are collected."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kernelkit.serve.counters import Counters
from kernelkit.serve.limits import Limits, Refused
from kernelkit.serve.runner import Runner


class Waiting(NamedTuple):
    """A request in the queue.

    Attributes:
        inputs: The arrays of the request.
        rows: Number of rows.
        shapes: Shapes of the rows: only requests of equal shapes share a batch.
        since: Time of its arrival.
        answer: Receives the outputs.
    """

    inputs: Sequence[np.ndarray]
    rows: int
    shapes: tuple
    since: float
    answer: asyncio.Future


class Batcher:
    """A thread that computes waiting requests in batches.

    Args:
        runner: The model.
        limits: Uses ``batch``, ``queue``, ``seconds`` and ``delay``.
        counters: Counters for the metrics page.
    """

    def __init__(self, runner: Runner, limits: Limits, counters: Counters) -> None:
        self.runner, self.limits, self.counters = runner, limits, counters
        self._queue: deque[Waiting] = deque()
        self._rows = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name=f"kernelkit-serve-{runner.name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of rows in the queue."""
        return self._rows

    async def compute(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute the outputs of a request, flat.

        Raises:
            Refused: If the queue is full, the request waited too long, or the server is closing.
        """
        answer = asyncio.get_running_loop().create_future()
        self.submit(inputs, answer)
        return await answer

    def submit(self, inputs: Sequence[np.ndarray], answer: asyncio.Future) -> None:
        """Put a request in the queue.

        Raises:
            Refused: If the queue is full or the server is closing.
        """
        rows = len(inputs[0])
        one = Waiting(inputs, rows, tuple(x.shape[1:] for x in inputs), time.monotonic(), answer)
        with self._changed:
            if self._closing:
                raise Refused(503, "The server is closing.", {"Retry-After": "5"})
            if self._rows + rows > self.limits.queue and self._queue:
                raise Refused(
                    429, f"{self._rows} rows are waiting, the limit is {self.limits.queue}.", {"Retry-After": "1"}
                )
            self._queue.append(one)
            self._rows += rows
            if len(self._queue) == 1 or self._rows >= self.limits.batch:  # only this wakes the waiting thread
                self._changed.notify()

    def close(self) -> None:
        """Compute the waiting requests, then end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(self.limits.closing)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._closing:
                    self._changed.wait()
                if not self._queue:
                    return
                self._let_gather()
                group, late = self._take()
            self._answer(late, Refused(429, f"The request waited longer than {self.limits.seconds:g} seconds."))
            if group:
                self._compute(group)

    def _let_gather(self) -> None:
        """Wait until the batch is full or the oldest request has waited for ``delay``. The caller holds the lock."""
        until = self._queue[0].since + self.limits.delay
        while self._rows < self.limits.batch and not self._closing and (rest := until - time.monotonic()) > 0:
            self._changed.wait(rest)

    def _take(self) -> tuple[list[Waiting], list[Waiting]]:
        """Return the requests of the next batch, and those that waited too long. The caller holds the lock."""
        group: list[Waiting] = []
        late: list[Waiting] = []
        rows, oldest = 0, time.monotonic() - self.limits.seconds
        while self._queue:
            one = self._queue[0]
            if one.answer.cancelled():  # the client closed the connection
                self._forget(self._queue.popleft())
            elif one.since < oldest:
                late.append(self._forget(self._queue.popleft()))
            elif group and (rows + one.rows > self.limits.batch or one.shapes != group[0].shapes):
                break
            else:
                group.append(self._forget(self._queue.popleft()))
                rows += one.rows
        return group, late

    def _forget(self, one: Waiting) -> Waiting:
        self._rows -= one.rows
        return one

    def _compute(self, group: list[Waiting]) -> None:
        started = time.perf_counter()
        try:
            if len(group) == 1:
                outputs = self.runner(group[0].inputs)
            else:
                columns = zip(*(one.inputs for one in group), strict=True)
                outputs = self.runner([np.concatenate(column) for column in columns])
        except Exception as error:
            if len(group) == 1:
                self._answer(group, error)
            else:
                for one in group:  # an error of one request must not fail the others
                    self._compute([one])
            return
        rows = sum(one.rows for one in group)
        self.counters.batch(rows, time.perf_counter() - started)
        parts, start = [], 0
        for one in group:
            parts.append([y[start : start + one.rows] for y in outputs])
            start += one.rows
        self._hand_out(list(zip(group, parts, strict=True)))

    def _answer(self, group: list[Waiting], error: Exception) -> None:
        self._hand_out([(one, error) for one in group])

    @staticmethod
    def _hand_out(pairs: list[tuple[Waiting, Any]]) -> None:
        """Give each request its result, all in one call of the event loop."""
        if not pairs:
            return

        def hand_out() -> None:
            for one, result in pairs:
                if one.answer.done():
                    continue
                if isinstance(result, Exception):
                    one.answer.set_exception(result)
                else:
                    one.answer.set_result(result)

        try:
            pairs[0][0].answer.get_loop().call_soon_threadsafe(hand_out)
        except RuntimeError:  # the loop was closed: no client waits
            return
