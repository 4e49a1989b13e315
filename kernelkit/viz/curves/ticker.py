"""A thread that does a job at regular times, so that the thread that trains need not."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable


class Ticker:
    """Calls a function again and again, on a thread of its own, until closed.

    Args:
        job: callable. One that raises is called no more.
        interval: float. Seconds between calls.

    Example:
        >>> called = threading.Event()
        >>> ticker = Ticker(called.set, interval=0.01)
        >>> ticker.start()
        >>> called.wait(timeout=10)
        True
        >>> ticker.close()

    Attributes:
        error: what the job raised; None while all is well.
    """

    def __init__(self, job: Callable[[], None], interval: float):
        self._job = job
        self._interval = interval
        self._started = False
        self._closed = threading.Event()
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin, the first time. What the job sends belongs to the notebook cell that runs now."""
        if self._started:
            return
        self._started = True
        target = contextvars.copy_context().run
        threading.Thread(target=target, args=(self._run,), name="kernelkit-panel", daemon=True).start()

    def close(self) -> None:
        """Let the job be called no more; a call that is under way goes on beside the caller."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                self._job()
            except Exception as error:  # for whoever closes this to tell: nobody waits for this thread
                self.error = error
                return
