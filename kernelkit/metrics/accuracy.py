"""Accuracies: how often the prediction is right."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.losses.crossentropy import categorical_hint, fit_sparse, take_class
from kernelkit.losses.shapes import check_fit, fit, fit_same, squeeze_or_expand
from kernelkit.metrics.reduction import MeanMetricWrapper
from kernelkit.typing import DType, Tensor


def accuracy(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return 1 where labels and predictions are equal, else 0.

    Args:
        y_true: Labels (batch, ...).
        y_pred: Predicted labels (batch, ...).

    Returns:
        Floats (batch, ...).

    Example:
        >>> accuracy([1, 2, 3], [1, 2, 0]).tolist()
        [1.0, 1.0, 0.0]
    """
    y_true, y_pred = squeeze_or_expand(jnp.asarray(y_true), jnp.asarray(y_pred))
    check_fit("metrics.accuracy", y_true, y_pred)
    return (y_true == y_pred).astype(config.floatx())


@op
def binary_accuracy(y_true: Tensor, y_pred: Tensor, threshold: float = 0.5) -> jax.Array:
    """Return 1 where a probability is on the label's side of the threshold, else 0.

    Args:
        y_true: Labels 0 or 1, (batch, ...).
        y_pred: Probabilities (batch, ...).
        threshold: Above it, the prediction is 1.

    Returns:
        Floats (batch, ...).

    Example:
        >>> binary_accuracy([1, 0, 0], [0.9, 0.2, 0.7]).tolist()
        [1.0, 1.0, 0.0]
    """
    y_true, y_pred = fit("metrics.binary_accuracy", y_true, y_pred)
    return (y_true == (y_pred > threshold).astype(y_true.dtype)).astype(config.floatx())


@op
def categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return 1 where the largest prediction is at the largest label, else 0.

    Args:
        y_true: One-hot labels (batch, ..., classes).
        y_pred: Scores of the classes (batch, ..., classes).

    Returns:
        Floats (batch, ...).

    Example:
        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.3, 0.7]]).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = fit_same("metrics.categorical_accuracy", y_true, y_pred, categorical_hint)
    return is_largest(y_pred, first_largest(y_true)).astype(config.floatx())


@op
def sparse_categorical_accuracy(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return 1 where the largest prediction is that of the labeled class, else 0.

    Args:
        y_true: Class indices (batch, ...) or (batch, ..., 1).
        y_pred: Scores of the classes (batch, ..., classes).

    Returns:
        Floats (batch, ...).

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.3, 0.7]]).tolist()
        [1.0, 0.0]
    """
    labels, y_pred = fit_sparse("metrics.sparse_categorical_accuracy", y_true, y_pred)
    return is_largest(y_pred, labels).astype(config.floatx())


@op
def top_k_categorical_accuracy(y_true: Tensor, y_pred: Tensor, k: int = 5) -> jax.Array:
    """Return 1 where the labeled class is among the ``k`` largest predictions, else 0.

    Args:
        y_true: One-hot labels (batch, ..., classes).
        y_pred: Scores of the classes (batch, ..., classes).
        k: Number of largest predictions to consider.

    Returns:
        Floats (batch, ...).

    Example:
        >>> top_k_categorical_accuracy([[0, 0, 1], [1, 0, 0]], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]], k=2).tolist()
        [1.0, 0.0]
    """
    y_true, y_pred = fit_same("metrics.top_k_categorical_accuracy", y_true, y_pred, categorical_hint)
    return in_top_k(y_pred, first_largest(y_true), k).astype(config.floatx())


@op
def sparse_top_k_categorical_accuracy(
    y_true: Tensor, y_pred: Tensor, k: int = 5, from_sorted_ids: bool = False
) -> jax.Array:
    """Return 1 where the labeled class is among the ``k`` largest predictions, else 0.

    Args:
        y_true: Class indices (batch, ...) or (batch, ..., 1).
        y_pred: Scores of the classes (batch, ..., classes), or class indices, the likeliest first.
        k: Number of largest predictions to consider.
        from_sorted_ids: Whether ``y_pred`` are class indices.

    Returns:
        Floats (batch, ...).

    Example:
        >>> sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]], k=2).tolist()
        [1.0, 0.0]
    """
    if from_sorted_ids:
        y_pred = jnp.asarray(y_pred)[..., :k]
        labels, _ = fit_sparse("metrics.sparse_top_k_categorical_accuracy", y_true, y_pred)
        return jnp.any(y_pred == labels[..., None], axis=-1).astype(config.floatx())
    labels, y_pred = fit_sparse("metrics.sparse_top_k_categorical_accuracy", y_true, y_pred)
    return in_top_k(y_pred, labels, k).astype(config.floatx())


# Comparing with the label's own score takes a fraction of the time of an argmax or a sort on the CPU. The comparisons
# are written so that one with NaN counts as wrong. The label itself is left out: XLA may compute the scores twice and
# round them differently, and the label's own score would be smaller than itself.


def is_largest(scores: jax.Array, labels: jax.Array) -> jax.Array:
    """Return whether ``labels`` equals the argmax over the last axis."""
    own, known = take_class(scores, labels)
    index = jax.lax.broadcasted_iota(labels.dtype, scores.shape, scores.ndim - 1)
    own, label = own[..., None], labels[..., None]
    wins = (own > scores) | ((own == scores) & (index > label)) | (index == label)
    return known & ~jnp.isnan(own[..., 0]) & jnp.all(wins, axis=-1)


def in_top_k(scores: jax.Array, labels: jax.Array, k: int) -> jax.Array:
    """Return whether fewer than ``k`` scores of the last axis are above the label's own."""
    own, known = take_class(scores, labels)
    index = jax.lax.broadcasted_iota(labels.dtype, scores.shape, scores.ndim - 1)
    above = ~(scores <= own[..., None]) & (index != labels[..., None])
    return known & ~jnp.isnan(own) & (jnp.sum(above, axis=-1) < k)


def first_largest(x: jax.Array) -> jax.Array:
    """Return the argmax over the last axis."""
    index = jax.lax.broadcasted_iota("int32", x.shape, x.ndim - 1)
    return jnp.min(jnp.where(x == jnp.max(x, axis=-1, keepdims=True), index, x.shape[-1]), axis=-1)


class Accuracy(MeanMetricWrapper):
    """How often predicted labels equal the labels; see :func:`accuracy`. Arguments as :class:`Metric`.

    Example:
        >>> float(Accuracy()([[1], [2]], [[1], [3]]))
        0.5
    """

    direction = "up"

    def __init__(self, name: str = "accuracy", dtype: DType = None) -> None:
        super().__init__(accuracy, name=name, dtype=dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often a probability is on the label's side; see :func:`binary_accuracy`.

    Args:
        name, dtype: As in :class:`Metric`.
        threshold: Above it, the prediction is 1; 0.5 for probabilities, 0.0 for logits.

    Example:
        >>> float(BinaryAccuracy()([[1], [0]], [[0.9], [0.8]]))
        0.5
    """

    direction = "up"

    def __init__(self, name: str = "binary_accuracy", dtype: DType = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name=name, dtype=dtype, threshold=threshold)
        self.threshold = threshold


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is the one-hot label; see :func:`categorical_accuracy`.

    Arguments as :class:`Metric`.

    Example:
        >>> float(CategoricalAccuracy()([[0, 1], [1, 0]], [[0.2, 0.8], [0.3, 0.7]]))
        0.5
    """

    direction = "up"

    def __init__(self, name: str = "categorical_accuracy", dtype: DType = None) -> None:
        super().__init__(categorical_accuracy, name=name, dtype=dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is the integer label; see :func:`sparse_categorical_accuracy`.

    Arguments as :class:`Metric`.

    Example:
        >>> float(SparseCategoricalAccuracy()([1, 0], [[0.2, 0.8], [0.3, 0.7]]))
        0.5
    """

    direction = "up"

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: DType = None) -> None:
        super().__init__(sparse_categorical_accuracy, name=name, dtype=dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the one-hot label is among the largest predictions; see :func:`top_k_categorical_accuracy`.

    Args:
        k: Number of largest predictions to consider.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> float(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]]))
        0.5
    """

    direction = "up"

    def __init__(self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: DType = None) -> None:
        super().__init__(top_k_categorical_accuracy, name=name, dtype=dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label is among the largest predictions; see :func:`sparse_top_k_categorical_accuracy`.

    Args:
        k: Number of largest predictions to consider.
        name, dtype: As in :class:`Metric`.
        from_sorted_ids: Whether predictions are class indices, the likeliest first.

    Example:
        >>> float(SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]]))
        0.5
    """

    direction = "up"

    _implied = {"from_sorted_ids": False}

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: DType = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy, name=name, dtype=dtype, k=k, from_sorted_ids=from_sorted_ids
        )
        self.k = k
        self.from_sorted_ids = from_sorted_ids
