"""Correlations of targets and predictions, computed within each sample and averaged over samples."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.losses.shapes import fit_same
from kernelkit.metrics.reduction import MeanMetricWrapper
from kernelkit.typing import DType, Tensor


@op
def pearson_correlation(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> jax.Array:
    """Return Pearson's correlation coefficient along an axis.

    Args:
        y_true: Targets (batch, ..., d).
        y_pred: Predictions (batch, ..., d).
        axis: Axis of the values that are correlated.

    Returns:
        Floats of the inputs' shape without ``axis``, in [-1, 1]; NaN where targets or predictions are all equal.

    Example:
        >>> round(float(pearson_correlation([1.0, 2.0, 3.0], [2.0, 4.0, 6.5])), 4)
        0.9979
    """
    y_true, y_pred = fit_same("metrics.pearson_correlation", y_true, y_pred)
    true, pred = (y - jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    size = jnp.sqrt(jnp.sum(jnp.square(true), axis=axis) * jnp.sum(jnp.square(pred), axis=axis))
    return jnp.sum(true * pred, axis=axis) / size


@op
def concordance_correlation(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> jax.Array:
    """Return Lin's concordance correlation coefficient: agreement in value, not only in direction.

    Args:
        y_true: Targets (batch, ..., d).
        y_pred: Predictions (batch, ..., d).
        axis: Axis of the values that are correlated.

    Returns:
        Floats of the inputs' shape without ``axis``, in [-1, 1].

    Source: Lin, 1989, A concordance correlation coefficient to evaluate reproducibility.

    Example:
        >>> round(float(concordance_correlation([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])), 4)
        0.5714
    """
    y_true, y_pred = fit_same("metrics.concordance_correlation", y_true, y_pred)
    mean_true, mean_pred = (jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    covariance = jnp.mean((y_true - mean_true) * (y_pred - mean_pred), axis=axis)
    spread = jnp.var(y_true, axis=axis) + jnp.var(y_pred, axis=axis)
    bias = jnp.squeeze(jnp.square(mean_true - mean_pred), axis=axis)
    return 2.0 * covariance / (spread + bias + config.epsilon())


class PearsonCorrelation(MeanMetricWrapper):
    """Mean of Pearson's correlation coefficients; see :func:`pearson_correlation`.

    Args:
        name, dtype: As in :class:`Metric`.
        axis: Axis of the values that are correlated.

    Example:
        >>> round(float(PearsonCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 4.0, 6.5]])), 4)
        0.9979
    """

    direction = "up"

    def __init__(self, name: str = "pearson_correlation", dtype: DType = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis


class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean of Lin's concordance correlation coefficients; see :func:`concordance_correlation`.

    Args:
        name, dtype: As in :class:`Metric`.
        axis: Axis of the values that are correlated.

    Example:
        >>> round(float(ConcordanceCorrelation()([[1.0, 2.0, 3.0]], [[2.0, 3.0, 4.0]])), 4)
        0.5714
    """

    direction = "up"

    def __init__(self, name: str = "concordance_correlation", dtype: DType = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name=name, dtype=dtype, axis=axis)
        self.axis = axis
