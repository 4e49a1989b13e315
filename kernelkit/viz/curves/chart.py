"""The static picture of a training as plain data: charts and lines that any library can draw."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
        joins: The names of the metrics, if there are several; lines have their names then.
    """

    title: str
    x_label: str
    lines: tuple[Line, ...]
    best: tuple[float, float, str] | None = None
    marks: tuple[tuple[float, str], ...] = ()
    broken: float | None = None
    log: bool = False
    joins: tuple[str, ...] = ()


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
                lines.append(_smoothed(store, name, name in logarithmic))
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
                    lines.append(Line(_name(label, role, several), x - 0.5 * (drawn == "train"), y, shade, drawn))
        if lines:
            best = None if several or name in RATE_NAMES else _best_of_lines(name, lines)
            values = np.concatenate([line.y for line in lines])
            errors = name not in RATE_NAMES and not higher_is_better(name)
            decades = errors and spans_decades(values) if log is None else log and bool(np.any(values > 0))
            if smoothing and name not in RATE_NAMES:
                lines = [replace(line, y=smooth(line.y, smoothing, decades)) for line in lines]
                best = None if several else _best_of_lines(name, lines)
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


def smooth(values: np.ndarray, weight: float = SMOOTHING, log: bool = False) -> np.ndarray:
    """Return for each point the height of a straight line fitted to its neighbors, with exponentially falling weights.

    The smoothed line does not lag, even at its ends, and stays within the range of the values. The weight applies to
    each point; with more than 500 points to each 1/500 of the curve, with fewer than 100 points to each 1/100 of it.

    Args:
        values: The values (n,). NaN and infinity stay gaps.
        weight: The weight of a neighbor, from 0 to below 1.
        log: Whether to smooth the logarithms, for a logarithmic scale. Values without a logarithm become gaps.

    Example:
        >>> smooth(np.array([3.0, 2.0, 1.0])).round(3).tolist(), smooth(np.array([4.0, 2.0, 1.0]), log=True).tolist()
        ([3.0, 2.0, 1.0], [4.0, 2.0, 1.0])
    """
    count = max(len(values), 1)
    keep = weight ** (100 / count if count < 100 else min(1.0, 500 / count))
    values = np.asarray(values, np.float64)
    smoothed = np.full(len(values), np.nan)
    at = np.flatnonzero(np.isfinite(values) & (values > 0 if log else True))
    if not len(at):
        return smoothed
    y = np.log(values[at]) if log else values[at]
    before, after = _decayed(y, keep), _decayed(y[::-1], keep)[:, ::-1]
    s0, s1, s2 = before[0] + after[0] - 1, after[1] - before[1], before[2] + after[2]
    t0, t1 = before[3] + after[3] - y, after[4] - before[4]
    spread = s0 * s2 - s1 * s1
    found = np.where(spread > 1e-9, (s2 * t0 - s1 * t1) / np.maximum(spread, 1e-9), t0 / s0)
    kept = np.clip(found, y.min(), y.max())
    smoothed[at] = np.exp(kept) if log else kept
    return smoothed


def _decayed(values: np.ndarray, keep: float) -> np.ndarray:
    """Return weighted sums over each point and all before it (5, n): of 1, distance, its square, value, product."""
    sums = np.empty((5, len(values)))
    s0 = s1 = s2 = t0 = t1 = 0.0
    for i, value in enumerate(values.tolist()):
        s2, s1, t1 = keep * (s2 + 2 * s1 + s0), keep * (s1 + s0), keep * (t1 + t0)
        s0, t0 = keep * s0 + 1, keep * t0 + value
        sums[:, i] = s0, s1, s2, t0, t1
    return sums


def together(charts: Sequence[Chart], names: Sequence[str]) -> tuple[Chart, ...]:
    """Return charts in which some metrics share a chart, at the place of the first one, each with its own color.

    Args:
        charts: A chart for each metric.
        names: The metrics that share a chart. Names without a chart, and a single name, change nothing.

    Example:
        >>> charts = charts_of_histories({"": ([0, 1], {"loss": [2.0, 1.0], "mae": [3.0, 2.0], "auc": [0.5, 0.6]})})
        >>> [chart.title for chart in together(charts, ["loss", "auc"])]
        ['loss · auc', 'mae']
    """
    joined = [chart for chart in charts if chart.title in names]
    if len(joined) < 2:
        return tuple(charts)
    lines = [line for color, chart in zip(_cycle(len(joined)), joined, strict=True) for line in _renamed(chart, color)]
    broken = [chart.broken for chart in joined if chart.broken is not None]
    one = Chart(
        " · ".join(chart.title for chart in joined),
        joined[0].x_label,
        tuple(lines),
        marks=joined[0].marks,
        broken=min(broken, default=None),
        log=all(chart.log for chart in joined),
        joins=tuple(chart.title for chart in joined),
    )
    return tuple(
        one if chart is joined[0] else chart for chart in charts if chart is joined[0] or chart.title not in one.joins
    )


def _renamed(chart: Chart, color: str) -> list[Line]:
    """Return a metric's lines with its name and a color, without single batches where there is a smoother line."""
    calm = [line for line in chart.lines if line.role != "batch" and len(line.y) > 1] or list(chart.lines)
    names = {"validation": f"val_{chart.title}"}
    return [replace(line, label=names.get(line.role, chart.title), color=color) for line in calm]


def _smoothed(store: CurveStore, name: str, log: bool) -> Line:
    """Return a metric's steps as a smoothed line."""
    buckets = store.steps[name].read(stride=_stride(store.step_count))
    steps = np.minimum((np.arange(len(buckets)) + 0.5 + 0.5 / buckets.stride) * buckets.stride, store.step_count)
    return Line("smoothed", steps, smooth(buckets.mean, log=log), BLUE, "smooth")


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
