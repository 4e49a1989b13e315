"""Draw the distributions of a model's weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kernelkit.models.model import Model
from kernelkit.viz import figure as figures
from kernelkit.viz.bins import histogram
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.colors import RIGHT, WRONG

MOST = 12
"""Maximum number of histograms in one figure."""


class Spread(NamedTuple):
    """One array of weights: a histogram `counts (bins,)` between `edges (bins + 1,)`, and its statistics."""

    name: str
    shape: tuple[int, ...]
    counts: np.ndarray
    edges: np.ndarray
    mean: float
    deviation: float
    broken: int


def weights(model: Model, backend: Backend = "matplotlib", title: str = "") -> Any:
    """Draw a histogram of each array of weights in a model or layer.

    The histograms show weights that are all equal, that have grown far beyond 1, or that are NaN.

    Args:
        model: Model or Layer that is built.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title. Default: the name and the number of weights.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If there are no weights, or the model is not built.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(3, name="first")])
        >>> [axes.get_title(loc="left") for axes in weights(model).axes]
        ['first/kernel  4 x 3', 'first/bias  3']
    """
    draw = figures.drawer("weights", backend, _matplotlib, _plotly)
    variables = variables_of(model, "weights")
    spreads = [spread(_short_name(variable, model), variable.numpy()) for variable in variables[:MOST]]
    count = sum(int(np.prod(variable.shape)) for variable in variables)
    more = f", the first {MOST} of {len(variables)} arrays" if len(variables) > MOST else ""
    return draw(spreads, title or f"{model.name}: {count:,} weights{more}")


def variables_of(model: Model, who: str) -> list[Any]:
    """Return the weights of a model or layer, without seeds and counters.

    Raises:
        ValueError: If there are no weights, or the model is not built.
    """
    if not hasattr(model, "weights"):
        raise ValueError(f"{who}: expected a model or a layer, got {type(model).__name__}.")
    found = [v for v in model.weights if str(v.dtype).startswith(("float", "bfloat")) and int(np.prod(v.shape)) > 0]
    if not found:
        why = "has no weights" if model.built else "has no weights yet: call it on data, or build it, first"
        raise ValueError(f"{who}: {model.name!r} {why}.")
    return found


def spread(name: str, values: np.ndarray, bins: int = 41) -> Spread:
    """Return the histogram and the statistics of an array of weights.

    Args:
        name: Name.
        values: Array of any shape.
        bins: Number of bins.

    Example:
        >>> spread("w", np.array([0.0, 1.0, 1.0, np.nan]), bins=2).counts
        array([1, 2])
    """
    finite = np.asarray(values, np.float64)[np.isfinite(values)]
    counts, edges = histogram(finite, bins)
    mean, deviation = (float(finite.mean()), float(finite.std())) if finite.size else (np.nan, np.nan)
    return Spread(name, values.shape, counts, edges, mean, deviation, values.size - finite.size)


def _short_name(variable: Any, model: Model) -> str:
    return variable.path.removeprefix(f"{model.name}/")


def _head(one: Spread) -> str:
    return f"{one.name}  {' x '.join(map(str, one.shape)) or 'scalar'}"


def _facts(one: Spread) -> str:
    if one.broken:
        return f"{one.broken:,} are not numbers"
    return f"mean {one.mean:.3g}, deviation {one.deviation:.3g}"


def _grid(count: int) -> tuple[int, int]:
    columns = min(count, 2 if count <= 4 else 3 if count <= 9 else 4)
    return -(-count // columns), columns


def _matplotlib(spreads: list[Spread], title: str) -> Any:
    rows, columns = _grid(len(spreads))
    figure = figures.matplotlib_figure(4.2 * columns, 2.3 * rows + 0.5)
    for i, one in enumerate(spreads):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.stairs(one.counts, one.edges, fill=True, color=RIGHT, alpha=0.8)
        axes.axvline(0, color="#1a1a1a", linewidth=0.8)
        axes.set_title(figures.literal(_head(one)), fontsize=figures.LABEL - 1, loc="left")
        axes.set_xlabel(_facts(one), fontsize=figures.TICK, color=WRONG if one.broken else "#404040")
        axes.tick_params(labelsize=figures.TICK - 1)
        axes.spines[["top", "right"]].set_visible(False)
    return figures.titled(figure, title)


def _plotly(spreads: list[Spread], title: str) -> Any:
    from html import escape

    from plotly.graph_objects import Bar
    from plotly.subplots import make_subplots

    rows, columns = _grid(len(spreads))
    figure = make_subplots(rows=rows, cols=columns, subplot_titles=[escape(_head(one)) for one in spreads])
    for i, one in enumerate(spreads):
        middle, width = (one.edges[1:] + one.edges[:-1]) / 2, np.diff(one.edges)
        bar = Bar(
            x=middle, y=one.counts, width=width, marker_color=RIGHT, hovertemplate="%{x:.4g}: %{y}<extra></extra>"
        )
        figure.add_trace(bar, row=i // columns + 1, col=i % columns + 1)
        figure.update_xaxes(title_text=_facts(one), row=i // columns + 1, col=i % columns + 1)
    return figures.plotly_layout(figure, title, 260 * rows + 60, showlegend=False)
