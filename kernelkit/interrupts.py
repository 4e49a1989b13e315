"""The stop button (SIGINT: Ctrl-C, a notebook's stop): no press is lost, and none cuts a step in two.

Python raises KeyboardInterrupt wherever it happens to be. Inside a destructor, a weakref callback or a callback from C
the exception is printed and forgotten, and the press with it. So while kernelkit trains, evaluates, saves or loads
(inside a :class:`guard`), the signal handler sets a flag, and the exception is raised at the next safe point:
:func:`check`, a turn of :func:`wait`, or the end of the guard. It is raised at once

* in code of the user (:class:`user_code`: a callback, a generator), which may block for ever;
* at the second press;
* when no safe point was reached within :data:`PATIENCE` seconds.

The flag stays up until the exception has reached the guard. An exception that got lost on its way is raised again.
Inside :data:`whole`, between giving weights to a step and storing the new ones, nothing is ever raised.

All this concerns the main thread, which is where Python runs signal handlers. In other threads it does nothing.
"""

from __future__ import annotations

import _thread
import functools
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, ParamSpec, TypeVar

PATIENCE = 1.0
"""Seconds after which a press that no safe point has raised counts as pressed again."""

POLL = 0.1
"""Seconds between two looks at the flag while the main thread waits."""

P = ParamSpec("P")
R = TypeVar("R")

_MAIN = threading.main_thread().ident


class _Button:
    """The state of the stop button in this process."""

    def __init__(self) -> None:
        self.guards = 0
        self.whole = 0
        self.in_user_code = False
        self.pending = False
        self.raised: BaseException | None = None
        self.handler: Any = signal.default_int_handler
        self._watched = False
        self._lock = _thread.allocate_lock()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        again, self.pending = self.pending, True
        if not self._watched:
            self._watched = True
            _thread.start_new_thread(self._watch, ())  # takes no lock of Python's that this thread may hold
        if self.whole or (frame is not None and frame.f_code in _TURNS):
            return
        if self.in_user_code or again:
            self.fire(number, frame)

    def fire(self, number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
        """Let the handler that was there before act, which raises KeyboardInterrupt as a rule."""
        try:
            self.handler(number, frame)
        except BaseException as error:
            self.raised = error
            raise
        self.serve()

    def serve(self) -> None:
        """Note that the press has had its effect."""
        self.whole += 1
        with self._lock:  # the watch does not press any more from here on
            self.pending = False
            self.raised = None
        self.whole -= 1

    def has_arrived(self, error: BaseException | None) -> bool:
        """Return whether the exception of a press is the given one, or among its causes."""
        while error is not None:
            if error is self.raised or isinstance(error, KeyboardInterrupt):
                return True
            error = error.__cause__ or error.__context__
        return False

    def _watch(self) -> None:
        while True:
            time.sleep(PATIENCE)
            with self._lock:
                if not self.pending:
                    self._watched = False
                    if not self.pending:  # else a press came between the two lines
                        return
                    self._watched = True
                if self.in_user_code and not self.whole and hasattr(signal, "pthread_kill"):
                    signal.pthread_kill(_MAIN, signal.SIGINT)  # type: ignore[arg-type]  # also ends a sleep
                else:
                    _thread.interrupt_main()


_button = _Button()


class guard:
    """Hold presses of the stop button back until a safe point. May be entered inside itself.

    Example:
        >>> with guard():
        ...     check()  # a press that came before is raised here
    """

    def __enter__(self) -> guard:
        button = _button
        self._is_main = threading.get_ident() == _MAIN
        if not self._is_main:
            return self
        button.whole += 1
        try:
            if button.guards == 0:
                handler = signal.getsignal(signal.SIGINT)
                # A program that ignores the signal, or handles it in C, keeps what it chose.
                if callable(handler) and handler != button.on_signal:
                    button.handler = handler
                    signal.signal(signal.SIGINT, button.on_signal)
        except BaseException:  # pressed before the handler was in place
            button.whole -= 1
            raise
        self._before = button.in_user_code
        button.in_user_code = False
        button.guards += 1
        button.whole -= 1
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        button = _button
        if not self._is_main:
            return
        button.whole += 1
        button.guards -= 1
        button.in_user_code = self._before
        try:
            if button.guards == 0:
                if button.pending and button.has_arrived(error):
                    button.serve()
                if signal.getsignal(signal.SIGINT) == button.on_signal:  # else somebody has set another one: it stays
                    signal.signal(signal.SIGINT, button.handler)
        except BaseException:  # pressed after the handler was put back
            button.pending = False
            raise
        finally:
            button.whole -= 1
        if button.pending and not button.whole and (button.guards == 0 or button.in_user_code):
            if button.guards == 0:
                button.serve()
                button.handler(signal.SIGINT, None)
            elif not button.has_arrived(error):
                button.fire()


class user_code:
    """Run code of the user: inside, a press is raised at once, since such code may block for ever."""

    def __enter__(self) -> user_code:
        self._is_main = threading.get_ident() == _MAIN
        if self._is_main:
            if _button.pending:
                check()
            self._before = _button.in_user_code
            _button.in_user_code = _button.guards > 0
        return self

    def __exit__(self, *_: Any) -> None:
        if self._is_main:
            _button.in_user_code = self._before


class _Whole:
    """See :data:`whole`."""

    def __enter__(self) -> None:
        if threading.get_ident() == _MAIN:
            _button.whole += 1

    def __exit__(self, *_: Any) -> None:
        if threading.get_ident() == _MAIN:
            _button.whole -= 1


whole = _Whole()
"""A stretch of code that no press may cut in two, inside a :class:`guard`. The caller calls :func:`check` behind it."""


def check() -> None:
    """Raise a press of the stop button that came before: a safe point.

    Raises:
        KeyboardInterrupt: If somebody has pressed it.
    """
    button = _button
    if button.pending and button.guards and not button.whole and threading.get_ident() == _MAIN:
        button.fire()


def served(error: BaseException | None) -> None:
    """Note that an exception has ended what the stop button was pressed for; the next press is a new one."""
    if _button.pending and threading.get_ident() == _MAIN and _button.has_arrived(error):
        _button.serve()


def wait(poll: Callable[[float], bool]) -> None:
    """Wait, with a look at the stop button ten times a second.

    Locks that are waited for in pieces, with nothing raised inside, are never left locked by an interrupt.

    Args:
        poll: Waits for at most the given number of seconds; returns whether the wait is over.

    Raises:
        KeyboardInterrupt: If somebody has pressed the stop button.
    """
    while True:
        with whole:
            done = poll(POLL)
        if done:
            return
        check()


def guarded(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function inside a :class:`guard`.

    Example:
        >>> @guarded
        ... def twice(x):
        ...     return 2 * x
        >>> twice(3)
        6
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with guard():
            return function(*args, **kwargs)

    return run


_TURNS = frozenset(
    method.__code__ for owner in (guard, user_code, _Whole) for method in (owner.__enter__, owner.__exit__)
) | {_Button.serve.__code__, _Button.has_arrived.__code__}
"""Code that begins and ends such stretches: an exception in its middle would leave one open."""
