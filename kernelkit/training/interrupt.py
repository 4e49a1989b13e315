"""The stop button: a step is whole, or it has not happened.

A dispatch gives away the old weights before the new ones are stored. Between the two, an interrupt (Ctrl-C, a
notebook's stop button) is held back and raised right after.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from kernelkit.variable import state_lock

_MAIN = threading.main_thread().ident


class InterruptGuard:
    """Hold interrupts back inside ``guard.whole`` sections while entered. Threads other than the main one get none.

    May be entered again inside itself (an evaluation inside a training).

    Example:
        >>> with InterruptGuard() as guard:
        ...     with guard.whole:
        ...         pass  # an interrupt here is raised at the end of the section
    """

    def __init__(self) -> None:
        self.whole = _Section()
        self._entered = 0
        self._installed = False

    def __enter__(self) -> InterruptGuard:
        if threading.current_thread() is threading.main_thread():
            self._entered += 1
            handler = signal.getsignal(signal.SIGINT)
            # A program that ignores the signal, or handles it in C, keeps what it chose.
            if self._entered == 1 and callable(handler):
                self.whole.handler = handler
                signal.signal(signal.SIGINT, self.whole.on_signal)
                self._installed = True
        return self

    def __exit__(self, *_: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            self._entered -= 1
            if self._entered == 0 and self._installed:
                self._installed = False
                current = signal.signal(signal.SIGINT, self.whole.handler)
                if current != self.whole.on_signal:  # somebody has set another one meanwhile, which stays
                    signal.signal(signal.SIGINT, current)
                self.whole.raise_pending()


class _Section:
    """A stretch of code that an interrupt cannot cut in two, and no other thread may read weights in. May be nested."""

    def __init__(self) -> None:
        self.depth = 0  # of the main thread, to which all signals come
        self.pending = False
        self.handler: Any = signal.default_int_handler

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.depth > 0:
            self.pending = True
        else:
            self.handler(number, frame)

    def raise_pending(self) -> None:
        if self.pending and self.depth == 0:
            self.pending = False
            self.handler(signal.SIGINT, None)

    def __enter__(self) -> None:
        if threading.get_ident() == _MAIN:
            self.depth += 1  # before the lock, which an interrupt in between would leave locked
        state_lock.acquire()

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        state_lock.release()
        if threading.get_ident() == _MAIN:
            self.depth -= 1
            if kind is None:
                self.raise_pending()
