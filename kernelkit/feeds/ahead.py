"""A thread that prepares elements while earlier ones are used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

from kernelkit import interrupts

Element = TypeVar("Element")

PATIENCE = 2.0
"""Seconds that the end of a loop waits for its thread."""


def ahead(elements: Iterator[Element], depth: int = 2) -> Iterator[Element]:
    """Yield elements that a thread prepares while earlier ones are used.

    An error in the thread is raised here; leaving the loop early ends the thread.

    Args:
        elements: The elements.
        depth: Largest number of prepared elements that wait.

    Example:
        >>> list(ahead(iter([1, 2, 3])))
        [1, 2, 3]
    """
    ready: queue.Queue = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            for element in elements:
                if not _put(ready, ("element", element), stopped):
                    return
            _put(ready, ("end", None), stopped)
        except BaseException as error:
            _put(ready, ("error", error), stopped)

    thread = threading.Thread(target=work, name="kernelkit-feed", daemon=True)
    thread.start()
    received: list = []

    def receive(seconds: float) -> bool:
        try:
            received.append(ready.get(timeout=seconds))
        except queue.Empty:
            return False
        return True

    try:
        while True:
            interrupts.wait(receive)
            kind, value = received.pop()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        with interrupts.whole:
            thread.join(timeout=PATIENCE)  # the thread of a blocked source lives until the source returns


def _put(ready: queue.Queue, item: Any, stopped: threading.Event) -> bool:
    while not stopped.is_set():
        try:
            ready.put(item, timeout=0.1)
            return True
        except queue.Full:
            continue
    return False
