"""`Ticker`: a thread that does a job at regular intervals, outside the training thread."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable


class Ticker:
    """Calls a function at regular intervals on its own thread until it is closed.

    Args:
        job: The function. After an error it is not called again.
        interval: Seconds between calls.

    Example:
        >>> called = threading.Event()
        >>> ticker = Ticker(called.set, interval=0.01)
        >>> ticker.start()
        >>> called.wait(timeout=10)
        True
        >>> ticker.close()

    Attributes:
        error: The error of the job, None if there was none.
    """

    def __init__(self, job: Callable[[], None], interval: float):
        self._job = job
        self._interval = interval
        self._started = False
        self._closed = threading.Event()
        self.error: Exception | None = None

    def start(self) -> None:
        """Start the thread on the first call. Outputs of the job belong to the current notebook cell."""
        if self._started:
            return
        self._started = True
        target = contextvars.copy_context().run
        threading.Thread(target=target, args=(self._run,), name="kernelkit-panel", daemon=True).start()

    def close(self) -> None:
        """Stop calling the job. Does not wait for a running call."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._interval):
            try:
                self._job()
            except Exception as error:  # the owner reports it after close(); no one waits for this thread
                self.error = error
                return
