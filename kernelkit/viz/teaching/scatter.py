"""Draw points of classes: each class has its own color and shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.figure import TICK, literal
from kernelkit.viz.teaching.colors import CLASSES, MARKERS, PLOTLY_MARKERS


def looks(index: int) -> tuple[str, str, str]:
    """Return the color, matplotlib marker and plotly marker of a class. 49 combinations differ.

    Example:
        >>> looks(0)
        ('#0072B2', 'o', 'circle')
        >>> looks(7)[:2]
        ('#0072B2', 's')
    """
    shape = (index + index // len(CLASSES)) % len(MARKERS)
    return CLASSES[index % len(CLASSES)], MARKERS[shape], PLOTLY_MARKERS[shape]


def matplotlib_points(axes: Any, points: np.ndarray, classes: np.ndarray, names: list[str]) -> None:
    """Draw points `(n, 2)` of classes `(n,)` with a legend. A single class without a name has no legend."""
    size = float(np.clip(4000 / max(len(points), 1), 14, 42))
    for i in np.unique(classes):
        color, marker, _ = looks(int(i))
        mine = classes == i
        axes.scatter(
            *points[mine].T,
            s=size,
            marker=marker,
            color=color,
            edgecolors="white",
            linewidths=0.5,
            label=literal(names[i]),
        )
    if any(names):
        columns = 1 if len(names) <= 14 else 2
        legend = axes.legend(fontsize=TICK, ncols=columns, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        for handle in legend.legend_handles:
            handle.set_sizes([42])


def plotly_points(points: np.ndarray, classes: np.ndarray, names: list[str]) -> list[Any]:
    """Return the points as plotly traces. Hovering shows a point's number."""
    from html import escape

    from plotly.graph_objects import Scatter

    traces = []
    for i in np.unique(classes):
        color, _, symbol = looks(int(i))
        mine = np.flatnonzero(classes == i)
        traces.append(
            Scatter(
                x=points[mine, 0],
                y=points[mine, 1],
                mode="markers",
                name=escape(names[i]),
                showlegend=any(names),
                marker={"color": color, "symbol": symbol, "size": 7, "line": {"color": "white", "width": 0.5}},
                customdata=mine,
                hovertemplate="sample %{customdata}<br>(%{x:.3g}, %{y:.3g})",
            )
        )
    return traces
