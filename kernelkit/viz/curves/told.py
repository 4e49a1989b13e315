"""`Told`: the queue of a training's events, in order, until their logs are computed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Fetched = tuple[Any, dict[str, np.ndarray]]
"""A block of steps and its logs: dict from name to array `(steps,)`."""


class Told:
    """The events of a training in order: blocks of steps, and functions to call between two blocks.

    The training thread adds events; another thread takes those whose logs are computed.
    """

    def __init__(self) -> None:
        self._events: deque[Any] = deque()

    def add(self, event: Any) -> None:
        """Add a block of steps, or a function to call after the blocks before it."""
        self._events.append(event)

    def clear(self) -> None:
        """Remove all events."""
        self._events.clear()

    def take(self, add_steps: Callable[[list[Fetched]], None], wait: bool = False) -> bool:
        """Take the events that are computed, and return whether there were any.

        Args:
            add_steps: Called with the fetched logs of the blocks between two functions.
            wait: Whether to wait for all events.
        """
        fetched: list[Fetched] = []
        taken = False
        try:
            for _ in range(len(self._events) if wait else _count_ready(self._events)):
                event = self._events[0]
                if callable(event):
                    add_steps(fetched)
                    fetched.clear()
                    event()
                else:
                    logs = {name: np.asarray(values)[: event.count] for name, values in event.logs.items()}
                    fetched.append((event, {name: values for name, values in logs.items() if values.ndim == 1}))
                self._events.popleft()
                taken = True
        finally:  # keep the logs that were fetched before a failed computation
            add_steps(fetched)
        return taken


def joined(fetched: list[Fetched]) -> Iterator[Fetched]:
    """Join the logs of consecutive dispatches with the same log names: `(first dispatch, columns)`."""
    start = 0
    for i, (block, logs) in enumerate(fetched):
        after = fetched[i + 1] if i + 1 < len(fetched) else None
        if after is None or after[0].first != block.first + block.count or after[1].keys() != logs.keys():
            group = fetched[start : i + 1]
            yield group[0][0], {name: np.concatenate([columns[name] for _, columns in group]) for name in logs}
            start = i + 1


def _count_ready(told: deque[Any]) -> int:
    """Return the number of queued events that are computed. Steps run in order, so bisection finds it."""
    low, high = 0, len(told)
    while low < high:
        middle = (low + high) // 2
        if _is_ready(told[middle]):
            low = middle + 1
        else:
            high = middle
    return low


def _is_ready(item: Any) -> bool:
    """Return whether a queued event is ready. A block is ready when its logs are computed; other events always are."""
    if callable(item):
        return True
    return all(not hasattr(values, "is_ready") or values.is_ready() for values in item.logs.values())
