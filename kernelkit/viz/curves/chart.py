"""The static picture of a training as plain data: charts and lines that any library can draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from kernelkit.viz.curves.store import LEARNING_RATE, RATE_NAMES, CurveStore, higher_is_better, spans_decades

BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PALETTE = (BLUE, "#E69F00", GREEN, "#CC79A7", "#56B4E9", VERMILLION, "#F0E442", "#666666")
"""The colors of Okabe and Ito, safe for color-blind readers. Source: https://jfly.uni-koeln.de/color/"""
POINTS = 256
"""Maximum number of buckets in a static line, each with its lowest and highest value: a chart is 360 px wide."""

SMOOTHING = 0.9
"""The weight of earlier values in a smoothed line, and the first position of the panel's slider."""

Role = Literal["batch", "smooth", "train", "validation", "stairs"]
ROLES: tuple[Role, ...] = ("train", "validation")
History = tuple[Sequence[int], Mapping[str, Sequence[float]]]
"""A finished training: its epochs, counted from 0, and a dict from log name to a value per epoch."""


@dataclass(frozen=True)
class Line:
    """One curve. `x` and `y` are arrays `(n,)`. The role decides the width and the dash."""

    label: str
    x: np.ndarray
    y: np.ndarray
    color: str
    role: Role


@dataclass(frozen=True)
class Chart:
    """One metric.

    Attributes:
        title: The metric's name.
        x_label: ``"epoch"`` or ``"step"``.
        lines: The curves.
        best: The best point `(x, y, label)`, if there is one.
        marks: Vertical lines `(x, label)`, such as changes of the learning rate.
        broken: The x at which the metric became NaN or infinite, if it did.
        log: Whether the y axis is logarithmic.
    """

    title: str
    x_label: str
    lines: tuple[Line, ...]
    best: tuple[float, float, str] | None = None
    marks: tuple[tuple[float, str], ...] = ()
    broken: float | None = None
    log: bool = False


@dataclass(frozen=True)
class Picture:
    """Charts under one title.

    Attributes:
        title: The title.
        charts: The charts.
        facts: Short texts beside the title.
        note: A sentence below the title, such as why training ended.
        kind: The kind of the note, which decides its color: that of an `Ending`, or ``""``.
    """

    title: str
    charts: tuple[Chart, ...]
    facts: tuple[str, ...] = field(default=())
    note: str = ""
    kind: str = ""


def charts_of_store(
    store: CurveStore, first_epoch: int = 0, steps_per_epoch: int | None = None, per_batch: Collection[str] = ()
) -> tuple[Chart, ...]:
    """Return the charts of one training.

    Args:
        store: The curves of the training.
        first_epoch: Number of epochs done before this training began.
        steps_per_epoch: Steps of a complete epoch, to place the steps of an unfinished one.
        per_batch: Names of logs with one value per batch. The other logs are running means of the epoch.

    Returns:
        A chart for each metric, and one for the learning rate if it changes.
    """
    names = store.metrics() + ([LEARNING_RATE] if store.rate_changes() else [])
    by_epoch = store.epoch_count + bool(first_epoch) > 1
    ends = store.ends.read(stride=_stride(store.ends.count))

    def place(steps: np.ndarray) -> np.ndarray:
        if not by_epoch:
            return steps
        known = np.concatenate([[0], ends.high])
        number = np.concatenate([[0], np.minimum((np.arange(len(ends)) + 1) * ends.stride, store.epoch_count)])
        beyond = np.maximum(steps - known[-1], 0) / max(steps_per_epoch or known[-1] / max(number[-1], 1), 1)
        return first_epoch + np.interp(steps, known, number) + beyond

    last = place(ends.high)
    # The mean of an epoch's batches belongs in the middle of the epoch: the model was worse before, and better after.
    middle = (np.concatenate([[first_epoch if by_epoch else 0.0], last[:-1]]) + last) / 2 if len(last) else last
    marks = tuple((float(place(np.array([float(step)]))[0]), f"lr {rate:.3g}") for step, rate in store.shown_marks())
    logarithmic = store.log_metrics()
    charts = []
    for name in names:
        lines = []
        if name == LEARNING_RATE:
            charts.append(Chart(name, "epoch" if by_epoch else "step", (_stairs(store, place, last),), marks=marks))
            continue
        if name in store.steps:
            steps, values = _outline(store, name)
            label = "each batch" if name in per_batch else "running mean"
            lines.append(Line(label, place(steps), values, BLUE, "batch"))
            if name in per_batch and not by_epoch:
                lines.append(_smoothed(store, name))
        for role, log, color in zip(ROLES, (name, f"val_{name}"), (BLUE, VERMILLION), strict=True):
            if log in store.epochs:
                y = store.epochs[log].read(stride=_stride(store.epoch_count)).mean
                lines.append(Line(role, middle if role == "train" else last, y, color, role))
        best = _best(store, name)
        broken = store.broken.get(name)
        at = None if broken is None else float(place(np.array([float(broken)]))[0])
        unit = "epoch" if by_epoch else "step"
        charts.append(Chart(name, unit, tuple(lines), best, marks, at, name in logarithmic))
    return tuple(charts)


def _stairs(store: CurveStore, place: Callable[[np.ndarray], np.ndarray], ends: np.ndarray) -> Line:
    """Return the learning rate as stairs: each value holds from the point before it up to its own x."""
    if store.rates_per_step():
        buckets = store.steps[LEARNING_RATE].read(stride=_stride(store.step_count))
        x, y = place(np.minimum((np.arange(len(buckets)) + 1.0) * buckets.stride, store.step_count)), buckets.mean
    else:
        x, y = ends, store.epochs[LEARNING_RATE].read(stride=_stride(store.epoch_count)).mean
    if len(y):  # a stair needs only its end
        kept = np.append(y[1:] != y[:-1], True)
        x, y = x[kept], y[kept]
    return Line("learning rate", x, y, BLUE, "stairs")


def charts_of_histories(
    histories: Mapping[str, History],
    log: bool | None = None,
    metrics: Collection[str] | None = None,
    smoothing: float = 0.0,
) -> tuple[Chart, ...]:
    """Return charts with the curves of several finished trainings.

    Args:
        histories: Dict from label to `History`.
        log: Whether y axes are logarithmic. None: only those of errors whose values span more than a factor of 30.
        metrics: Names of the metrics to draw, without ``val_``. None: all.
        smoothing: Weight of neighboring values in smoothed lines, from 0 to below 1.

    Returns:
        A chart for each metric of any training. A single training has one color for training and one for validation.
        Several trainings have one color each.
    """
    logs = [name for _, history in histories.values() for name in history]
    bases = [n for n in dict.fromkeys(["loss", *(n.removeprefix("val_") for n in logs)]) if n not in RATE_NAMES]
    bases = bases if metrics is None else [n for n in bases if n in metrics]
    changing = [n for n in RATE_NAMES if any(len(set(history.get(n, ()))) > 1 for _, history in histories.values())]
    several = len(histories) > 1
    charts = []
    for name in bases + changing:
        lines = []
        for color, (label, (epochs, history)) in zip(_cycle(len(histories)), histories.items(), strict=True):
            for role, key in zip(ROLES, (name, f"val_{name}"), strict=True):
                if key in history:
                    shade = color if several else (BLUE if role == "train" else VERMILLION)
                    x, y = _points(epochs, history[key])
                    drawn: Role = "stairs" if name in RATE_NAMES else role
                    y = smooth(y, smoothing) if smoothing and drawn != "stairs" else y
                    lines.append(Line(_name(label, role, several), x - 0.5 * (drawn == "train"), y, shade, drawn))
        if lines:
            best = None if several or name in RATE_NAMES else _best_of_lines(name, lines)
            values = np.concatenate([line.y for line in lines])
            errors = name not in RATE_NAMES and not higher_is_better(name)
            decades = errors and spans_decades(values) if log is None else log and bool(np.any(values > 0))
            charts.append(Chart(name, "epoch", tuple(lines), best, log=decades))
    return tuple(charts)


def legend_of(lines: Sequence[Line]) -> list[tuple[str, str, Role]]:
    """Return label, color and role of each legend entry. With several runs, validation is named once.

    Example:
        >>> runs = [Line("a", x := np.zeros(1), x, BLUE, "train"), Line("b", x, x, GREEN, "train")]
        >>> legend_of([*runs, Line("a (validation)", x, x, BLUE, "validation")])[1:]
        [('b', '#009E73', 'train'), ('validation', '#808080', 'validation')]
    """
    several = len({line.color for line in lines if line.role == "train"}) > 1
    entries = [(line.label, line.color, line.role) for line in lines if not several or line.role != "validation"]
    if several and any(line.role == "validation" for line in lines):
        entries.append(("validation", "#808080", "validation"))
    return entries


def _points(epochs: Sequence[int], values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the epochs that have a value, counted from 1, and the values."""
    count = min(len(epochs), len(values))
    x, y = np.asarray(epochs[:count], np.float64) + 1, np.asarray(values[:count], np.float64)
    return x[np.isfinite(y)], y[np.isfinite(y)]


def _name(label: str, role: Role, several: bool) -> str:
    return role if not several else label if role == "train" else f"{label} (validation)"


def _cycle(count: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(count)]


def _stride(count: int) -> int:
    return max(1, -(-count // POINTS))


def _outline(store: CurveStore, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a metric's steps as a line through the lows and highs of its buckets: `(steps done, values)`."""
    buckets = store.steps[name].read(stride=_stride(store.step_count))
    if buckets.stride == 1:
        return np.arange(1.0, len(buckets) + 1), buckets.mean
    first = np.arange(len(buckets)) * buckets.stride
    steps = np.stack([first + 0.25 * buckets.stride, first + 0.75 * buckets.stride], 1).ravel()
    turn = np.arange(len(buckets)) % 2 == 1
    values = np.where(turn, [buckets.high, buckets.low], [buckets.low, buckets.high])
    return np.minimum(steps, store.step_count), values.T.ravel()


def smooth(values: np.ndarray, weight: float = SMOOTHING) -> np.ndarray:
    """Return means over neighbors on both sides, whose weights fall by a factor per point.

    So a smoothed line does not lag. At the last point only the values before it count: there it is the exponential
    moving average with bias correction. The weight applies to each point; to each 1/500 of a curve of more points, and
    to each 1/100 of one of fewer than 100.

    Example:
        >>> smooth(np.array([2.0, 2.0, 4.0]), 0.5**0.03).round(3).tolist()
        [2.286, 2.5, 3.143]
    """
    count = max(len(values), 1)
    keep = weight ** (100 / count if count < 100 else min(1.0, 500 / count))
    smoothed = np.full(len(values), np.nan)
    at = np.flatnonzero(np.isfinite(values))
    kept = np.asarray(values, np.float64)[at]
    total, norm = _decayed(kept, keep)
    back, back_norm = _decayed(kept[::-1], keep)
    smoothed[at] = (total + back[::-1] - kept) / (norm + back_norm[::-1] - 1)
    return smoothed


def _decayed(values: np.ndarray, keep: float) -> tuple[np.ndarray, np.ndarray]:
    """Return for each point the weighted sum of it and the values before it, and the sum of their weights."""
    sums, norms = np.empty(len(values)), np.empty(len(values))
    total = norm = 0.0
    for i, value in enumerate(values):
        total, norm = keep * total + value, keep * norm + 1
        sums[i], norms[i] = total, norm
    return sums, norms


def _smoothed(store: CurveStore, name: str) -> Line:
    """Return a metric's steps as a smoothed line."""
    buckets = store.steps[name].read(stride=_stride(store.step_count))
    steps = np.minimum((np.arange(len(buckets)) + 0.5 + 0.5 / buckets.stride) * buckets.stride, store.step_count)
    return Line("smoothed", steps, smooth(buckets.mean), BLUE, "smooth")


def _best(store: CurveStore, name: str) -> tuple[float, float, str] | None:
    log = f"val_{name}" if f"val_{name}" in store.best else name
    if store.epoch_count < 2 or log not in store.best:
        return None
    epoch, value = store.best[log]
    return epoch - 0.5 * (log == name), value, f"best {value:.4g} at epoch {epoch}"


def _best_of_lines(name: str, lines: list[Line]) -> tuple[float, float, str] | None:
    x, y = lines[-1].x, lines[-1].y
    if len(y) < 2:
        return None
    at = int((np.argmax if higher_is_better(name) else np.argmin)(y))
    return float(x[at]), float(y[at]), f"best {y[at]:.4g} at epoch {math.ceil(x[at])}"
