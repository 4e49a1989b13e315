"""Draw a grid of images with a model's predictions, the wrong ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from kernelkit.models.model import Model
from kernelkit.typing import Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.colors import RIGHT, WRONG
from kernelkit.viz.teaching.images import as_images
from kernelkit.viz.teaching.scores import class_names, decide, scores_of, targets_of


class Prediction(NamedTuple):
    """One image of the grid: its index, two lines of text, and whether the prediction is right."""

    sample: int
    said: str
    truth: str
    right: bool


def predictions(
    model: Model,
    x: Tree,
    y: Tree = None,
    labels: Sequence[str] | None = None,
    count: int = 24,
    columns: int = 8,
    backend: Backend = "matplotlib",
    title: str = "",
) -> Any:
    r"""Draw images with a model's predictions.

    Wrong predictions come first, starting with the most certain ones. Right predictions follow, the least certain ones
    first. Wrong ones have a cross and a vermillion frame, right ones have a tick and a blue frame.

    Args:
        model: Model, or its outputs for `x`.
        x: Images `(n, height, width)` or `(n, height, width, channels)`.
        y: True classes, ints `(n,)` or one-hot `(n, classes)`; without them the least certain predictions come first.
        labels: A name for each class. Default: the class numbers.
        count: Maximum number of images.
        columns: Number of images in a row.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title. Default: the number of wrong predictions.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If the samples are not images, or shapes do not match.

    Example:
        >>> figure = predictions([0, 1, 1], np.zeros((3, 8, 8)), [0, 1, 0], labels=["cat", "dog"])
        >>> [axes.get_title() for axes in figure.axes][0]
        '✗ dog\nis cat'
    """
    draw = figures.drawer("predictions", backend, grid_matplotlib, grid_plotly)
    images = as_images(x, "predictions")
    chosen, sure = decide(scores_of(model, x, "predictions"), "predictions")
    if len(chosen) != len(images):
        raise ValueError(f"predictions: expected an output for each of {len(images)} images, got {len(chosen)}.")
    truth = None if y is None else targets_of(y, len(images), "predictions", labels)
    known = max([chosen.max(initial=0), *([] if truth is None else [truth.max(initial=0)])]) + 1
    names = class_names(labels, int(known), "predictions")
    order = worst_first(chosen, sure, truth)[:count]
    shown = [describe(int(i), chosen, sure, truth, names) for i in order]
    if truth is not None and not title:
        title = f"{int(np.sum(chosen != truth)):,} of {len(images):,} are wrong"
    return draw(images[order], shown, max(1, min(columns, len(shown))), title)


def worst_first(chosen: np.ndarray, sure: np.ndarray, truth: np.ndarray | None = None) -> np.ndarray:
    """Order samples: wrong predictions by falling probability, then right ones by rising probability.

    Args:
        chosen: Predicted classes `(n,)`.
        sure: Their probabilities `(n,)`, NaN if unknown.
        truth: True classes `(n,)`, or None.

    Returns:
        Indices `(n,)`.

    Example:
        >>> worst_first(np.array([0, 1, 1]), np.array([0.9, 0.6, 0.8]), np.array([0, 0, 0])).tolist()
        [2, 1, 0]
    """
    sure = np.nan_to_num(sure)
    wrong = np.zeros(len(chosen), bool) if truth is None else chosen != truth
    return np.lexsort((np.where(wrong, -sure, sure), ~wrong))


def describe(i: int, chosen: Any, sure: Any, truth: Any, names: list[str]) -> Prediction:
    """Return the text above a sample's image."""
    percent = "" if np.isnan(sure[i]) else f", {100 * sure[i]:.0f} %"
    right = truth is None or bool(chosen[i] == truth[i])
    mark = "" if truth is None else "✓ " if right else "✗ "
    return Prediction(i, f"{mark}{names[chosen[i]]}{percent}", "" if right else f"is {names[truth[i]]}", right)


def grid_matplotlib(images: np.ndarray, shown: list[Prediction], columns: int, title: str) -> Any:
    """Draw images (n, height, width) or (n, height, width, 3) with their texts, with matplotlib."""
    rows = -(-len(shown) // columns) or 1
    figure = figures.matplotlib_figure(1.45 * columns, 1.85 * rows + 0.5 * bool(title))
    for i, (image, one) in enumerate(zip(images, shown, strict=True)):
        axes = figure.add_subplot(rows, columns, i + 1)
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        color = RIGHT if one.right else WRONG
        axes.set_title(figures.literal(f"{one.said}\n{one.truth}"), fontsize=figures.TICK, color=color)
        for spine in axes.spines.values():
            spine.set(color=color, linewidth=1.2 if one.right else 2.6)
    return figures.titled(figure, title)


def grid_plotly(images: np.ndarray, shown: list[Prediction], columns: int, title: str) -> Any:
    """Draw images (n, height, width) or (n, height, width, 3) with their texts, with plotly."""
    from html import escape

    from plotly.graph_objects import Image
    from plotly.subplots import make_subplots

    rows = -(-len(shown) // columns) or 1
    words = [
        f'<span style="color:{RIGHT if one.right else WRONG}">{escape(one.said)}<br>{escape(one.truth)}</span>'
        for one in shown
    ]
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=words, vertical_spacing=0.28 / rows, horizontal_spacing=0.01
    )
    for i, (image, one) in enumerate(zip(images, shown, strict=True)):
        pixels = (255 * (image if image.ndim == 3 else np.repeat(image[..., None], 3, -1))).round().astype(np.uint8)
        hover = f"sample {one.sample}<br>{escape(one.said)}<extra></extra>"
        figure.add_trace(Image(z=pixels, hovertemplate=hover), row=i // columns + 1, col=i % columns + 1)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.update_annotations(font_size=12)
    figures.plotly_layout(figure, title, 150 * rows + 110, width=130 * columns + 60)
    return figure.update_layout(margin_t=105)
