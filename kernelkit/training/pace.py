"""Choose the number of steps per dispatch, and limit the number of running dispatches.

A dispatch should last about 50 ms: long enough to make the host's overhead negligible, short enough for displays and
the stop button. Its duration is known only when it has ended, so the pace follows from finished dispatches, at most
two behind the newest. The host waits once per dispatch, never per batch.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import jax

from kernelkit import processes

TARGET_SECONDS = 0.05
IN_FLIGHT = 2


class Pace:
    """Choose the length of the next dispatch.

    Args:
        steps: A fixed number of steps, or ``None`` to aim at 50 ms.
        limit: Maximum number of steps in one dispatch.
    """

    def __init__(self, steps: int | None, limit: int) -> None:
        self.fixed = steps
        self.limit = limit
        self.seconds_per_step: float | None = None
        self._under_way: deque[tuple[Any, int]] = deque()
        self._last_end: float | None = None
        self._largest = 1

    def next(self, left: int) -> int:
        """Return the number of steps of the next dispatch, at most ``left``."""
        if self.fixed is not None:
            return min(self.fixed, left, self.limit)
        if self.seconds_per_step is None:
            wanted = self._largest
        else:
            wanted = int(TARGET_SECONDS / max(self.seconds_per_step, 1e-7))
            # The timing of very short dispatches is inexact, so lengths grow at most fourfold.
            wanted = min(wanted, 4 * self._largest)
        self._largest = max(self._largest, wanted)
        if processes.count() > 1:  # each measures other times, but all must do the same steps
            wanted = processes.of_first(wanted)
        return max(1, min(wanted, left, self.limit))

    def dispatched(self, logs: Any, count: int) -> None:
        """Register a dispatch. Wait for an older one if too many are running."""
        leaves = jax.tree_util.tree_leaves(logs)
        self._under_way.append((leaves[0] if leaves else None, count))
        while len(self._under_way) >= IN_FLIGHT:
            self._wait()

    def _wait(self) -> None:
        array, count = self._under_way.popleft()
        if array is not None:
            array.block_until_ready()
        now = time.perf_counter()
        if self._last_end is not None and count:
            seconds = (now - self._last_end) / count
            before = self.seconds_per_step
            self.seconds_per_step = seconds if before is None else 0.5 * before + 0.5 * seconds
        self._last_end = now

    def drain(self) -> None:
        """Wait for all dispatches and reset the clock, because a pause follows."""
        while self._under_way:
            self._wait()
        self._last_end = None
