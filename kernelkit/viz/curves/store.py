"""`CurveStore`: every metric of a training per step and per epoch, in bounded memory."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import numpy as np

from kernelkit.viz.curves.series import Series

LEARNING_RATE = "learning_rate"
RATE_NAMES = (LEARNING_RATE, "lr")
FEW_MARKS = 6
"""Changes of the learning rate by callbacks are marked in all charts only if there are at most this many."""
MOST_MARKS = 12
_HIGHER_IS_BETTER = re.compile(
    r"acc|auc|precision|recall|sensitivity|specificity|f1|fbeta|f_score|iou|io_u|dice|r2|score|similarity|bleu|kappa|psnr|ssim"
)


def higher_is_better(name: str) -> bool:
    """Return whether a metric of this name should grow: accuracies and scores should, losses and errors should not.

    Example:
        >>> higher_is_better("val_binary_accuracy"), higher_is_better("val_loss")
        (True, False)
    """
    return "loss" not in name and _HIGHER_IS_BETTER.search(name.lower()) is not None


class CurveStore:
    """The growing curves of one training.

    Attributes:
        steps: Dict from metric name to the `Series` of its values after each step.
        epochs: Dict from log name (`val_` for validation) to the `Series` of its values after each epoch.
        ends: `Series` of the step counts at which epochs ended.
        best: Dict from log name to `(epoch, value)`. Epochs count from 1. Epochs with a broken loss have none.
        latest: Dict from log name to the newest value.
        marks: Changes of the learning rate between two steps: `(steps done, new rate, whether by the user)`.
        broken: Dict from metric name to the first step, counted from 1, whose value is NaN or infinite.
        order: Metric names in the order in which they are shown; the others follow.

    Example:
        >>> store = CurveStore()
        >>> store.add_steps(0, {"loss": np.array([3.0, 2.0])})
        >>> store.add_epoch(1, {"loss": 2.0, "val_loss": 2.5})
        >>> store.metrics(), store.best["val_loss"]
        (['loss'], (1, 2.5))
    """

    def __init__(self) -> None:
        self.steps: dict[str, Series] = {}
        self.epochs: dict[str, Series] = {}
        self.ends = Series()
        self.best: dict[str, tuple[int, float]] = {}
        self.latest: dict[str, float] = {}
        self.marks: list[tuple[int, float, bool]] = []
        self.broken: dict[str, int] = {}
        self.order: list[str] = []
        self.step_count = 0
        self.epoch_count = 0
        self._rate_changes = False

    @property
    def nbytes(self) -> int:
        """Memory of the curves in bytes."""
        return sum(series.nbytes for series in (*self.steps.values(), *self.epochs.values(), self.ends))

    def metrics(self) -> list[str]:
        """Return the names of the metrics without `val_` and without the learning rate, the loss first."""
        names = dict.fromkeys(["loss", *self.order])
        for name in (*self.steps, *self.epochs):
            names[name.removeprefix("val_")] = None
        return [n for n in names if n not in RATE_NAMES and any(k in self for k in (n, f"val_{n}"))]

    def __contains__(self, name: str) -> bool:
        return name in self.steps or name in self.epochs

    def rate_changes(self) -> bool:
        """Return whether the learning rate had more than one value, so that its curve is useful."""
        return self._rate_changes

    def log_metrics(self) -> list[str]:
        """Return the metrics to draw on a logarithmic scale: errors above 0 whose epochs span a factor of 30."""
        return [name for name in self.metrics() if not higher_is_better(name) and spans_decades(self._of_epochs(name))]

    def rates_per_step(self) -> bool:
        """Return whether the learning rate of each step is known and changes."""
        return self._rate_changes and LEARNING_RATE in self.steps

    def _of_epochs(self, name: str) -> np.ndarray:
        kept = [self.epochs[log] for log in (name, f"val_{name}") if log in self.epochs]
        return np.concatenate([np.empty(0), *(series.read().mean for series in kept)])

    def add_steps(self, first: int, values: Mapping[str, np.ndarray]) -> None:
        """Add the logs of consecutive steps.

        Args:
            first: Index of the first step in this training. Steps that were never added count as NaN.
            values: Dict from metric name to array `(n,)`.
        """
        count = max((len(v) for v in values.values()), default=0)
        if first + count <= self.step_count:
            return
        for name, new in values.items():
            _extend(self.steps.setdefault(name, Series()), first, new)
            if name == LEARNING_RATE and len(new):
                before = self.latest.get(name, float(new[0]))
                self._rate_changes |= differ(before, float(new[0])) or differ(float(np.min(new)), float(np.max(new)))
            if len(new):
                self.latest[name] = float(new[-1])
        self.step_count = first + count
        for series in self.steps.values():
            _extend(series, self.step_count, np.empty(0))

    def add_epoch(self, epoch: int, logs: Mapping[str, float], step: int | None = None) -> None:
        """Add the logs of a completed epoch.

        Args:
            epoch: The epoch's number, counted from 1.
            logs: Dict from log name to float.
            step: Number of steps that this training had done then. Default: the number of added steps.
        """
        for name, value in logs.items():
            name = LEARNING_RATE if name in RATE_NAMES else name
            if name == LEARNING_RATE:
                self._rate_changes |= name in self.latest and differ(self.latest[name], float(value))
            _extend(self.epochs.setdefault(name, Series()), self.epoch_count, np.array([value]))
            self.latest[name] = float(value)
            if math.isfinite(logs.get("loss", 0.0)):  # the weights after a NaN are useless
                self._keep_best(name, epoch, float(value))
        self.epoch_count += 1
        self.ends.append(np.array([self.step_count if step is None else step]))
        for series in self.epochs.values():
            _extend(series, self.epoch_count, np.empty(0))

    def note_rate(self, rate: float, by_hand: bool = True) -> None:
        """Store a learning rate that was changed between two steps."""
        if differ(self.latest.get(LEARNING_RATE, math.nan), rate):
            self._rate_changes = True
            self.marks.append((self.step_count, rate, by_hand))
        self.latest[LEARNING_RATE] = rate

    def note_broken(self, name: str, step: int) -> None:
        """Store that a metric is NaN or infinite after a step, counted from 1."""
        self.broken.setdefault(name, step)

    def shown_marks(self) -> list[tuple[int, float]]:
        """Return the changes of the learning rate to mark in all charts: those by the user, others if they are few."""
        later = [mark for mark in self.marks if mark[0] > 0]  # a rate set before the first step is no change
        few = len(later) <= FEW_MARKS
        return [(step, rate) for step, rate, by_hand in later if by_hand or few][-MOST_MARKS:]

    def _keep_best(self, name: str, epoch: int, value: float) -> None:
        sign = -1 if higher_is_better(name) else 1
        if math.isfinite(value) and (name not in self.best or sign * value < sign * self.best[name][1]):
            self.best[name] = (epoch, value)


def differ(a: float, b: float) -> bool:
    """Return whether two learning rates differ by more than rounding to float32. NaN differs from everything."""
    return not abs(a - b) <= 1e-6 * max(abs(a), abs(b))


def spans_decades(values: np.ndarray) -> bool:
    """Return whether at least 3 values are all above 0 and span more than a factor of 30.

    Example:
        >>> spans_decades(np.array([3.0, 0.4, 0.05])), spans_decades(np.array([3.0, 0.4, 0.0]))
        (True, False)
    """
    values = values[np.isfinite(values)]
    return len(values) >= 3 and float(values.min()) > 0 and float(values.max()) > 30 * float(values.min())


def _extend(series: Series, first: int, values: np.ndarray) -> None:
    """Append values that begin at index `first`. Missing values before it become NaN."""
    if series.count < first:
        series.append(np.full(first - series.count, np.nan, np.float32))
    if len(values):
        series.append(values)
