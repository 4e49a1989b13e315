"""Counting true and false positives and negatives at one or many thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from kernelkit import budget
from kernelkit.losses.reduction import align_weights
from kernelkit.losses.shapes import fit_same
from kernelkit.typing import Tensor

_BYTES_OF_A_THRESHOLD = 40  # a Python float, its place in a list, and its counts


class Confusion(NamedTuple):
    """Weighted counts (thresholds,) or (thresholds, labels)."""

    true_positives: jax.Array
    false_positives: jax.Array
    true_negatives: jax.Array
    false_negatives: jax.Array


class Samples(NamedTuple):
    """Predictions, each with a weight as a positive and a weight as a negative (one of them 0); all of one shape."""

    y_pred: jax.Array
    positive: jax.Array
    negative: jax.Array


def prepare(
    name: str,
    y_true: Tensor,
    y_pred: Tensor,
    sample_weight: Tensor = None,
    top_k: int | None = None,
    class_id: int | None = None,
) -> Samples:
    """Return a batch in the form for counting.

    Args:
        name: Name of the metric for messages.
        y_true: Labels 0 or 1, (batch, ...).
        y_pred: Predictions of the same shape.
        sample_weight: A number, or an array whose axes are the first of the predictions' axes.
        top_k: Only the ``top_k`` largest predictions of the last axis can be positive.
        class_id: Only this index of the last axis counts.

    Raises:
        ValueError: If the shapes differ, or the class doesn't exist.
    """
    y_true, y_pred = fit_same(name, y_true, y_pred, _hint)
    if top_k is not None:
        _, largest = jax.lax.top_k(y_pred, min(top_k, y_pred.shape[-1]))
        chosen = jnp.any(jax.nn.one_hot(largest, y_pred.shape[-1], dtype=bool), axis=-2)
        y_pred = jnp.where(chosen, y_pred, -jnp.inf)
    if class_id is not None:
        if y_pred.ndim == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), found "
                f"shape: {y_pred.shape}. This is {name} with class_id={class_id}."
            )
        if not 0 <= class_id < y_pred.shape[-1]:
            raise ValueError(
                f"{name}: class_id is {class_id}, but y_pred {y_pred.shape} has {y_pred.shape[-1]} classes."
            )
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    weight: Tensor = 1.0 if sample_weight is None else align_weights(sample_weight, y_pred.shape)
    weight = jnp.broadcast_to(weight, y_pred.shape).astype(y_pred.dtype)
    is_positive = y_true.astype(bool)
    return Samples(y_pred, jnp.where(is_positive, weight, 0), jnp.where(is_positive, 0, weight))


def _hint(true: tuple, pred: tuple) -> str:
    if true in (pred[:-1], (*pred[:-1], 1)):
        return (
            f"Give a label 0 or 1 for each of the {pred[-1]} predictions: make class indices one-hot with "
            f"utils.to_categorical(y, {pred[-1]})."
        )
    return ""


def count_above(samples: Samples, thresholds: jax.Array) -> Confusion:
    """Count predictions above a few thresholds by comparing with each of them.

    Args:
        samples: Samples of any shape.
        thresholds: Floats (thresholds,).

    Example:
        >>> import jax.numpy as jnp
        >>> batch = prepare("demo", [0, 1, 1], [0.2, 0.4, 0.9])
        >>> count_above(batch, jnp.array([0.5])).true_positives.tolist()
        [1.0]
    """
    above = (samples.y_pred.ravel() > thresholds[:, None]).astype(samples.y_pred.dtype)
    hits, alarms = above @ samples.positive.ravel(), above @ samples.negative.ravel()
    return Confusion(hits, alarms, jnp.sum(samples.negative) - alarms, jnp.sum(samples.positive) - hits)


def count_ranked(samples: Samples, thresholds: Sequence[float], evenly: bool, per_label: bool = False) -> Confusion:
    """Count predictions above many ascending thresholds; the time doesn't grow with the number of thresholds.

    Each prediction falls into the bin between two thresholds; a threshold's count is the sum of the bins above it.

    Args:
        samples: Samples of any shape; (batch, labels) for ``per_label``.
        thresholds: Ascending thresholds.
        evenly: Whether the thresholds divide [0, 1] evenly, so that a bin is found by rounding.
        per_label: Whether each label (last axis) has its own counts.

    Returns:
        Counts (thresholds,), or (thresholds, labels).
    """
    count = len(thresholds)
    if evenly:
        lowest = 1 if thresholds[0] < 0 else 0
        bins = jnp.clip(jnp.ceil(samples.y_pred * (count - 1)).astype("int32"), lowest, count - 1)
    else:
        ascending = jnp.asarray(thresholds, samples.y_pred.dtype)
        bins = jnp.searchsorted(ascending, samples.y_pred, side="left").astype("int32")
    if per_label:
        labels = samples.y_pred.shape[-1]
        shape: tuple[int, ...] = (count + 1, labels)
        index: tuple[jax.Array, ...] = (bins, jnp.broadcast_to(jnp.arange(labels), bins.shape))
    else:
        shape, index = (count + 1,), (bins,)

    def above(weights: jax.Array) -> tuple[jax.Array, jax.Array]:
        totals = jnp.cumsum(jnp.zeros(shape, weights.dtype).at[index].add(weights)[::-1], axis=0)[::-1]
        return totals[1:], totals[0] - totals[1:]

    hits, misses = above(samples.positive)
    alarms, passes = above(samples.negative)
    return Confusion(hits, alarms, passes, misses)


def divide(a: jax.Array, b: jax.Array) -> jax.Array:
    """Return the quotient, 0 where the divisor is 0."""
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))


def even_thresholds(count: int, margin: float = 0.0) -> list[float]:
    """Return ``count`` thresholds that divide [0, 1] evenly, the outer ones moved out by ``margin``."""
    budget.claim_memory(_BYTES_OF_A_THRESHOLD * count, f"A metric of {count} thresholds")
    return [0.0 - margin, *(i / (count - 1) for i in range(1, count - 1)), 1.0 + margin]


def check_thresholds(thresholds: Tensor, default: float = 0.5) -> list[float]:
    """Return thresholds as a list, or raise ``ValueError``.

    Args:
        thresholds: A number, several, or ``None``.
        default: Threshold for ``None``.
    """
    if thresholds is None:
        return [default]
    values = list(thresholds) if isinstance(thresholds, (list, tuple)) else [thresholds]
    wrong = [t for t in values if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return values
