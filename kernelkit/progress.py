"""`progress`: a line with the progress of a long task. It appears after half a second and removes itself."""

from __future__ import annotations

import contextlib
import contextvars
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from kernelkit import config

DELAY = 0.5
"""Seconds before a line appears."""
INTERVAL = 0.2
"""Seconds between two updates of a line."""
WIDTH = 20

Item = TypeVar("Item")


class Line(Protocol):
    """A place for one line of text that can be replaced."""

    def show(self, text: str) -> None:
        """Show a text, instead of the previous one."""

    def remove(self) -> None:
        """Remove the text."""


class Progress:
    """Shows the progress of a task.

    Args:
        what: Name of the task, such as ``"predict"``.
        total: Number of parts, None if unknown.
        unit: Name of the parts, in the plural. ``"bytes"`` are shown as megabytes.
        line: The place of the line. Default: the notebook or the terminal; none in a log file.
        clock: Returns the time in seconds.
        silent: Whether to show nothing.

    Example:
        >>> times = iter([0.0, 0.4, 2.0, 4.0])
        >>> class Told:
        ...     show = staticmethod(print)
        ...     remove = staticmethod(lambda: print("gone"))
        >>> with Progress("predict", 200, "batches", Told(), lambda: next(times)) as progress:
        ...     for done in (10, 50, 100):
        ...         progress(done)
        predict ▕█████               ▏ 50/200 batches · 25.0/s · 6 s left
        predict ▕██████████          ▏ 100/200 batches · 25.0/s · 4 s left
        gone
    """

    def __init__(
        self,
        what: str,
        total: int | None = None,
        unit: str = "batches",
        line: Line | None = None,
        clock: Callable[[], float] = time.perf_counter,
        silent: bool = False,
    ) -> None:
        self.what = what
        self.total = total
        self.unit = unit
        self.done = 0
        self.silent = silent
        self._line = line
        self._clock = clock
        self._began = self._shown = clock()
        self._waited = 0.0
        self._is_shown = False

    def __call__(self, done: int, total: int | None = None) -> None:
        """Report the number of finished parts."""
        self.done = done
        self.total = self.total if total is None else total
        now = self._clock()
        if now - self._began < DELAY or (self._is_shown and now - self._shown < INTERVAL) or not done:
            return
        self._show(text_of(self.what, done, self.total, self.unit, now - self._began - self._waited), now)

    @contextlib.contextmanager
    def waiting(self, doing: str) -> Iterator[None]:
        """Show, from a thread, the duration of an activity without parts while a ``with`` block runs.

        The rate of the parts does not include this time.
        """
        began, ended = self._clock(), threading.Event()
        thread = None
        if not self.silent and self._find_line() is not None:

            def tell() -> None:
                while not ended.wait(DELAY):
                    now = self._clock()
                    if now - began >= DELAY:
                        self._show(f"{self.what}: {doing} … {_duration(now - began)}", now)

            # The copied context identifies the cell of the line.
            thread = threading.Thread(target=contextvars.copy_context().run, args=(tell,), daemon=True)
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if thread is not None:
                thread.join()
            self._waited += self._clock() - began

    def _find_line(self) -> Line | None:
        self._line = self._line or new_line()
        return self._line

    def _show(self, text: str, now: float) -> None:
        line = None if self.silent else self._find_line()
        if line is not None:
            self._shown, self._is_shown = now, True
            line.show(text)

    def __enter__(self) -> Progress:
        _under_way().append(self)
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ValueError):  # a generator may be closed by another thread
            _under_way().remove(self)
        if self._is_shown and self._line is not None:
            self._is_shown = False
            with contextlib.suppress(Exception):  # a closed page must not end the task
                self._line.remove()


_threads = threading.local()


def _under_way() -> list[Progress]:
    """Return the running tasks of this thread, the innermost one last."""
    if not hasattr(_threads, "work"):
        _threads.work = []
    return _threads.work


def waiting(doing: str, what: str = "") -> contextlib.AbstractContextManager[None]:
    """Show the duration of an activity, such as ``"compiling"``, in the line of this thread's innermost task.

    Args:
        doing: Name of the activity.
        what: Name of the task if none is running; with ``""`` nothing is shown then.
    """
    work = _under_way()
    return work[-1].waiting(doing) if work else _alone(what, doing) if what else contextlib.nullcontext()


def named(what: str) -> contextlib.AbstractContextManager[object]:
    """Return a task without parts, or a silent one if this thread already shows a larger task."""
    return contextlib.nullcontext() if _under_way() else Progress(what)


@contextlib.contextmanager
def _alone(what: str, doing: str) -> Iterator[None]:
    with Progress(what) as work, work.waiting(doing):
        yield


def moved(count: int) -> None:
    """Add finished bytes to the innermost task of this thread, if it counts bytes."""
    work = _under_way()
    if work and work[-1].unit == "bytes":
        work[-1](work[-1].done + count)


def over(items: Iterable[Item], what: str, unit: str = "batches", total: int | None = None) -> Iterator[Item]:
    """Yield items and show the number of taken ones.

    Example:
        >>> list(over([1, 2], "adapt"))
        [1, 2]
    """
    with Progress(what, total, unit) as progress:
        for done, item in enumerate(items, 1):
            yield item
            progress(done)


def text_of(what: str, done: int, total: int | None, unit: str, seconds: float) -> str:
    """Return a line of progress.

    Example:
        >>> text_of("adapt", 30, None, "batches", 60.0)
        'adapt: 30 batches · 2.00 s each · 1:00 so far'
        >>> text_of("save", 250_000_000, 1_000_000_000, "bytes", 2.0)
        'save ▕█████               ▏ 250/1,000 MB · 125 MB/s · 6 s left'
    """
    rate = done / max(seconds, 1e-9)
    speed = f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.2f} s each"
    scale = 1
    if unit == "bytes":
        scale, unit, speed = 1_000_000, "MB", f"{rate / 1e6:,.0f} MB/s"
    if not total:
        return f"{what}: {round(done / scale):,} {unit} · {speed} · {_duration(seconds)} so far"
    share = min(done / total, 1.0)
    bar = "█" * round(WIDTH * share)
    left = _duration((total - done) / rate) if done <= total else "?"
    return f"{what} ▕{bar:<{WIDTH}}▏ {round(done / scale):,}/{round(total / scale):,} {unit} · {speed} · {left} left"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes else f"{rest} s"


class TerminalLine:
    """The current line of a terminal."""

    def show(self, text: str) -> None:
        sys.stderr.write(f"\r{text[:100]}\x1b[K")
        sys.stderr.flush()

    def remove(self) -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


_makers: list[Callable[[], Any]] = []


def register(maker: Callable[[], Line | None]) -> None:
    """Set the factory of a notebook's line. It returns None outside notebooks."""
    _makers[:] = [maker]


def new_line() -> Line | None:
    """Return the line of the notebook or of the terminal. None without either, or if logging is switched off."""
    if not config.is_interactive_logging_enabled():
        return None
    for maker in _makers:
        with contextlib.suppress(Exception):  # a failure of the notebook must not end the task
            if (made := maker()) is not None:
                return made
    if hasattr(sys.stderr, "rich_proxied_file"):
        return None  # the bar of a fit is being drawn in this terminal
    try:
        return TerminalLine() if sys.stderr is not None and sys.stderr.isatty() else None
    except ValueError:  # it is closed
        return None
