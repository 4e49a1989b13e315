"""Cross-entropies with other weights for easy, hard or wrongly labeled samples."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.losses.crossentropy import (
    binary_hint,
    binary_values,
    categorical_hint,
    clip,
    fit_sparse,
    smooth_binary,
    smooth_categorical,
    take_class,
)
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import fit_same
from kernelkit.typing import DType, Tensor

_SUM = "sum_over_batch_size"


@op
def binary_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return the binary cross-entropy times ``(1 - p)**gamma``, p being the probability given to the right label.

    Args:
        y_true: Labels 0 or 1, (batch, ..., d).
        y_pred: Probabilities of 1, or logits, (batch, ..., d).
        apply_class_balancing: Whether label 1 is weighted by ``alpha`` and label 0 by ``1 - alpha``.
        alpha: Weight of label 1, in [0, 1].
        gamma: How strongly easy samples are weighted down; 0 is the plain cross-entropy.
        from_logits: Whether ``y_pred`` are logits.
        label_smoothing: How far labels are moved towards 1/2, in [0, 1].
        axis: Axis over which the mean is taken.

    Returns:
        Floats of the inputs' shape without ``axis``.

    Source: Lin et al., 2017, Focal loss for dense object detection.

    Example:
        >>> round(float(binary_focal_crossentropy([1.0], [0.5])), 4)
        0.1733
    """
    y_true, y_pred = fit_same("losses.binary_focal_crossentropy", y_true, y_pred, binary_hint)
    y_true = smooth_binary(y_true, label_smoothing)
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    right = y_true * p + (1.0 - y_true) * (1.0 - p)
    values = jnp.power(1.0 - right, gamma) * binary_values(y_true, p, from_logits=False)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1.0 - y_true) * (1.0 - alpha))
    return jnp.mean(values, axis=axis)


@op
def categorical_focal_crossentropy(
    y_true: Tensor,
    y_pred: Tensor,
    alpha: Tensor = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return the categorical cross-entropy times ``alpha * (1 - p)**gamma``.

    Args:
        y_true: One-hot labels (batch, ..., classes).
        y_pred: Probabilities, or logits, of the same shape.
        alpha: One weight for all classes, or a list of one weight for each class.
        gamma: How strongly easy samples are weighted down.
        from_logits: Whether ``y_pred`` are logits.
        label_smoothing: Share of the label that is spread evenly over the classes, in [0, 1].
        axis: Axis of the classes.

    Returns:
        Floats of the inputs' shape without ``axis``.

    Source: Lin et al., 2017, Focal loss for dense object detection.

    Example:
        >>> round(float(categorical_focal_crossentropy([0.0, 1.0], [0.5, 0.5])), 4)
        0.0433
    """
    y_true, y_pred = fit_same("losses.categorical_focal_crossentropy", y_true, y_pred, categorical_hint)
    y_true = smooth_categorical(y_true, label_smoothing, axis)
    if from_logits:
        y_pred = jax.nn.softmax(y_pred, axis=axis)
    p = clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True))
    weight = jnp.power(1.0 - p, gamma) * jnp.asarray(alpha, dtype=p.dtype)
    return -jnp.sum(weight * y_true * jnp.log(p), axis=axis)


@op
def categorical_generalized_cross_entropy(y_true: Tensor, y_pred: Tensor, q: float) -> jax.Array:
    """Return ``(1 - p**q) / q``, p being the probability of the labeled class: wrong labels have less effect.

    Args:
        y_true: Class indices (batch, ...).
        y_pred: Probabilities (batch, ..., classes).
        q: In (0, 1): near 0 it is the cross-entropy, at 1 the mean absolute error.

    Returns:
        Floats (batch, ...).

    Source: Zhang and Sabuncu, 2018, Generalized cross entropy loss for training deep neural networks with noisy labels.

    Example:
        >>> float(categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5)[0])
        1.0
    """
    labels, y_pred = fit_sparse("losses.categorical_generalized_cross_entropy", y_true, y_pred)
    own, known = take_class(y_pred, labels)
    # The power has no gradient at 0, which a probability can reach by underflow.
    positive = known & (own > 0)
    return (1.0 - jnp.where(positive, jnp.power(jnp.where(positive, own, 1.0), q), 0.0)) / q


binary_focal_crossentropy.takes_yes_no = True  # type: ignore[attr-defined]
categorical_generalized_cross_entropy.takes_class_indices = True  # type: ignore[attr-defined]


class BinaryFocalCrossentropy(Loss):
    """Focal cross-entropy of yes/no labels; see :func:`binary_focal_crossentropy`.

    Args:
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis: As in the function.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> round(float(BinaryFocalCrossentropy()([[1.0]], [[0.5]])), 4)
        0.1733
    """

    takes_yes_no = True

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _SUM,
        name: str = "binary_focal_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return binary_focal_crossentropy(
            y_true,
            y_pred,
            self.apply_class_balancing,
            self.alpha,
            self.gamma,
            self.from_logits,
            self.label_smoothing,
            self.axis,
        )


class CategoricalFocalCrossentropy(Loss):
    """Focal cross-entropy of one-hot labels; see :func:`categorical_focal_crossentropy`.

    Args:
        alpha, gamma, from_logits, label_smoothing, axis: As in the function.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.0433
    """

    def __init__(
        self,
        alpha: Tensor = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = _SUM,
        name: str = "categorical_focal_crossentropy",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing, self.axis
        )


class CategoricalGeneralizedCrossEntropy(Loss):
    """Cross-entropy for noisy integer labels; see :func:`categorical_generalized_cross_entropy`.

    Args:
        q: In (0, 1): near 0 it is the cross-entropy, at 1 the mean absolute error.
        reduction, name, dtype: As in :class:`Loss`.

    Raises:
        ValueError: If ``q`` is not in (0, 1).

    Example:
        >>> float(CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
        1.0
    """

    _labels_are_indices = takes_class_indices = True

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = _SUM,
        name: str = "categorical_generalized_cross_entropy",
        dtype: DType = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must be between 0 and 1, got {q}.")
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.q = q

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)
