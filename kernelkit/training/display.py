"""Showing progress: one small protocol, with implementations for terminals and logs here.

Notebooks are shown by :mod:`kernelkit.viz`, which stands on a higher floor; the package registers it with
:func:`register`.
"""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kernelkit import config
from kernelkit.training.control import Control


@dataclass
class Run:
    """One call of `fit`, as displays see it.

    Attributes:
        model: The model being trained.
        name: Its name.
        epochs: Number of the last epoch.
        initial_epoch: Number of the first epoch, counted from 0.
        steps: Steps in an epoch, ``None`` until known.
        batch_size: Samples in a step, ``None`` if unknown.
        history: The :class:`~kernelkit.callbacks.History` being written.
        metrics: Names known so far.
        control: Where others ask training to pause, step, stop ...
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

    def stop(self) -> None:
        """Ask training to end after the steps that are under way."""
        self.stopping = True
        self.model.stop_training = True


class Block(NamedTuple):
    """The steps of one dispatch.

    Attributes:
        first: Number of the first step, counted from 0 over the whole run.
        count: How many steps.
        epoch: Number of the epoch, from 0.
        step: Number of the first step in its epoch, from 0.
        logs: Arrays by name, still on the device; the first ``count`` rows hold each step's running means.
    """

    first: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which no one needs here
    epoch: int
    step: int
    logs: dict[str, Any]


class Display:
    """What training tells a display; this one shows nothing.

    Methods are called from the thread that trains and must return at once. Reading ``block.logs`` waits for the device:
    do it only when something is due to be drawn.
    """

    def begin(self, run: Run) -> None:
        """Training begins."""

    def epoch_begin(self, epoch: int) -> None:
        """An epoch begins."""

    def steps(self, block: Block) -> None:
        """A dispatch was sent to the device."""

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """An epoch has ended; ``logs`` has its means, validation included."""

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        """Training has ended: ``"done"``, ``"stopped"``, ``"interrupted"`` or ``"failed"``. Called once."""


class LineDisplay(Display):
    """One line for each epoch, as suits a log file."""

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
    """A progress bar for the epoch under way, drawn by rich at 8 frames a second, above it a line for each before."""

    def begin(self, run: Run) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self.run = run
        # What doesn't fit into the line is cut off its end, where the logs are.
        whole, rest = Column(no_wrap=True), Column(no_wrap=True, overflow="ellipsis", ratio=1)
        self._progress = Progress(
            TextColumn("[bold]{task.description}", table_column=whole),
            BarColumn(bar_width=16),
            MofNCompleteColumn(table_column=whole),
            TextColumn("{task.fields[speed]}", table_column=whole),
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
        # The newest dispatch is under way; the one before it can be read without waiting.
        shown, self._ready = self._ready, block
        if now < self._due or shown is None:
            return
        self._due = now + 0.125
        logs = {k: float(v[shown.count - 1]) for k, v in shown.logs.items() if v.ndim == 1}
        done = shown.step + shown.count
        speed = f"{done / max(now - self._start, 1e-9):,.0f} step/s"
        self._progress.update(self._task, completed=done, logs=format_logs(logs), speed=speed)

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        seconds = time.perf_counter() - self._start
        self._progress.remove_task(self._task)
        line = f"[bold]{epoch + 1}/{self.run.epochs}[/bold] [dim]{seconds:.1f} s[/dim] {format_logs(logs)}"
        self._progress.console.print(line, highlight=False, soft_wrap=True)

    def end(self, outcome: str, error: BaseException | None = None) -> None:
        self._progress.stop()


def say(line: str) -> None:
    """Print a line at once, where the program's output goes."""
    if sys.stdout is None:  # a program without a console
        return
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def format_logs(logs: dict[str, Any]) -> str:
    """Return ``loss 0.1234 · accuracy 0.9876``: the loss first, validation last."""
    names = sorted(logs, key=lambda name: (name.startswith("val_"), not name.endswith("loss")))
    return " · ".join(f"{k} {logs[k]:.4g}" if isinstance(logs[k], float) else f"{k} {logs[k]}" for k in names)


_notebook: dict[str, Callable[[], Display | None]] = {}


def register(factory: Callable[[], Display | None]) -> None:
    """Set what makes the display of notebooks: a function that returns ``None`` outside of them."""
    _notebook["factory"] = factory


def choose(verbose: Any) -> Display:
    """Return the display for a ``verbose`` argument.

    Args:
        verbose: ``"auto"`` (a live panel in a notebook, a bar in a terminal, lines elsewhere), ``0`` or ``None``
            (nothing), ``1`` (as ``"auto"``, at least a bar), ``2`` or more (a line for each epoch), or a
            :class:`Display`.

    Raises:
        ValueError: If it is none of these.
    """
    if isinstance(verbose, Display) or hasattr(verbose, "epoch_begin"):
        return verbose
    if verbose in (0, False, None):
        return Display()
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
    """Return the display of the notebook that this runs in, if it is one whose display can be made."""
    try:
        return _notebook["factory"]() if "factory" in _notebook else None
    except Exception as error:  # the notebook must never cost a training
        warn(f"The notebook's display could not be made: {error!r}. Progress is printed as lines.")
        return LineDisplay()


def _is_terminal() -> bool:
    try:
        return sys.stdout is not None and sys.stdout.isatty()
    except ValueError:  # it is closed
        return False


def warn(text: str) -> None:
    """Warn; where warnings are errors, print the text: a display must not end a training."""
    try:
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    except RuntimeWarning:
        with contextlib.suppress(Exception):
            say(text)
