"""How many steps go into one dispatch, and how many dispatches are under way.

A dispatch should last about 50 ms: long enough that the host's share vanishes, short enough that displays and the stop
button stay live. Its duration is only known when it has ended, so the pace is set by watching dispatches end, never
more than two behind: one wait for each dispatch, none for a batch.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import jax

TARGET_SECONDS = 0.05
IN_FLIGHT = 2


class Pace:
    """Choose the length of the next dispatch.

    Args:
        steps: A fixed number of steps, or ``None`` to aim at 50 ms.
        limit: The most steps in one dispatch.
    """

    def __init__(self, steps: int | None, limit: int) -> None:
        self.fixed = steps
        self.limit = limit
        self.seconds_per_step: float | None = None
        self._under_way: deque[tuple[Any, int]] = deque()
        self._last_end: float | None = None
        self._largest = 1

    def next(self, left: int) -> int:
        """Return how many of the steps left to dispatch now."""
        if self.fixed is not None:
            return min(self.fixed, left, self.limit)
        if self.seconds_per_step is None:
            wanted = self._largest
        else:
            wanted = int(TARGET_SECONDS / max(self.seconds_per_step, 1e-7))
            # Estimates of very short dispatches are poor, so lengths grow by steps of four.
            wanted = min(wanted, 4 * self._largest)
        self._largest = max(self._largest, wanted)
        return max(1, min(wanted, left, self.limit))

    def dispatched(self, logs: Any, count: int) -> None:
        """Note a dispatch; wait for an older one if too many are under way."""
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
        """Wait until nothing is under way, and forget the clock (a pause follows)."""
        while self._under_way:
            self._wait()
        self._last_end = None
