"""Draw the confusion matrix of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit.typing import Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import LABEL, TICK, Backend
from kernelkit.viz.teaching.colors import RIGHT, WRONG, tint
from kernelkit.viz.teaching.scores import class_names, decide, numbers_of, scores_of, targets_of

_MOST_NUMBERS = 26
"""Maximum number of classes for which the cells show numbers."""


def confusion_matrix(
    model: Any,
    x: Tree = None,
    y: Tree = None,
    labels: Sequence[str] | None = None,
    normalize: bool = False,
    backend: Backend = "matplotlib",
    title: str = "",
) -> Any:
    """Draw the number of samples of each class that were predicted as each class.

    Rows are the true classes. A darker cell has a larger share of its row. Right predictions are blue, wrong ones
    vermillion.

    Args:
        model: Model; or its outputs `(n, classes)` or classes `(n,)`, and no `x`.
        x: The samples.
        y: True classes: ints `(n,)`, one-hot `(n, classes)`, or names `(n,)` from `labels`.
        labels: A name for each class. Default: the class numbers.
        normalize: Whether cells show percent of their row instead of counts.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title. Default: the accuracy.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If shapes or the number of labels do not match.

    Example:
        >>> figure = confusion_matrix([0, 1, 1], y=[0, 1, 0], labels=["cat", "dog"])
        >>> figure.axes[0].get_title(loc="left")
        'accuracy 66.7 %'
    """
    draw = figures.drawer("confusion_matrix", backend, _matplotlib, _plotly)
    if labels is not None and x is None and not hasattr(model, "predict"):
        model = numbers_of(model, labels, "the predicted classes", "confusion_matrix")
    predicted, _ = decide(scores := scores_of(model, x, "confusion_matrix"), "confusion_matrix")
    truth = targets_of(y, len(predicted), "confusion_matrix", labels)
    known = scores.shape[1] if scores.ndim == 2 and scores.shape[1] > 1 else len(labels or ())
    counts = confusion_counts(truth, predicted, known)
    names = class_names(labels, len(counts), "confusion_matrix")
    total = max(counts.sum(), 1)
    return draw(counts, names, normalize, title or f"accuracy {100 * np.trace(counts) / total:.1f} %")


def confusion_counts(truth: Any, predicted: Any, classes: int = 0) -> np.ndarray:
    """Count the pairs of true and predicted class.

    Args:
        truth: Ints `(n,)`.
        predicted: Ints `(n,)`.
        classes: Smallest number of classes of the result.

    Returns:
        Ints `(classes, classes)`; the row is the true class.

    Example:
        >>> confusion_counts([0, 1, 1], [0, 0, 1])
        array([[1, 0],
               [1, 1]])
    """
    truth, predicted = np.asarray(truth, int), np.asarray(predicted, int)
    classes = max([classes, *(1 + values.max(initial=-1) for values in (truth, predicted))])
    return np.bincount(truth * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(1, keepdims=True), 1)


def _texts(counts: np.ndarray, normalize: bool) -> np.ndarray:
    """Return the text of each cell. Cells of zero are empty, so that mistakes stand out."""
    said = [f"{100 * v:.0f} %" for v in _shares(counts).ravel()] if normalize else [f"{v:,}" for v in counts.ravel()]
    return np.where(counts > 0, np.reshape(said, counts.shape), "")


def _matplotlib(counts: np.ndarray, names: list[str], normalize: bool, title: str) -> Any:
    count, shares = len(counts), _shares(counts)
    side = min(2.2 + 0.55 * count, 11)
    figure = figures.matplotlib_figure(side + 0.6, side)
    axes = figure.add_subplot()
    hits = np.eye(count, dtype=bool)
    # A single mistake among thousands should not be invisible: the square root lifts small shares.
    image = np.where(hits[..., None], tint(RIGHT, shares), tint(WRONG, np.sqrt(shares)))
    axes.imshow(image)
    if count <= _MOST_NUMBERS:
        dark = np.where(hits, shares, np.sqrt(shares)) > 0.55
        texts = _texts(counts, normalize)
        for i, j in np.argwhere(counts > 0):
            ink = "white" if dark[i, j] else "#1a1a1a"
            axes.text(j, i, texts[i, j], ha="center", va="center", color=ink, fontsize=LABEL if count <= 12 else 8)
    shown = [figures.literal(name) for name in names[:count]]
    slanted = max(map(len, shown), default=0) > 4 or count > 12
    axes.set_xticks(range(count), shown, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    axes.set_yticks(range(count), shown)
    axes.set_xticks(np.arange(count - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(count - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="#d0d0d0", linewidth=0.6)
    axes.tick_params(which="both", length=0, labelsize=TICK if count <= 20 else 7)
    axes.set_xlabel("predicted", fontsize=LABEL)
    axes.set_ylabel("true", fontsize=LABEL)
    axes.set_title(figures.literal(title), fontsize=figures.TITLE, loc="left")
    return figure


def _plotly(counts: np.ndarray, names: list[str], normalize: bool, title: str) -> Any:
    from html import escape

    from plotly.graph_objects import Figure, Heatmap

    shares, hits = _shares(counts), np.eye(len(counts), dtype=bool)
    shown = [escape(name) for name in names[: len(counts)]]
    figure = Figure()
    for color, cells, word in ((RIGHT, hits, "right"), (WRONG, ~hits, "wrong")):
        drawn = shares if word == "right" else np.sqrt(shares)
        figure.add_trace(
            Heatmap(
                z=np.where(cells, drawn, np.nan),
                zmin=0,
                zmax=1,
                colorscale=[[0, "#ffffff"], [1, color]],
                text=np.where(cells, _texts(counts, normalize), ""),
                texttemplate="%{text}" if len(counts) <= _MOST_NUMBERS else None,
                customdata=np.stack([counts, 100 * shares], -1),
                hovertemplate="true %{y}<br>predicted %{x}<br>%{customdata[0]} samples, %{customdata[1]:.1f} %"
                f"<extra>{word}</extra>",
                showscale=False,
                hoverongaps=False,
                xgap=1,
                ygap=1,
            )
        )
    ticks = {
        "tickmode": "array",
        "tickvals": list(range(len(shown))),
        "ticktext": shown,
        "showgrid": False,
        "zeroline": False,
    }
    figure.update_xaxes(title_text="predicted", **ticks)
    figure.update_yaxes(title_text="true", autorange="reversed", scaleanchor="x", **ticks)
    side = min(260 + 40 * len(counts), 900)
    return figures.plotly_layout(figure, title, side, width=side + 60)
