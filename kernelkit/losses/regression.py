"""Regression losses: distances of predicted numbers from targets."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import fit
from kernelkit.typing import DType, Tensor

_SUM = "sum_over_batch_size"


@op
def mean_squared_error(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the mean of squared differences over the last axis.

    Args:
        y_true: Targets (batch, ..., d).
        y_pred: Predictions (batch, ..., d).

    Returns:
        Floats (batch, ...).

    Example:
        >>> float(mean_squared_error([0.0, 2.0], [1.0, 4.0]))
        2.5
    """
    y_true, y_pred = fit("losses.mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@op
def mean_absolute_error(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the mean of absolute differences over the last axis. Arguments as :func:`mean_squared_error`.

    Example:
        >>> float(mean_absolute_error([0.0, 2.0], [1.0, 4.0]))
        1.5
    """
    y_true, y_pred = fit("losses.mean_absolute_error", y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@op
def mean_absolute_percentage_error(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the mean difference in percent of the target. Arguments as :func:`mean_squared_error`.

    Example:
        >>> float(mean_absolute_percentage_error([1.0, 2.0], [1.5, 2.0]))
        25.0
    """
    y_true, y_pred = fit("losses.mean_absolute_percentage_error", y_true, y_pred)
    size = jnp.maximum(jnp.abs(y_true), config.epsilon())
    return 100.0 * jnp.mean(jnp.abs((y_true - y_pred) / size), axis=-1)


@op
def mean_squared_logarithmic_error(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the mean of squared differences of ``log(1 + y)``. Arguments as :func:`mean_squared_error`.

    Negative values count as 0.

    Example:
        >>> round(float(mean_squared_logarithmic_error([0.0], [1.718281828])), 4)
        1.0
    """
    y_true, y_pred = fit("losses.mean_squared_logarithmic_error", y_true, y_pred)
    # Not log1p: results must equal Keras's, which rounds 1 + y first.
    log_true, log_pred = (jnp.log(jnp.maximum(y, config.epsilon()) + 1.0) for y in (y_true, y_pred))
    return jnp.mean(jnp.square(log_true - log_pred), axis=-1)


@op
def huber(y_true: Tensor, y_pred: Tensor, delta: float = 1.0) -> jax.Array:
    """Return Huber's loss: squared for errors up to ``delta``, linear above.

    Args:
        y_true: Targets (batch, ..., d).
        y_pred: Predictions (batch, ..., d).
        delta: Size of the error above which the loss is linear.

    Returns:
        Floats (batch, ...).

    Source: Huber, 1964, Robust estimation of a location parameter.

    Example:
        >>> float(huber([0.0, 0.0], [0.5, 3.0]))
        1.3125
    """
    y_true, y_pred = fit("losses.huber", y_true, y_pred)
    size = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(size <= delta, 0.5 * jnp.square(size), delta * size - 0.5 * delta**2), axis=-1)


@op
def log_cosh(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the mean of ``log(cosh(y_pred - y_true))``. Arguments as :func:`mean_squared_error`.

    About half the square for small errors and ``|error| - log 2`` for large ones.

    Example:
        >>> round(float(log_cosh([0.0], [10.0])), 4)
        9.3069
    """
    y_true, y_pred = fit("losses.log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return jnp.mean(error + jax.nn.softplus(-2.0 * error) - math.log(2.0), axis=-1)


@op
def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> jax.Array:
    """Return minus the cosine of the angle between targets and predictions: -1 where they point the same way.

    Args:
        y_true: Targets (batch, ..., d).
        y_pred: Predictions (batch, ..., d).
        axis: Axis of the vectors.

    Returns:
        Floats of the inputs' shape without ``axis``.

    Example:
        >>> round(float(cosine_similarity([3.0, 4.0], [6.0, 8.0])), 4)
        -1.0
    """
    y_true, y_pred = fit("losses.cosine_similarity", y_true, y_pred)
    return -jnp.sum(unit(y_true, axis) * unit(y_pred, axis), axis=axis)


def unit(x: jax.Array, axis: int) -> jax.Array:
    """Return vectors scaled to length one; vectors near zero stay near zero."""
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), 1e-12))


class MeanSquaredError(Loss):
    """Mean of squared differences; see :func:`mean_squared_error`. Arguments as :class:`Loss`.

    Example:
        >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "mean_squared_error", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(Loss):
    """Mean of absolute differences; see :func:`mean_absolute_error`. Arguments as :class:`Loss`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "mean_absolute_error", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_absolute_error(y_true, y_pred)


class MeanAbsolutePercentageError(Loss):
    """Mean difference in percent; see :func:`mean_absolute_percentage_error`. Arguments as :class:`Loss`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[1.0, 2.0]], [[1.5, 2.0]]))
        25.0
    """

    def __init__(
        self, reduction: str | None = _SUM, name: str = "mean_absolute_percentage_error", dtype: DType = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_absolute_percentage_error(y_true, y_pred)


class MeanSquaredLogarithmicError(Loss):
    """Mean of squared differences of logarithms; see :func:`mean_squared_logarithmic_error`.

    Arguments as :class:`Loss`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718281828]])), 4)
        1.0
    """

    def __init__(
        self, reduction: str | None = _SUM, name: str = "mean_squared_logarithmic_error", dtype: DType = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return mean_squared_logarithmic_error(y_true, y_pred)


class Huber(Loss):
    """Huber's loss; see :func:`huber`.

    Args:
        delta: Size of the error above which the loss is linear.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> float(Huber(delta=1.0)([[0.0]], [[3.0]]))
        2.5
    """

    _implied = {"delta": 1.0}

    def __init__(
        self, delta: float = 1.0, reduction: str | None = _SUM, name: str = "huber_loss", dtype: DType = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.delta = delta

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return huber(y_true, y_pred, self.delta)


class LogCosh(Loss):
    """Logarithm of the error's hyperbolic cosine; see :func:`log_cosh`. Arguments as :class:`Loss`.

    Example:
        >>> round(float(LogCosh()([[0.0]], [[10.0]])), 4)
        9.3069
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "log_cosh", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return log_cosh(y_true, y_pred)


class CosineSimilarity(Loss):
    """Minus the cosine of an angle; see :func:`cosine_similarity`.

    Args:
        axis: Axis of the vectors.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> float(CosineSimilarity()([[1.0, 0.0]], [[0.0, 2.0]]))
        -0.0
    """

    _implied = {"axis": -1}

    def __init__(
        self, axis: int = -1, reduction: str | None = _SUM, name: str = "cosine_similarity", dtype: DType = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.axis = axis

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return cosine_similarity(y_true, y_pred, self.axis)
