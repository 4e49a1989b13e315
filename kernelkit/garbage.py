"""No garbage collection while a program is traced.

Tracing a step makes tens of thousands of small objects, so Python's collector runs in the middle of it, and walks
through all objects of jax and of the user too: 50 ms of a first step that takes 500. Nothing is lost: what a trace
leaves behind is collected by the next run.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_paused = 0  # how many contexts are open
_was_on = False  # whether the collector was on before the first of them


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Return a context without garbage collection. Contexts may overlap, also in several threads.

    A collector that the user has turned off stays off.

    Example:
        >>> import gc
        >>> from kernelkit.garbage import collection_paused
        >>> with collection_paused():
        ...     gc.isenabled()
        False
        >>> gc.isenabled()
        True
    """
    global _paused, _was_on
    with _lock:
        if not _paused:
            _was_on = gc.isenabled()
            gc.disable()
        _paused += 1
    try:
        yield
    finally:
        with _lock:
            _paused -= 1
            if not _paused and _was_on:
                gc.enable()
