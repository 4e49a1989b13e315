"""Losses of overlap, for segmentation: one number for the batch, or one for each index of the kept axes."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import fit_same
from kernelkit.ops.rows import as_axes
from kernelkit.typing import Axis, DType, Tensor

_SUM = "sum_over_batch_size"


@op
def dice(y_true: Tensor, y_pred: Tensor, axis: Axis = None) -> jax.Array:
    """Return 1 minus the Dice coefficient, twice the overlap over the sum of both sizes.

    Args:
        y_true: Labels in [0, 1], such as (batch, height, width, classes).
        y_pred: Predictions in [0, 1] of the same shape.
        axis: Axis or axes summed over; all for ``None``.

    Returns:
        Floats of the shape of the axes that are kept; a scalar for ``None``.

    Source: Milletari et al., 2016, V-Net: fully convolutional networks for volumetric medical image segmentation.

    Example:
        >>> round(float(dice([[1.0, 0.0]], [[1.0, 1.0]])), 4)  # 1 - 2 * 1 / (1 + 2)
        0.3333
    """
    y_true, y_pred = fit_same("losses.dice", y_true, y_pred)
    axis = as_axes(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    sizes = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * overlap / (sizes + config.epsilon())


@op
def tversky(y_true: Tensor, y_pred: Tensor, alpha: float = 0.5, beta: float = 0.5, axis: Axis = None) -> jax.Array:
    """Return 1 minus the Tversky index: Dice with separate weights of false positives and false negatives.

    Args:
        y_true: Labels in [0, 1], such as (batch, height, width, classes).
        y_pred: Predictions in [0, 1] of the same shape.
        alpha: Weight of false negatives: labeled, but not predicted.
        beta: Weight of false positives: predicted, but not labeled.
        axis: Axis or axes summed over; all for ``None``.

    Returns:
        Floats of the shape of the axes that are kept; a scalar for ``None``.

    Source: Salehi et al., 2017, Tversky loss function for image segmentation using 3D fully convolutional
        deep networks.

    Example:
        >>> round(float(tversky([[1.0, 0.0]], [[1.0, 1.0]], beta=1.0)), 4)
        0.5
    """
    y_true, y_pred = fit_same("losses.tversky", y_true, y_pred)
    axis = as_axes(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    false_positives = jnp.sum((1.0 - y_true) * y_pred, axis=axis)
    false_negatives = jnp.sum(y_true * (1.0 - y_pred), axis=axis)
    return 1.0 - overlap / (overlap + alpha * false_negatives + beta * false_positives + config.epsilon())


class Dice(Loss):
    """One minus the Dice coefficient; see :func:`dice`.

    Args:
        reduction, name: As in :class:`Loss`.
        axis: Axis or axes summed over; all for ``None``.
        dtype: As in :class:`Loss`.

    Example:
        >>> round(float(Dice()([[1.0, 0.0]], [[1.0, 1.0]])), 4)
        0.3333
    """

    def __init__(
        self, reduction: str | None = _SUM, name: str = "dice", axis: Axis = None, dtype: DType = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return dice(y_true, y_pred, self.axis)


class Tversky(Loss):
    """One minus the Tversky index; see :func:`tversky`.

    Args:
        alpha: Weight of false negatives: labeled, but not predicted.
        beta: Weight of false positives: predicted, but not labeled.
        reduction, name: As in :class:`Loss`.
        axis: Axis or axes summed over; all for ``None``.
        dtype: As in :class:`Loss`.

    Example:
        >>> round(float(Tversky(beta=1.0)([[1.0, 0.0]], [[1.0, 1.0]])), 4)
        0.5
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = _SUM,
        name: str = "tversky",
        axis: Axis = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)
