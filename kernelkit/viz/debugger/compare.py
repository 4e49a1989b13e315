"""Comparison of two branches of one training."""

from __future__ import annotations

import html
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.training.state import TrainState
from kernelkit.viz import figure as figures
from kernelkit.viz.curves.bundle import html as picture_html
from kernelkit.viz.curves.chart import BLUE, POINTS, VERMILLION, Chart, Line, Picture
from kernelkit.viz.curves.store import spans_decades
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.records import curve_title
from kernelkit.viz.debugger.timeline import Timeline

ROWS = 12
"""Maximum number of weights in a notebook's table."""


class Comparison:
    """The differences between two branches of one training.

    Attributes:
        names: Their names.
        begin: Number of steps that both branches share.
        end: Number of steps done at the last position that both branches have reached.
        losses: Dict from each branch's name to its batch losses, from the first known step on.
        first_step: The first step after which the weights differ, ``None`` if they are equal.
        weights: A dict for each weight, the largest distance first: ``path``, and ``distance``, the norm of the
            difference at ``end`` relative to the mean of the weight's norms in both branches: from 0 to 2, independent
            of the order of the branches.
        log: The name of the log in `losses`, for a training that reports no ``"loss"``.
    """

    def __init__(
        self,
        names: tuple[str, str],
        begin: int,
        end: int,
        losses: dict[str, np.ndarray],
        first_step: int | None,
        weights: list[dict[str, Any]],
        log: str = "loss",
    ) -> None:
        self.names = names
        self.begin = begin
        self.end = end
        self.losses = losses
        self.first_step = first_step
        self.weights = weights
        self.log = log

    def plot(self) -> Any:
        """Draw both curves; return a `matplotlib.figure.Figure`."""
        figure = figures.matplotlib_figure(8, 3.6)
        axes = figure.add_subplot()
        for name, values in self.losses.items():
            axes.plot(1 + np.arange(len(values)), values, label=name, linewidth=1.2)
        axes.axvline(self.begin, color="#888888", linewidth=0.8, linestyle="--")
        axes.set_xlabel("step", fontsize=figures.LABEL)
        axes.set_ylabel(curve_title(self.log), fontsize=figures.LABEL)
        axes.legend(frameon=False)
        return figures.titled(figure, f"{self.names[0]} and {self.names[1]}")

    def __str__(self) -> str:
        first, second = self.names
        lines = [f"{first!r} and {second!r} part after {self.begin} steps; compared after {self.end}."]
        for name, values in self.losses.items():
            tail = values[max(self.begin, self.end - 20) : self.end]
            if len(tail):
                lines.append(f"  mean {self.log} of the last {len(tail)} steps, {name}: {np.mean(tail):.4g}")
        if self.first_step is None:
            lines.append("  The weights are the same.")
        else:
            lines.append(f"  The weights differ from step {nth(self.first_step)} on, at the end most in:")
            lines += [f"    {row['path']}: {row['distance']:.3g} of its norm" for row in self.weights[:5]]
        return "\n".join(lines)

    __repr__ = __str__

    def picture(self) -> Picture:
        """Return both curves of losses as a `Picture`."""
        first, second = self.names
        styles = zip(self.names, (BLUE, VERMILLION), ("smooth", "validation"), strict=True)
        lines = tuple(_curve(name, self.losses[name], color, role) for name, color, role in styles)
        values = np.concatenate(list(self.losses.values()))
        fork = ((float(self.begin), f"apart after step {self.begin:,}"),)
        chart = Chart(curve_title(self.log), "step", lines, marks=fork, log=spans_decades(values))
        return Picture(f"{first} and {second}", (chart,), (f"compared after {self.end} steps",))

    def _repr_html_(self) -> str:
        if self.first_step is None:
            return f"{picture_html(self.picture())}<p>The weights are the same.</p>"
        rows = "".join(
            f'<tr><td style="text-align:left">{html.escape(row["path"])}</td><td>{row["distance"]:.3g}</td></tr>'
            for row in self.weights[:ROWS]
        )
        more = f"<p>and {len(self.weights) - ROWS} more: .weights</p>" if len(self.weights) > ROWS else ""
        head = "<thead><tr><th>weight</th><th>distance, of its norm</th></tr></thead>"
        details = f"<p>The weights differ from step {nth(self.first_step)} on.</p>"
        return f"{picture_html(self.picture())}{details}<table>{head}<tbody>{rows}</tbody></table>{more}"


def _curve(name: str, losses: np.ndarray, color: str, role: Any) -> Line:
    """Return a line of about `POINTS` points: the lowest and the highest loss of each stretch of steps."""
    steps = np.arange(len(losses))
    size = -(-len(losses) // POINTS)
    if size > 1:
        found = []
        for begin in range(0, len(losses), size):
            part = losses[begin : begin + size]
            if np.isfinite(part).any():
                found += sorted({begin + int(np.nanargmin(part)), begin + int(np.nanargmax(part))})
        steps = np.array(found, int)
    return Line(name, steps + 1, losses[steps], color, role)


def compare(first: Timeline, second: Timeline) -> Comparison:
    """Compare two branches of the same training.

    Raises:
        ValueError: If the branches come from different trainings.
    """
    if _line(first)[-1] is not _line(second)[-1]:
        raise ValueError("compare(): these debuggers come from different trainings. Compare a debugger with its fork.")
    begin = _parting(first, second)
    end = min(first.head, second.head)
    apart, same = end, begin
    differ = _differ(first, second, end)
    while differ and apart > same:  # the first position at which they differ
        middle = (apart + same) // 2
        apart, same = (middle, same) if _differ(first, second, middle) else (apart, middle + 1)
    losses = {timeline.name: timeline.records.losses() for timeline in (first, second)}
    weights = _distances(first, second, end) if differ else []
    first_step = max(begin, apart - 1) if differ else None
    return Comparison((first.name, second.name), begin, end, losses, first_step, weights, first.records.main or "loss")


def _line(timeline: Timeline) -> list[Timeline]:
    """Return a branch and its ancestors, the original branch last."""
    line = [timeline]
    while line[-1].parent is not None:
        line.append(line[-1].parent)
    return line


def _parting(first: Timeline, second: Timeline) -> int:
    """Return the number of steps that two branches of one training share."""
    ours, theirs = _line(first), _line(second)
    while len(ours) > 1 and len(theirs) > 1 and ours[-2] is theirs[-2]:
        ours.pop()
        theirs.pop()
    # Both lists end with a common branch. Each path leaves it where its next branch begins.
    return min((line[-2].begin for line in (ours, theirs) if len(line) > 1), default=second.begin)


def _state_at(timeline: Timeline, position: int) -> TrainState:
    """Return a branch's state at a position. The position may lie before the fork."""
    while position < timeline.begin and timeline.parent is not None:
        timeline = timeline.parent
    return timeline.state_at(position)


def _pairs(first: Timeline, second: Timeline, position: int) -> list[tuple[str, np.ndarray, np.ndarray]]:
    states = [_state_at(timeline, position) for timeline in (first, second)]
    paths = [v.path for v in (*first.steps.variables.trainable, *first.steps.variables.non_trainable)]
    ours, theirs = (jtu.tree_leaves((s.trainable, s.non_trainable)) for s in states)
    return [(p, np.asarray(a), np.asarray(b)) for p, a, b in zip(paths, ours, theirs, strict=True)]


def _differ(first: Timeline, second: Timeline, position: int) -> bool:
    return any(not np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for _, a, b in _pairs(first, second, position))


def _distances(first: Timeline, second: Timeline, position: int) -> list[dict[str, Any]]:
    rows = []
    for path, a, b in _pairs(first, second, position):
        if a.dtype.kind in "iub":
            continue
        a, b = a.astype("float64"), b.astype("float64")
        norm = float(np.linalg.norm(a) + np.linalg.norm(b)) / 2
        rows.append({"path": path, "distance": float(np.linalg.norm(a - b)) / (norm if norm > 0 else 1.0)})
    return sorted(rows, key=lambda row: -row["distance"])
