"""The stop button (SIGINT: Ctrl-C, a notebook's stop): no press is lost, and no press cuts a step in two.

Python raises KeyboardInterrupt at any line. Inside a destructor, a weakref callback or a callback from C, Python prints
the exception and drops it: the press is lost. So while kernelkit trains, evaluates, saves or loads (inside a
:class:`guard`), the signal handler only sets a flag. The exception is raised at the next safe point: :func:`check`, a
turn of :func:`wait`, or the end of the guard. It is raised at once

* in the user's code (:class:`user_code`: a callback, a generator; :class:`lifted`: a step that runs op by op), which
  may block for ever;
* at the second press;
* when no safe point was reached within :data:`PATIENCE` seconds.

The flag stays set until the exception has reached the guard. An exception that got lost on its way is raised again.
Inside :data:`whole` (while a step holds the weights) and inside functions of h5py, the exception is never raised: h5py
calls the methods of a file from C, where the exception would end as a SystemError.

This holds for the main thread, in which Python runs signal handlers. In other threads a guard does nothing.
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
"""Seconds after which a press counts as a second press, if no safe point was reached."""

ECHO = 0.25
"""Seconds within which a press that :class:`_Button` repeats itself arrives."""

POLL = 0.1
"""Seconds between two checks of the flag while the main thread waits."""

P = ParamSpec("P")
R = TypeVar("R")

_MAIN = threading.main_thread().ident


class _Button:
    """The state of the stop button in this process."""

    def __init__(self) -> None:
        self.guards = 0
        self.whole = 0
        self.in_user_code = False
        self.agreed = False
        self.pending = False
        self.raised: BaseException | None = None
        self.handler: Any = signal.default_int_handler
        self._echoed = -ECHO
        self._watched = False
        self._lock = _thread.allocate_lock()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.echoes():
            self._echoed = -ECHO
            if not self.pending:  # the press that is repeated has had its effect meanwhile
                return
        again, self.pending = self.pending, True
        if not self._watched and not self.agreed:
            self._watched = True
            _thread.start_new_thread(self._watch, ())  # a `threading.Thread` takes a lock that this thread may hold
        if self.whole or (frame is not None and frame.f_code in _TURNS):
            return
        if (self.in_user_code or again) and not _below_c(frame):
            self.fire(number, frame)

    def fire(self, number: int = signal.SIGINT, frame: FrameType | None = None) -> None:
        """Call the previous signal handler, which usually raises KeyboardInterrupt."""
        try:
            self.handler(number, frame)
        except BaseException as error:
            self.raised = error
            raise
        self.serve()

    def serve(self) -> None:
        """Note that the press has had its effect."""
        self.whole += 1
        with self._lock:  # from here on the watch raises nothing
            self.pending = False
            self.raised = None
        self.whole -= 1

    def echoes(self) -> bool:
        """Return whether a press is being repeated and has not arrived yet."""
        return time.monotonic() < self._echoed + ECHO

    def has_arrived(self, error: BaseException | None) -> bool:
        """Return whether an error is the exception of a press, or was caused by it."""
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
                    if not self.pending:  # otherwise a press came between the two lines
                        return
                    self._watched = True
                self._echoed = time.monotonic()
                if self.in_user_code and not self.whole and hasattr(signal, "pthread_kill"):
                    signal.pthread_kill(_MAIN, signal.SIGINT)  # type: ignore[arg-type]  # also ends a sleep
                else:
                    _thread.interrupt_main()


def _below_c(frame: FrameType | None) -> bool:
    """Return whether a frame runs below a function of a library that calls Python from C."""
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] in _CALLS_FROM_C:
            return True
        frame = frame.f_back
    return False


_CALLS_FROM_C = {"h5py"}

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
                # If the program ignores the signal, or handles it in C, its handler stays.
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
                while not button.pending and button.echoes():  # it must not find the handler of the program
                    time.sleep(0.001)
                if signal.getsignal(signal.SIGINT) == button.on_signal:  # a handler that other code set stays
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
    """Run the user's code: a press is raised at once inside, because such code may block for ever."""

    def __enter__(self) -> user_code:
        self._is_main = threading.get_ident() == _MAIN and not _button.agreed
        if self._is_main:
            if _button.pending:
                check()
            self._before = _button.in_user_code
            _button.in_user_code = _button.guards > 0
        return self

    def __exit__(self, *_: Any) -> None:
        if self._is_main:
            _button.in_user_code = self._before


class lifted:
    """Inside :data:`whole`, run code that may be cut anywhere: a press is raised at once.

    A step that runs op by op is such code. It changes nothing until its result is stored, and may run for long.
    """

    def __enter__(self) -> lifted:
        button = _button
        self._is_main = threading.get_ident() == _MAIN
        if not self._is_main:
            return self
        self._before, self._whole = button.in_user_code, button.whole
        button.in_user_code, button.whole = button.guards > 0, 0
        if button.pending:
            try:
                check()
            except BaseException:
                button.in_user_code, button.whole = self._before, self._whole
                raise
        return self

    def __exit__(self, *_: Any) -> None:
        if self._is_main:
            _button.in_user_code, _button.whole = self._before, self._whole


class _Whole:
    """See :data:`whole`."""

    def __enter__(self) -> None:
        if threading.get_ident() == _MAIN:
            _button.whole += 1

    def __exit__(self, *_: Any) -> None:
        if threading.get_ident() == _MAIN:
            _button.whole -= 1


whole = _Whole()
"""Code inside a :class:`guard` that no press may cut in two. The caller calls :func:`check` after it."""


def check() -> None:
    """Raise KeyboardInterrupt if the stop button was pressed: a safe point.

    Raises:
        KeyboardInterrupt: If the button was pressed.
    """
    if pressed():
        _button.fire()


def only_when_agreed() -> None:
    """Raise for a first press only where :func:`check` is called: several processes must stop at the same step."""
    _button.agreed = True


def pressed() -> bool:
    """Return whether the stop button was pressed and :func:`check` would raise."""
    button = _button
    return button.pending and button.guards > 0 and not button.whole and threading.get_ident() == _MAIN


def served(error: BaseException | None) -> None:
    """Note that an exception has ended the work that the stop button was to end; the next press is a new one."""
    if _button.pending and threading.get_ident() == _MAIN and _button.has_arrived(error):
        _button.serve()


def wait(poll: Callable[[float], bool]) -> None:
    """Wait, and check the stop button ten times a second.

    Nothing is raised inside ``poll``, so an interrupt never leaves a lock locked.

    Args:
        poll: Waits for at most the given number of seconds; returns whether the wait is over.

    Raises:
        KeyboardInterrupt: If the stop button was pressed.
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
    method.__code__ for owner in (guard, user_code, lifted, _Whole) for method in (owner.__enter__, owner.__exit__)
) | {_Button.serve.__code__, _Button.has_arrived.__code__}
"""Code that enters and leaves these contexts: an exception in its middle would leave one open."""
