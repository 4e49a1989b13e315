"""`Progbar`: a progress bar for your own loops."""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from kernelkit import config, rich_display
from kernelkit.typing import Tensor

_log = logging.getLogger("kernelkit")


class Progbar:
    """A progress bar in a terminal or below a notebook's cell; a log file usually gets only the last line.

    `fit` has its own displays. With :func:`kernelkit.config.disable_interactive_logging` the lines go to the logger
    ``"kernelkit"`` instead.

    Args:
        target: Number of steps, ``None`` if unknown.
        width: Width of the bar in characters.
        verbose: 0 shows nothing, 1 a bar, 2 one line at the end.
        interval: Shortest time between two updates of the line, in seconds. With 0 each update is shown, in a log file
            too.
        stateful_metrics: Names of values shown unchanged; all other values are averaged over the steps.
        stateless_metrics: Names of values that are averaged; all other values are shown unchanged.
        unit_name: Name of a step.

    Raises:
        ValueError: If both lists of names are given.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.update(1, [("loss", 2.0)])
        >>> bar.update(2, [("loss", 1.0)])
        2/2 - ... - loss: 1.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Progbar(): Only one of stateful_metrics and stateless_metrics can be given.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._values: dict[str, tuple[Any, int]] = {}
        self._seen = 0
        self._start = time.perf_counter()
        self._due = 0.0
        self._drawn = 0

    def update(self, current: int, values: Tensor = None, finalize: bool | None = None) -> None:
        """Show the progress.

        Args:
            current: Steps done.
            values: ``(name, value)`` pairs. Averaged ones count for the steps since the last update.
            finalize: Whether this is the last update; by default when ``current`` reaches ``target``.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            value = value if isinstance(value, (int, float)) else np.mean(value)
            if finalize or not self._is_averaged(name):
                self._values[name] = (value, 1)
            else:
                total, count = self._values.get(name, (0.0, 0))
                self._values[name] = (total + value * steps, count + steps)
        self._seen = current
        now = time.perf_counter()
        moves = self.verbose == 1 and config.is_interactive_logging_enabled() and _is_redrawn()
        shown = moves or (self.verbose == 1 and not self.interval and config.is_interactive_logging_enabled())
        if not self.verbose or not (finalize or (shown and now >= self._due)):
            return
        self._due = now + self.interval
        self._show(self._line(current, now - self._start, finalize, bar=moves), moves, finalize)

    def add(self, n: int, values: Tensor = None) -> None:
        """Show that ``n`` more steps are done; ``values`` as for :meth:`update`."""
        self.update(self._seen + n, values)

    def _is_averaged(self, name: str) -> bool:
        if self.stateless_metrics is not None:
            return name in self.stateless_metrics
        return name not in self.stateful_metrics

    def _line(self, current: int, seconds: float, finalize: bool, bar: bool) -> str:
        digits = 1 if not self.target else int(math.log10(self.target)) + 1
        counted = f"{current:{digits}d}/{'Unknown' if self.target is None else self.target}"
        each = seconds / max(current, 1)
        left = seconds if finalize or self.target is None else each * max(self.target - current, 0)
        parts = [f"{left:.0f}s" if left < 60 else _clock(left), f"{_short(each)}/{self.unit_name}"]
        if bar and self.target is not None:
            full = int(self.width * min(current / max(self.target, 1), 1))
            counted += " " + "━" * full + "─" * (self.width - full)
        for name, (total, count) in self._values.items():
            mean = total / max(count, 1)
            parts.append(f"{name}: {mean:.4f}" if abs(mean) > 1e-3 else f"{name}: {mean:.4e}")
        return " - ".join([counted, *parts])

    def _show(self, line: str, moves: bool, finalize: bool) -> None:
        if not config.is_interactive_logging_enabled():
            _log.info(line)
            return
        if moves:
            sys.stdout.write("\r" + line.ljust(self._drawn))
            self._drawn = len(line)
        else:
            sys.stdout.write(line)
        sys.stdout.write("\n" if finalize or not moves else "")
        sys.stdout.flush()


def _is_redrawn() -> bool:
    """Return whether a carriage return moves the output to the beginning of its line."""
    return sys.stdout.isatty() or rich_display.is_notebook() or "PYCHARM_HOSTED" in os.environ


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _short(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
