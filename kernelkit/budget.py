"""Limits on the memory, the objects and the time that the loading of a file may take.

An untrusted file may declare more than it holds. Code that makes objects or arrays for a config claims them here
first. A thread watches the time and the memory of the process while a file is loaded. It ends a load that exceeds the
limits without a claim, such as an endless loop in the code of a layer.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator

MOST_OBJECTS = 50_000
"""Objects (layers, functions, initializers, calls) that a config may describe."""
MOST_SECONDS = 90.0
"""Seconds of computing in the loading thread that making them may take."""
_PERIOD = 0.1
_SLACK = 1 << 30
_HOW_TO_RAISE = "If you trust the file, pass safe_mode=False, which sets no limits."


class OverBudget(ValueError):
    """The error for a file that asks for more than its limits allow."""


class _Ended(BaseException):
    """Raised in the loading thread by the watching thread. ``except Exception`` does not catch it."""


class Budget:
    """The memory, the objects and the time that are left for one load.

    Args:
        memory: Bytes that arrays may take.
        objects: Number of objects that may be made.
        seconds: Seconds of the thread's computing.
        hint: End of the error messages: the remedy.
    """

    def __init__(self, memory: int, objects: int = MOST_OBJECTS, seconds: float = MOST_SECONDS, hint: str = "") -> None:
        self.memory, self.objects, self.seconds = memory, objects, seconds
        self.hint = hint or _HOW_TO_RAISE
        self.begin = time.thread_time()

    def take_memory(self, nbytes: int, who: str) -> None:
        """Claim bytes; raise :class:`OverBudget` if fewer are left."""
        self.memory -= nbytes
        if self.memory < 0:
            raise OverBudget(
                f"{who} would take {nbytes} bytes, but the file that is being loaded has fewer bytes. {self.hint}"
            )

    def take_objects(self, count: int, who: str) -> None:
        """Claim objects, and check the time."""
        self.objects -= count
        if self.objects < 0:
            raise OverBudget(f"{who}: the file that is being loaded describes too many objects. {self.hint}")
        if time.thread_time() - self.begin > self.seconds:
            raise OverBudget(self.too_long())

    def too_long(self) -> str:
        """Return the error message for a load that ran out of time."""
        return f"The model that is being loaded takes more than {self.seconds:g} seconds to be made. {self.hint}"


_local = threading.local()


def current() -> Budget | None:
    """Return the budget of the load in this thread, ``None`` if there is no load."""
    return getattr(_local, "budget", None)


@contextlib.contextmanager
def limited(budget: Budget | None) -> Iterator[None]:
    """Take this thread's claims from a budget while the block runs; ``None`` sets no limits."""
    before = current()
    _local.budget = budget
    try:
        if budget is None:
            yield
        else:
            with _watched(budget):
                yield
    finally:
        _local.budget = before


def claim_memory(nbytes: int, who: str) -> None:
    """Raise before an array takes more memory than the file that is being loaded may ask for.

    Args:
        nbytes: Bytes that the array would take.
        who: Name of the array in the error.

    Example:
        >>> with limited(Budget(memory=100)):
        ...     claim_memory(60, "A table")
        ...     claim_memory(60, "Another table")
        Traceback (most recent call last):
        ...
        kernelkit.budget.OverBudget: Another table would take 60 bytes, but the file that is being loaded has \
fewer bytes. If you trust the file, pass safe_mode=False, which sets no limits.
    """
    budget = current()
    if budget is not None:
        budget.take_memory(int(nbytes), who)


def claim_objects(count: int, who: str) -> None:
    """Raise if a file describes too many objects, before they are made."""
    budget = current()
    if budget is not None:
        budget.take_objects(count, who)


# Watching -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _watched(budget: Budget) -> Iterator[None]:
    """End the block if it takes far more time or memory than the budget has."""
    thread, done, lock = threading.get_ident(), threading.Event(), threading.Lock()
    clock = _clock_of(thread)
    most = _resident() + budget.memory + _SLACK
    reason: list[str] = []

    def watch() -> None:
        begin = clock()
        while not done.wait(_PERIOD):
            if clock() - begin > budget.seconds:
                why = budget.too_long()
            elif _resident() > most:
                why = f"The model that is being loaded takes far more memory than the file holds. {budget.hint}"
            else:
                continue
            with lock:
                if not done.is_set():
                    reason[:] = [why]
                    _raise_in(thread, _Ended)
            done.wait(1.0)  # Python drops an exception raised in a destructor: raise it again

    watcher = threading.Thread(target=watch, name="kernelkit-budget", daemon=True)
    with contextlib.suppress(RuntimeError):  # a platform without threads
        watcher.start()
    try:
        try:
            yield
        finally:
            with lock:
                done.set()
                if reason:
                    _raise_in(thread, None)  # cancel an exception that was not raised yet
    except _Ended:
        raise OverBudget(reason[0]) from None


def _clock_of(thread: int) -> Callable[[], float]:
    """Return a clock of a thread's computing time, or of wall time where the system has no such clock."""
    try:
        number = time.pthread_getcpuclockid(thread)
        time.clock_gettime(number)
    except (AttributeError, OSError, OverflowError):
        return time.monotonic
    return lambda: time.clock_gettime(number)


def _resident() -> int:
    """Return the bytes of memory that the process holds; 0 where the system doesn't report them."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    kind = ctypes.py_object() if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)
