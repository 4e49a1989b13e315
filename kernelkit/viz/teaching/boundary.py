"""Draw the decision boundary of a model in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit.models.model import Model
from kernelkit.typing import Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.colors import tint
from kernelkit.viz.teaching.scatter import looks, matplotlib_points, plotly_points
from kernelkit.viz.teaching.scores import class_names, decide, scores_of, shares_of, targets_of


def decision_boundary(
    model: Model,
    x: Tree,
    y: Tree,
    labels: Sequence[str] | None = None,
    resolution: int = 200,
    backend: Backend = "matplotlib",
    title: str = "",
) -> Any:
    """Draw the class that a model predicts at each point of a plane, with the samples.

    A stronger color means a more certain prediction.

    Args:
        model: Model that takes `(n, 2)`.
        x: Samples `(n, 2)`.
        y: True classes, ints `(n,)` or one-hot `(n, classes)`.
        labels: A name for each class. Default: the class numbers.
        resolution: Number of grid points along each axis.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title. Default: the accuracy on these samples.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If the data are not two-dimensional, or shapes do not match.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(2)])
        >>> figure = decision_boundary(model, [[0.0, 0.0], [1.0, 1.0]], [0, 1], resolution=10)
        >>> len(figure.axes)
        1
    """
    draw = figures.drawer("decision_boundary", backend, _matplotlib, _plotly)
    x = np.asarray(x, np.float32)
    if x.ndim != 2 or x.shape[1] != 2 or not len(x):
        raise ValueError(f"decision_boundary: expected samples of shape (n, 2), got {x.shape}.")
    if resolution < 2:
        raise ValueError(f"decision_boundary: resolution must be at least 2, got {resolution}.")
    truth = targets_of(y, len(x), "decision_boundary", labels)
    sides, shares = class_map(model, x, resolution)
    names = class_names(labels, max(int(truth.max()) + 1, shares.shape[-1]), "decision_boundary")
    here, _ = decide(scores_of(model, x, "decision_boundary"), "decision_boundary")
    said = title or f"accuracy {100 * np.mean(here == truth):.1f} %"
    return draw(sides, shares, x, truth, names, said)


def class_map(model: Model, x: np.ndarray, resolution: int = 200) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Run a model on a grid around samples.

    Args:
        model: Model that takes `(n, 2)`.
        x: samples `(n, 2)`.
        resolution: Number of grid points along each axis.

    Returns:
        The grid points along both axes, each `(resolution,)`, and the probability of each class there `(resolution,
        resolution, classes)`, the second axis of `x` first.
    """
    low, high = x.min(0), x.max(0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    across, up = (np.linspace(a - m, b + m, resolution) for a, b, m in zip(low, high, margin, strict=True))
    places = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2).astype(np.float32)
    shares = shares_of(scores_of(model, places, "decision_boundary"), "decision_boundary")
    return (across, up), shares.reshape(resolution, resolution, -1)


def _areas(shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class and the color strength of each point. Uncertain points are pale."""
    chosen, worst = shares.argmax(-1), 1 / shares.shape[-1]
    return chosen, 0.12 + 0.33 * np.clip((shares.max(-1) - worst) / (1 - worst), 0, 1)


def _leads(shares: np.ndarray) -> list[np.ndarray]:
    """Return each class's lead over the best other class. The boundary is where the lead is zero."""
    chosen = np.unique(shares.argmax(-1))
    if len(chosen) < 2:
        return []
    of = chosen[1:] if len(chosen) == 2 else chosen
    return [shares[..., i] - np.delete(shares, i, -1).max(-1) for i in of]


def _matplotlib(sides: Any, shares: Any, x: Tree, truth: Any, names: list[str], title: str) -> Any:
    across, up = sides
    chosen, strengths = _areas(shares)
    image = np.ones((*chosen.shape, 3))
    for i in np.unique(chosen):
        image[chosen == i] = tint(looks(int(i))[0], strengths[chosen == i])
    figure = figures.matplotlib_figure(7.4, 6)
    axes = figure.add_subplot()
    extent = (across[0], across[-1], up[0], up[-1])
    axes.imshow(image, extent=extent, origin="lower", aspect="auto", interpolation="nearest")
    for lead in _leads(shares):
        axes.contour(across, up, lead, levels=[0.0], colors="#1a1a1a", linewidths=1.4)
    matplotlib_points(axes, x, truth, names)
    axes.set_title(figures.literal(title), fontsize=figures.TITLE, loc="left")
    axes.tick_params(labelsize=figures.TICK)
    axes.set_xlabel("feature 0", fontsize=figures.LABEL)
    axes.set_ylabel("feature 1", fontsize=figures.LABEL)
    return figure


def _plotly(sides: Any, shares: Any, x: Tree, truth: Any, names: list[str], title: str) -> Any:
    from plotly.graph_objects import Contour, Figure, Heatmap

    across, up = sides
    chosen, strengths = _areas(shares)
    figure = Figure()
    common = {"x": across, "y": up, "hoverinfo": "skip"}
    for i in np.unique(chosen):
        scale = [[0, "#ffffff"], [1, looks(int(i))[0]]]
        area = np.where(chosen == i, strengths, np.nan)
        figure.add_trace(Heatmap(z=area, zmin=0, zmax=1, colorscale=scale, showscale=False, **common))
    line, black = {"coloring": "none", "start": 0, "end": 0, "size": 1}, {"color": "#1a1a1a", "width": 1.5}
    for lead in _leads(shares):
        figure.add_trace(Contour(z=lead, contours=line, line=black, showlegend=False, **common))
    figure.add_traces(plotly_points(x, truth, names))
    figure.update_xaxes(title_text="feature 0", range=[across[0], across[-1]])
    figure.update_yaxes(title_text="feature 1", range=[up[0], up[-1]])
    return figures.plotly_layout(figure, title, 560, width=700)
