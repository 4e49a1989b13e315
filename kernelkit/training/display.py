"""Displays of progress: the protocol, and displays for terminals and log files.

:mod:`kernelkit.viz`, on a higher floor, has the display for notebooks. The package registers it with
:func:`register`.
"""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kernelkit import config, processes
from kernelkit.tracebacks import users_level
from kernelkit.training.control import Control


@dataclass
class Run:
    """One call of `fit`, as displays read it.

    Attributes:
        model: The model being trained.
        name: The name given to `fit`, by default the model's name.
        epochs: Number of the last epoch.
        initial_epoch: Number of the first epoch, counted from 0.
        steps: Steps in an epoch, ``None`` until known.
        batch_size: Samples in each step, ``None`` if unknown.
        history: The :class:`~kernelkit.callbacks.History` of the run.
        metrics: Names of the metrics known so far.
        control: The :class:`Control` that pauses, steps and stops the training.
        one_by_one: Whether each dispatch does one step, because a callback acts between batches.
        distribution: The distribution of the model over several devices, ``None`` for one device.
        reason: Why training ended before its last epoch, in words; ``""`` while it runs or if it did not.
        told_nan: Whether a warning has named the first NaN loss.
        prepared: Seconds spent compiling so far.
        preparing_since: When the compilation under way began (``time.perf_counter``), ``None`` if there is none.
    """

    model: Any
    name: str
    epochs: int
    initial_epoch: int
    steps: int | None
    batch_size: int | None
    history: Any
    metrics: list[str] = field(default_factory=list)
    stopping: bool = False
    control: Control = field(default_factory=Control)
    one_by_one: bool = False
    distribution: Any = None
    reason: str = ""
    told_nan: bool = False
    prepared: float = 0.0
    preparing_since: float | None = None

    @contextlib.contextmanager
    def preparing(self) -> Iterator[None]:
        """Count the time within a ``with`` block as compilation, which displays leave out of their rates."""
        self.preparing_since = began = time.perf_counter()
        try:
            yield
        finally:
            self.prepared, self.preparing_since = self.prepared + time.perf_counter() - began, None

    def compile_time(self) -> float:
        """Return the seconds spent compiling, those of a compilation under way included."""
        since = self.preparing_since
        return self.prepared + (0.0 if since is None else time.perf_counter() - since)

    def stop(self) -> None:
        """Request a stop after the current dispatch."""
        self.stopping = True
        self.model.stop_training = True


class Block(NamedTuple):
    """The steps of one dispatch.

    Attributes:
        first: Number of the first step, counted from 0 over the whole run.
        count: Number of steps.
        epoch: Number of the epoch, from 0.
        step: Number of the first step in its epoch, from 0.
        logs: Arrays by name, still on the device; the first ``count`` rows hold each step's running means.
    """

    first: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which is not needed here
    epoch: int
    step: int
    logs: dict[str, Any]


class Display:
    """The base class of displays. It shows nothing.

    The training thread calls the methods; they must return at once. Reading ``block.logs`` waits for the device, so
    read it only to draw.
    """

    def begin(self, run: Run) -> None:
        """Training begins."""

    def epoch_begin(self, epoch: int) -> None:
        """An epoch begins."""

    def steps(self, block: Block) -> None:
        """A dispatch was sent to the device."""

    def validating(self, done: int, total: int | None) -> None:
        """A validation has done ``done`` of ``total`` steps; ``total`` is ``None`` if unknown. First called with 0."""

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """An epoch has ended. ``logs`` holds its means, validation included."""

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """Training has ended: ``"done"``, ``"stopped"``, ``"interrupted"`` or ``"failed"``. Called once."""


class LineDisplay(Display):
    """One line for each epoch, for log files."""

    def begin(self, run: Run) -> None:
        self.run = run

    def epoch_begin(self, epoch: int) -> None:
        self._start = time.perf_counter()

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        seconds = time.perf_counter() - self._start
        say(f"Epoch {epoch + 1}/{self.run.epochs} - {seconds:.1f}s - {format_logs(logs)}")

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        if outcome in ("interrupted", "stopped"):
            say(f"Training {outcome} after {len(self.run.history.epoch)} epochs.")


class BarDisplay(Display):
    """A progress bar for the current epoch, drawn by rich at 8 frames per second, below one line per past epoch."""

    def begin(self, run: Run) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column
        from rich.text import Text

        class Doing(ProgressColumn):
            """The current activity; rich reads it at each drawing."""

            def render(self, task: Any) -> Text:
                since = run.preparing_since
                if since is not None:
                    return Text(f"compiling … {time.perf_counter() - since:.0f} s")
                return Text(task.fields["speed"])

        self.run = run
        # A line that is too long is cut at its end, where the logs are.
        whole, rest = Column(no_wrap=True), Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._progress = Progress(
            TextColumn("[bold]{task.description}", table_column=whole),
            BarColumn(bar_width=16),
            MofNCompleteColumn(table_column=whole),
            Doing(table_column=whole),
            TimeElapsedColumn(table_column=whole),
            TextColumn("{task.fields[logs]}", table_column=rest),
            refresh_per_second=8,
            expand=True,
        )
        self._progress.start()
        self._due = 0.0
        self._task: Any = None

    def epoch_begin(self, epoch: int) -> None:
        self._task = self._progress.add_task(
            f"Epoch {epoch + 1}/{self.run.epochs}", total=self.run.steps, logs="", speed=""
        )
        self._start = time.perf_counter()
        self._done = 0
        self._ready: Block | None = None

    def steps(self, block: Block) -> None:
        self._done = block.step + block.count
        now = time.perf_counter()
        # The newest dispatch is still running; reading the one before it does not wait.
        shown, self._ready = self._ready, block
        if now < self._due or shown is None:
            return
        self._due = now + 0.125
        logs = {k: float(v[shown.count - 1]) for k, v in shown.logs.items() if v.ndim == 1}
        done = shown.step + shown.count
        speed = f"{done / max(now - self._start, 1e-9):,.0f} step/s"
        self._progress.update(self._task, completed=done, logs=format_logs(logs), speed=speed)

    def validating(self, done: int, total: int | None) -> None:
        details = f"{done:,}/{total:,}" if total else f"{done:,}"
        self._progress.update(self._task, completed=self._done, speed=f"validation {details}")

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        seconds = time.perf_counter() - self._start
        self._progress.remove_task(self._task)
        line = f"[bold]{epoch + 1}/{self.run.epochs}[/bold] [dim]{seconds:.1f} s[/dim] {format_logs(logs)}"
        self._progress.console.print(line, highlight=False, soft_wrap=True)

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        self._progress.stop()


def say(line: str) -> None:
    """Print a line to stdout and flush."""
    if sys.stdout is None:  # a program without a console
        return
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def format_logs(logs: dict[str, Any]) -> str:
    """Return ``loss 0.1234 · accuracy 0.9876``: the loss first, validation last."""
    names = sorted(logs, key=lambda name: (name.startswith("val_"), not name.endswith("loss")))
    return " · ".join(f"{k} {logs[k]:.4g}" if isinstance(logs[k], float) else f"{k} {logs[k]}" for k in names)


_notebook: dict[str, Callable[[], Display | None]] = {"others": Display}


def register(factory: Callable[[], Display | None], others: Callable[[], Display] | None = None) -> None:
    """Set the factory of the notebook display. It returns ``None`` outside notebooks.

    Args:
        factory: Makes the display of the first process.
        others: Makes the display of each other process of a training; nothing is shown by default.
    """
    _notebook["factory"] = factory
    _notebook["others"] = others or Display


def choose(verbose: Any) -> Display:
    """Return the display for a ``verbose`` argument.

    Args:
        verbose: ``"auto"`` (a live panel in a notebook, a bar in a terminal, lines elsewhere), ``0`` or ``None``
            (nothing), ``1`` (as ``"auto"``, at least a bar), ``2`` or more (a line for each epoch), or a
            :class:`Display`.

    Raises:
        ValueError: If ``verbose`` is another value.
    """
    if isinstance(verbose, Display) or hasattr(verbose, "epoch_begin"):
        return verbose
    if verbose in (0, False, None):
        return Display()
    if not processes.is_first():
        return _notebook["others"]() or Display()
    if isinstance(verbose, int) and verbose >= 2:
        return LineDisplay()
    if verbose not in ("auto", 1, True):
        raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}.")
    if config.is_interactive_logging_enabled() or verbose == 1:
        made = _of_notebook()
        if made is not None:
            return made
        if _is_terminal():
            return BarDisplay()
    return LineDisplay()


def _of_notebook() -> Display | None:
    """Return the display of the current notebook, ``None`` outside notebooks or if it cannot be made."""
    try:
        return _notebook["factory"]() if "factory" in _notebook else None
    except Exception as error:  # a failure of the notebook must not end a training
        warn(f"The notebook's display could not be made: {error!r}. Progress is printed as lines.")
        return LineDisplay()


def _is_terminal() -> bool:
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except ValueError:  # stdout is closed
        return False


def warn(text: str) -> None:
    """Warn. If warnings are errors, print the text instead: a display must not end a training."""
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=users_level())
    except RuntimeWarning:
        with contextlib.suppress(Exception):
            say(text)
