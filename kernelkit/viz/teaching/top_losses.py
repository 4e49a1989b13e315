"""Draw the images with the largest losses, each with a map of the pixels that made its loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.models.model import Model
from kernelkit.typing import Tree
from kernelkit.viz import figure as figures
from kernelkit.viz.figure import Backend
from kernelkit.viz.teaching.images import as_images
from kernelkit.viz.teaching.predictions import describe, grid_matplotlib, grid_plotly
from kernelkit.viz.teaching.scores import class_names, decide, scores_of, shares_of, targets_of

HOT = np.array([0.84, 0.37, 0.0])
"""The color of pixels that change the loss most, vermillion."""


def top_losses(
    model: Model,
    x: Tree,
    y: Tree,
    labels: Sequence[str] | None = None,
    count: int = 12,
    columns: int = 6,
    maps: bool = True,
    backend: Backend = "matplotlib",
    title: str = "",
) -> Any:
    """Draw the images with the largest losses.

    The loss of an image is the cross-entropy of its true class. A map colors the pixels with the largest effect on
    this loss: the magnitude of its gradient.

    Args:
        model: Classifier.
        x: Images `(n, height, width)` or `(n, height, width, channels)`, as the model takes them.
        y: True classes, ints `(n,)` or one-hot `(n, classes)`.
        labels: A name for each class. Default: their numbers.
        count: Maximum number of images.
        columns: Images in a row.
        maps: Whether the maps are drawn. They need a model that computes with floats.
        backend: `"matplotlib"` or `"plotly"`.
        title: Default: the mean loss.

    Returns:
        A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`.

    Raises:
        ValueError: If the samples are not images, or shapes do not match.

    Source:
        Simonyan et al., "Deep Inside Convolutional Networks" (2013), section 3, https://arxiv.org/abs/1312.6034

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((4, 4)), kk.layers.Flatten(), kk.layers.Dense(2, "softmax")])
        >>> figure = top_losses(model, np.random.default_rng(0).random((5, 4, 4)), [0, 1, 0, 1, 0], count=3)
        >>> [axes.get_title().split()[-2] for axes in figure.axes]
        ['loss', 'loss', 'loss']
    """
    who = "top_losses"
    draw = figures.drawer(who, backend, grid_matplotlib, grid_plotly)
    x = np.asarray(x)
    images = as_images(x, who)
    scores = scores_of(model, x, who)
    truth = targets_of(y, len(images), who, labels)
    losses = sample_losses(scores, truth, who)
    chosen, sure = decide(scores, who)
    names = class_names(labels, int(max(chosen.max(initial=0), truth.max(initial=0))) + 1, who)
    order = np.argsort(-np.nan_to_num(losses, nan=np.inf), kind="stable")[: max(count, 0)]
    shown = []
    for i in order:
        one = describe(int(i), chosen, sure, truth, names)
        loss_text = f"loss {losses[i]:.3g}"
        shown.append(one._replace(truth=f"{one.truth} · {loss_text}" if one.truth else loss_text))
    pictures = images[order]
    if maps and hasattr(model, "stateless_call") and len(order):
        pictures = colored(pictures, saliency(model, x[order], truth[order], scores[order]))
    title = title or f"mean loss {np.mean(losses):.4g}, {len(order)} of {len(images):,} images"
    return draw(pictures, shown, max(1, min(columns, len(shown))), title)


def sample_losses(scores: np.ndarray, truth: np.ndarray, who: str = "sample_losses") -> np.ndarray:
    """Return the cross-entropy of each sample's true class (n,).

    Args:
        scores: Probabilities or logits (n, classes), (n, 1) or (n,).
        truth: True classes (n,).
        who: Name of the public function, for error messages.

    Example:
        >>> sample_losses(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 1])).round(3).tolist()
        [0.693, -0.0]
    """
    shares = shares_of(scores, who)
    if len(truth) and truth.max() >= shares.shape[1]:
        raise ValueError(f"{who}: y holds class {truth.max()}, but the model has {shares.shape[1]} classes.")
    return -np.log(np.maximum(shares[np.arange(len(shares)), truth], 1e-12))


def saliency(model: Model, x: np.ndarray, truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return how much each pixel changes the loss of its image (n, height, width), from 0 to 1."""
    trainable = [v.value for v in model.trainable_variables]
    rest = [v.value for v in model.non_trainable_variables]
    flat = scores.reshape(len(scores), -1)
    is_share = flat.min() >= 0 and (flat.max() <= 1 if flat.shape[1] == 1 else np.allclose(flat.sum(1), 1, atol=1e-2))

    def loss(pixels: Any) -> Any:
        out = model.stateless_call(trainable, rest, pixels, training=False)[0].astype("float32").reshape(len(truth), -1)
        if out.shape[1] == 1:
            out = jnp.concatenate([1 - out, out], 1) if is_share else jnp.concatenate([jnp.zeros_like(out), out], 1)
        logs = jnp.log(jnp.maximum(out, 1e-7)) if is_share else jax.nn.log_softmax(out)
        return -logs[jnp.arange(len(truth)), truth].sum()

    slopes = np.abs(np.asarray(jax.jit(jax.grad(loss))(jnp.asarray(x, "float32"))))
    slopes = slopes.max(-1) if slopes.ndim == 4 else slopes
    top = np.quantile(slopes, 0.995, axis=(1, 2), keepdims=True)  # one pixel must not hide all others
    top = np.where(top > 0, top, slopes.max((1, 2), keepdims=True))
    return np.clip(slopes / np.where(top > 0, top, 1), 0, 1)


def colored(images: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return images (n, height, width, 3), pale and gray, with a color where shares (n, height, width) are high."""
    gray = images.mean(-1) if images.ndim == 4 else images
    gray = 0.25 + 0.6 * np.repeat(np.nan_to_num(gray)[..., None], 3, -1)
    weight = 0.9 * shares[..., None]
    return (1 - weight) * gray + weight * HOT
