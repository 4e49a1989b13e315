"""Draw high-dimensional vectors in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from kernelkit.typing import Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.scatter import matplotlib_points, plotly_points
from kernelkit.viz.teaching.scores import class_names, targets_of

Method = Literal["pca", "tsne", "umap"]


def embedding(
    vectors: Any,
    y: Tree = None,
    labels: Sequence[str] | None = None,
    method: Method = "pca",
    seed: int = 0,
    backend: Backend = "matplotlib",
    title: str = "",
) -> Any:
    """Draw vectors as points. Each class has its own color and shape.

    Args:
        vectors: Array `(n, dimensions)`, such as a layer's outputs or the table of an embedding layer.
        y: Classes of the vectors, ints `(n,)` or one-hot `(n, classes)`.
        labels: A name for each class. Default: the class numbers.
        method: `"pca"` keeps the directions of greatest variance. `"tsne"` (needs scikit-learn) and `"umap"` (needs
            umap-learn) keep neighbors together; distances between far points have no meaning there.
        seed: Seed of the methods that draw random numbers.
        backend: `"matplotlib"` or `"plotly"`.
        title: Title.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If shapes do not match, or the method is unknown.
        ImportError: If the method needs a package that is not installed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> figure = embedding(rng.normal(size=(20, 5)), rng.integers(0, 2, 20), labels=["ham", "spam"])
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['ham', 'spam']
    """
    draw = figures.drawer("embedding", backend, _matplotlib, _plotly)
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim != 2 or len(vectors) < 2 or vectors.shape[1] < 1:
        raise ValueError(f"embedding: expected vectors of shape (n, dimensions) with n >= 2, got {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise ValueError("embedding: some vectors contain NaN or infinity; training may have diverged.")
    classes = np.zeros(len(vectors), int) if y is None else targets_of(y, len(vectors), "embedding", labels)
    names = [""] if y is None else class_names(labels, int(classes.max(initial=0)) + 1, "embedding")
    points, axes = project(vectors, method, seed)
    return draw(points, classes, names, axes, title)


def project(vectors: np.ndarray, method: Method = "pca", seed: int = 0) -> tuple[np.ndarray, tuple[str, str]]:
    """Project vectors to a plane.

    Args:
        vectors: Array `(n, dimensions)`.
        method: As for `embedding`.
        seed: Seed.

    Returns:
        Points `(n, 2)`, and the names of the two axes.

    Source:
        PCA: Pearson, "On Lines and Planes of Closest Fit to Systems of Points in Space" (1901), by a singular value
        decomposition of the centered vectors.

    Example:
        >>> project(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]))[1]
        ('component 1 (100 % of the variance)', 'component 2 (0 %)')
    """
    if method == "pca":
        return _pca(vectors)
    if method == "tsne":
        try:
            from sklearn.manifold import TSNE
        except ImportError as error:
            raise ImportError("embedding: method='tsne' needs scikit-learn: pip install scikit-learn.") from error
        few = min(30.0, (len(vectors) - 1) / 3)
        return TSNE(perplexity=few, random_state=seed, init="pca").fit_transform(vectors), ("t-SNE 1", "t-SNE 2")
    if method == "umap":
        try:
            from umap import UMAP
        except ImportError as error:
            raise ImportError("embedding: method='umap' needs umap-learn: pip install umap-learn.") from error
        return UMAP(random_state=seed).fit_transform(vectors), ("UMAP 1", "UMAP 2")
    raise ValueError(f"embedding: unknown method {method!r}. Use 'pca', 'tsne' or 'umap'.")


def _pca(vectors: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    centred = vectors - vectors.mean(0)
    _, strengths, directions = np.linalg.svd(centred, full_matrices=False)
    # The sign of a direction is arbitrary: make its largest part positive, so that pictures are reproducible.
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(1)])
    points = (centred @ (directions * signs[:, None]).T)[:, :2]
    share = 100 * strengths**2 / max(float((strengths**2).sum()), 1e-300)
    first, second = (*share, 0.0)[:2]
    if points.shape[1] < 2:
        points = np.column_stack([points, np.zeros(len(points))])
    return points, (f"component 1 ({first:.0f} % of the variance)", f"component 2 ({second:.0f} %)")


def _matplotlib(points: np.ndarray, classes: np.ndarray, names: list[str], labels: tuple[str, str], title: str) -> Any:
    figure = figures.matplotlib_figure(8, 6)
    axes = figure.add_subplot()
    matplotlib_points(axes, points, classes, names)
    axes.set_xlabel(labels[0], fontsize=figures.LABEL)
    axes.set_ylabel(labels[1], fontsize=figures.LABEL)
    axes.tick_params(labelsize=figures.TICK)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    return figures.titled(figure, title)


def _plotly(points: np.ndarray, classes: np.ndarray, names: list[str], labels: tuple[str, str], title: str) -> Any:
    from plotly.graph_objects import Figure

    figure = Figure(plotly_points(points, classes, names))
    figure.update_xaxes(title_text=labels[0])
    figure.update_yaxes(title_text=labels[1])
    return figures.plotly_layout(figure, title, 560)
