"""Metrics of regression: means of the regression losses, and the root of one."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit import losses
from kernelkit.losses.shapes import fit
from kernelkit.metrics.reduction import Mean, MeanMetricWrapper
from kernelkit.typing import DType, Tensor


class MeanSquaredError(MeanMetricWrapper):
    """Mean of squared differences; see :func:`kernelkit.losses.mean_squared_error`. Arguments as :class:`Metric`.

    Example:
        >>> float(MeanSquaredError()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    direction = "down"

    def __init__(self, name: str = "mean_squared_error", dtype: DType = None) -> None:
        super().__init__(losses.mean_squared_error, name=name, dtype=dtype)


class RootMeanSquaredError(Mean):
    """Square root of the mean of squared differences, in the units of the targets. Arguments as :class:`Metric`.

    Example:
        >>> float(RootMeanSquaredError()([[0.0, 1.0]], [[2.0, 3.0]]))
        2.0
    """

    direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: DType = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        y_true, y_pred = fit("metrics.RootMeanSquaredError", y_true, y_pred)
        super().update_state(jnp.square(y_true - y_pred), sample_weight)

    def result(self) -> jax.Array:
        return jnp.sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """Mean of absolute differences; see :func:`kernelkit.losses.mean_absolute_error`. Arguments as :class:`Metric`.

    Example:
        >>> float(MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 1.0]]))
        0.5
    """

    direction = "down"

    def __init__(self, name: str = "mean_absolute_error", dtype: DType = None) -> None:
        super().__init__(losses.mean_absolute_error, name=name, dtype=dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean difference in percent; see :func:`kernelkit.losses.mean_absolute_percentage_error`.

    Arguments as :class:`Metric`.

    Example:
        >>> float(MeanAbsolutePercentageError()([[1.0, 2.0]], [[1.5, 2.0]]))
        25.0
    """

    direction = "down"

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: DType = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name=name, dtype=dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean of squared differences of logarithms; see :func:`kernelkit.losses.mean_squared_logarithmic_error`.

    Arguments as :class:`Metric`.

    Example:
        >>> round(float(MeanSquaredLogarithmicError()([[0.0]], [[1.718281828]])), 4)
        1.0
    """

    direction = "down"

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: DType = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name=name, dtype=dtype)


class LogCoshError(MeanMetricWrapper):
    """Logarithm of the error's hyperbolic cosine; see :func:`kernelkit.losses.log_cosh`. Arguments as :class:`Metric`.

    Example:
        >>> round(float(LogCoshError()([[0.0]], [[10.0]])), 4)
        9.3069
    """

    direction = "down"

    def __init__(self, name: str = "logcosh", dtype: DType = None) -> None:
        super().__init__(losses.log_cosh, name=name, dtype=dtype)


def cosine_similarity(y_true: Tensor, y_pred: Tensor, axis: int = -1) -> jax.Array:
    """Return the cosine of the angle between targets and predictions: minus the loss of this name."""
    return -losses.cosine_similarity(y_true, y_pred, axis)


class CosineSimilarity(MeanMetricWrapper):
    """Cosine of the angle between targets and predictions: 1 where they point the same way.

    Args:
        name, dtype: As in :class:`Metric`.
        axis: Axis of the vectors.

    Example:
        >>> round(float(CosineSimilarity()([[3.0, 4.0]], [[6.0, 8.0]])), 4)
        1.0
    """

    direction = "up"

    _implied = {"axis": -1}

    def __init__(self, name: str = "cosine_similarity", dtype: DType = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name=name, dtype=dtype, axis=axis)
        self.axis = axis
