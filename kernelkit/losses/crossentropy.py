"""Cross-entropies: minus the log-probability of the right label.

Probabilities are kept :func:`kernelkit.config.epsilon` away from 0 and 1, so that no logarithm is infinite.
"""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
from jax import lax

from kernelkit import config, masking
from kernelkit.dispatch import op
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import fit_same, to_float
from kernelkit.tracebacks import users_level
from kernelkit.typing import DType, Tensor

_SUM = "sum_over_batch_size"


@op
def binary_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """Return the cross-entropy of yes/no labels.

    Args:
        y_true: Labels 0 or 1 (or between), (batch, ..., d).
        y_pred: Probabilities of 1, or their logits, (batch, ..., d).
        from_logits: Whether ``y_pred`` are logits (no sigmoid yet), which is the more accurate way.
        label_smoothing: How far labels are moved towards 1/2, in [0, 1].
        axis: Axis over which the mean is taken.

    Returns:
        Floats of the inputs' shape without ``axis``.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> round(float(binary_crossentropy([1.0, 0.0], [0.9, 0.2])), 4)
        0.1643
    """
    y_true, y_pred = fit_same("losses.binary_crossentropy", y_true, y_pred, binary_hint)
    values = binary_values(smooth_binary(y_true, label_smoothing), y_pred, from_logits)
    return jnp.mean(values, axis=axis)


@op
def categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """Return the cross-entropy of one-hot labels.

    Args:
        y_true: One-hot labels or probabilities of the classes (batch, ..., classes).
        y_pred: Probabilities (scaled to sum to 1), or logits, of the same shape.
        from_logits: Whether ``y_pred`` are logits (no softmax yet), which is the more accurate way.
        label_smoothing: Share of the label that is spread evenly over the classes, in [0, 1].
        axis: Axis of the classes.

    Returns:
        Floats of the inputs' shape without ``axis``.

    Raises:
        ValueError: If the shapes differ, as with integer labels.

    Example:
        >>> round(float(categorical_crossentropy([0.0, 1.0], [0.25, 0.75])), 4)
        0.2877
    """
    y_true, y_pred = fit_same("losses.categorical_crossentropy", y_true, y_pred, categorical_hint)
    _warn_of_one_class("losses.categorical_crossentropy", y_pred, axis)
    log_p = log_probabilities(y_pred, from_logits, axis)
    return -jnp.sum(smooth_categorical(y_true, label_smoothing, axis) * log_p, axis=axis)


@op
def sparse_categorical_crossentropy(
    y_true: Tensor, y_pred: Tensor, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> jax.Array:
    """Return the cross-entropy of integer labels.

    Args:
        y_true: Class indices (batch, ...) or (batch, ..., 1). The loss of an index outside the classes is 0.
        y_pred: Probabilities (scaled to sum to 1), or logits, (batch, ..., classes).
        from_logits: Whether ``y_pred`` are logits (no softmax yet), which is the more accurate way.
        ignore_class: A class index, such as -1 for "void". Positions with this label count in neither sums nor means.
        axis: Axis of the classes in ``y_pred``.

    Returns:
        Floats (batch, ...).

    Raises:
        ValueError: If the shapes don't fit, as with one-hot labels.

    Example:
        >>> [round(float(v), 4) for v in sparse_categorical_crossentropy([1, 0], [[0.25, 0.75], [0.5, 0.5]])]
        [0.2877, 0.6931]
    """
    labels, y_pred = fit_sparse("losses.sparse_categorical_crossentropy", y_true, y_pred, axis)
    _warn_of_one_class("losses.sparse_categorical_crossentropy", y_pred, -1)
    # Only the label's probability is read. On a CPU this takes at most half the time of a one-hot product.
    own, known = take_class(y_pred, labels)
    if from_logits:
        values = jax.nn.logsumexp(y_pred, axis=-1) - own
    else:
        values = lax.neg(lax.log(clip(lax.div(own, jnp.sum(y_pred, axis=-1)))))
    if ignore_class is None:
        return lax.select(known, values, lax.full_like(values, 0))
    valid = labels != ignore_class
    values = jnp.where(known & valid, values, 0)
    masking.set_mask(values, valid)
    return values


binary_crossentropy.takes_yes_no = True  # type: ignore[attr-defined]
sparse_categorical_crossentropy.takes_class_indices = True  # type: ignore[attr-defined]


# Parts that other losses and the metrics share ------------------------------------------------------------------------


def clip(p: jax.Array) -> jax.Array:
    """Return probabilities kept away from 0 and 1."""
    low, high = (p.dtype.type(bound) for bound in (config.epsilon(), 1.0 - config.epsilon()))
    return lax.min(lax.max(p, low), high)


def binary_values(y_true: jax.Array, y_pred: jax.Array, from_logits: bool) -> jax.Array:
    """Return the binary cross-entropy of each element."""
    if from_logits:
        return jnp.maximum(y_pred, 0) - y_pred * y_true + jnp.log1p(jnp.exp(-jnp.abs(y_pred)))
    p = clip(y_pred)
    return -(y_true * jnp.log(p) + (1.0 - y_true) * jnp.log(1.0 - p))


def log_probabilities(y_pred: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    """Return log-probabilities from logits, or from positive numbers that are scaled to sum to 1."""
    if from_logits:
        return jax.nn.log_softmax(y_pred, axis=axis)
    return jnp.log(clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)))


def smooth_binary(y_true: jax.Array, label_smoothing: float) -> jax.Array:
    """Return labels moved towards 1/2."""
    return y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def smooth_categorical(y_true: jax.Array, label_smoothing: float, axis: int) -> jax.Array:
    """Return one-hot labels with a share spread evenly over the classes. Source: Szegedy et al., 2016."""
    return y_true * (1.0 - label_smoothing) + label_smoothing / y_true.shape[axis] if label_smoothing else y_true


FEW_CLASSES = 1024
"""Up to this number of classes, a comparison finds the label's entry, and the compiler merges it with the softmax. A
gather and its scatter are three kernels more."""


def take_class(y_pred: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the label's entry of the last axis, and whether the label is a valid class."""
    # Each training step of a classifier is traced through here: `lax` takes a third of the time of `jax.numpy`.
    classes, last = y_pred.shape[-1], y_pred.ndim - 1
    low, high = labels.dtype.type(0), labels.dtype.type(classes - 1)
    known = lax.bitwise_and(lax.ge(labels, low), lax.le(labels, high))
    index = lax.clamp(low, labels, high)
    if classes <= FEW_CLASSES:
        is_label = lax.eq(
            lax.broadcast_in_dim(index, y_pred.shape, tuple(range(last))),
            lax.broadcasted_iota(index.dtype, y_pred.shape, last),
        )
        own = lax.reduce_sum(lax.select(is_label, y_pred, lax.full_like(y_pred, 0)), (last,))
    else:
        own = jnp.take_along_axis(y_pred, index[..., None], axis=-1, mode="promise_in_bounds")[..., 0]
    return own, known


def fit_sparse(name: str, y_true: Tensor, y_pred: Tensor, axis: int = -1) -> tuple[jax.Array, jax.Array]:
    """Return integer labels (batch, ...) and predictions with the classes last, or raise ``ValueError``."""
    labels, y_pred = jnp.asarray(y_true), to_float(y_pred)
    shape = y_pred.shape
    if y_pred.ndim:
        y_pred = jnp.moveaxis(y_pred, axis, -1)
    if labels.ndim == y_pred.ndim and labels.shape[-1:] == (1,):
        labels = labels[..., 0]
    if y_pred.ndim == 0 or labels.shape != y_pred.shape[:-1]:
        if labels.shape == shape:
            advice = (
                "One number for each class is a one-hot label: use categorical_crossentropy, or give class indices, "
                "y_true.argmax(-1)."
            )
        else:
            advice = "Give one class index for each prediction, and end the model with one unit for each class."
        raise ValueError(
            f"{name}: y_true must hold class indices of shape {y_pred.shape[:-1]} for y_pred of shape {shape}, "
            f"got shape {labels.shape}. {advice}"
        )
    narrow = labels.dtype.itemsize < 4  # 999 classes do not fit into 8 bits
    return labels.astype("int32") if narrow or jnp.issubdtype(labels.dtype, jnp.floating) else labels, y_pred


def binary_hint(true: tuple, pred: tuple) -> str:
    """Return the remedy for labels whose shape doesn't fit a binary loss."""
    if len(true) in (len(pred) - 1, len(pred)) and true[: len(pred) - 1] == pred[:-1]:
        return (
            f"A binary loss needs a label 0 or 1 for each of the {pred[-1]} outputs. If a sample has one class out of "
            f"{pred[-1]}, use softmax and sparse_categorical_crossentropy; if it has one yes/no label, end the model "
            "with Dense(1)."
        )
    return ""


def categorical_hint(true: tuple, pred: tuple) -> str:
    """Return the remedy for labels whose shape doesn't fit a categorical loss."""
    if true in (pred[:-1], (*pred[:-1], 1)):
        return (
            "Labels that are class indices need sparse_categorical_crossentropy; or make them one-hot with "
            f"utils.to_categorical(y, {pred[-1]})."
        )
    if len(true) == len(pred) and true[:-1] == pred[:-1]:
        return f"The labels have {true[-1]} classes and the model {pred[-1]}: end the model with Dense({true[-1]})."
    return ""


def _warn_of_one_class(name: str, y_pred: jax.Array, axis: int) -> None:
    if y_pred.shape[axis] == 1:
        warnings.warn(
            f"{name} got one class, y_pred of shape {y_pred.shape}, so its loss is always 0. For a yes/no label, "
            "use binary_crossentropy with a sigmoid.",
            stacklevel=users_level(),
        )


# Classes --------------------------------------------------------------------------------------------------------------


class BinaryCrossentropy(Loss):
    """Cross-entropy of yes/no labels; see :func:`binary_crossentropy`.

    Args:
        from_logits, label_smoothing, axis: As in :func:`binary_crossentropy`.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> round(float(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])), 4)
        0.6931
    """

    takes_yes_no = True

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _SUM,
        name: str = "binary_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return binary_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class CategoricalCrossentropy(Loss):
    """Cross-entropy of one-hot labels; see :func:`categorical_crossentropy`.

    Args:
        from_logits, label_smoothing, axis: As in :func:`categorical_crossentropy`.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.25, 0.75]])), 4)
        0.2877
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _SUM,
        name: str = "categorical_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of integer labels; see :func:`sparse_categorical_crossentropy`.

    Args:
        from_logits, ignore_class, axis: As in :func:`sparse_categorical_crossentropy`.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.25, 0.75]])), 4)
        0.2877
    """

    _implied = {"axis": -1}
    _labels_are_indices = takes_class_indices = True

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = _SUM,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)
