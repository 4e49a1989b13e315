"""Sums and means over batches, and the wrapper that turns a function into a metric."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import masking
from kernelkit import serialize as _serialize
from kernelkit.losses.reduction import align_weights
from kernelkit.masked_arrays import unmasked
from kernelkit.metrics.metric import Metric
from kernelkit.typing import DType, Tensor


def weighted_total(values: Tensor, weights: Any = None, dtype: DType = "float32") -> tuple[jax.Array, Any]:
    """Return a batch's part of a mean over samples: the sum and the count.

    Args:
        values: Numbers (batch, ...); the values of a sample are averaged first. A scalar counts as one sample.
        weights: A number, or an array whose axes are the first of the values' axes.
        dtype: Dtype of the sum.

    Returns:
        ``(total, count)``: the weighted sum over samples, and the sum of the weights.

    Example:
        >>> total, count = weighted_total([1.0, 3.0], weights=[1.0, 0.5])
        >>> float(total), float(count)
        (2.5, 1.5)
    """
    values = jnp.asarray(unmasked(values), dtype=dtype)
    samples = values.shape[0] if values.ndim else 1
    each = max(values.size // max(samples, 1), 1)
    if weights is None:
        return jnp.sum(values) / each, samples
    weights = align_weights(weights, values.shape).astype(dtype)
    if weights.ndim == 0:
        return weights * jnp.mean(values), weights
    # Each weight counts once for each value to which it is broadcast.
    return jnp.sum(values * weights) / each, jnp.sum(weights) * (values.size / max(weights.size, 1) / each)


def mean_of(total: Any, count: Any) -> jax.Array:
    """Return the quotient, 0 for a count of 0."""
    return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))


class Sum(Metric):
    """The weighted sum of all values.

    Args:
        name, dtype: As in :class:`Metric`.

    Example:
        >>> total = Sum()
        >>> total.update_state([1.0, 3.0])
        >>> total.update_state([2.0], sample_weight=[0.5])
        >>> float(total.result())
        5.0
    """

    def __init__(self, name: str = "sum", dtype: DType = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, values: Tensor, sample_weight: Tensor = None) -> None:
        values = jnp.asarray(unmasked(values), dtype=self.dtype)
        if sample_weight is not None:
            values = values * align_weights(sample_weight, values.shape).astype(self.dtype)
        self.total.assign_add(jnp.sum(values))

    def result(self) -> jax.Array:
        return self.total.value


class Mean(Metric):
    """The weighted mean of all values; each sample (first axis) counts once.

    Args:
        name, dtype: As in :class:`Metric`.

    Example:
        >>> mean = Mean()
        >>> mean.update_state([1.0, 3.0])
        >>> mean.update_state([8.0])
        >>> float(mean.result())
        4.0
    """

    def __init__(self, name: str = "mean", dtype: DType = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable((), "zeros", name="total")
        self.count = self.add_variable((), "zeros", name="count")

    def update_state(self, values: Tensor, sample_weight: Tensor = None) -> None:
        if sample_weight is not None:
            sample_weight = combine_weights(sample_weight, masking.get_mask(values), np.shape(values))
        total, count = weighted_total(values, sample_weight, self.dtype)
        self.total.assign_add(total)
        self.count.assign_add(count)

    def result(self) -> jax.Array:
        return mean_of(self.total.value, self.count.value)


class MeanMetricWrapper(Mean):
    """The mean of a function ``(y_true, y_pred) -> values``. A mask that came with ``y_pred`` weights the values.

    Args:
        fn: The function.
        name: Name; that of the class by default.
        dtype: As in :class:`Metric`.
        **kwargs: More arguments of the function.

    Example:
        >>> from kernelkit import losses
        >>> metric = MeanMetricWrapper(losses.huber, delta=2.0)
        >>> float(metric([[0.0], [0.0]], [[1.0], [3.0]]))
        2.25
    """

    def __init__(self, fn: Callable, name: str | None = None, dtype: DType = None, **kwargs: Any) -> None:
        super().__init__(name=name, dtype=dtype)  # type: ignore[arg-type]
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        mask = masking.get_mask(y_pred)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if values is None:
            raise ValueError(
                f"The metric {self.name!r} returned None: let it return a tensor with a value for each sample."
            )
        super().update_state(values, combine_weights(sample_weight, mask, np.shape(values)))

    @_serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal metric, with those of the function."""
        config = {**super().get_config(), **{k: _serialize.serialize_value(v) for k, v in self._fn_kwargs.items()}}
        if type(self) is MeanMetricWrapper:
            config["fn"] = _serialize.serialize_keras_object(self._fn)
        return {k: v for k, v in config.items() if k not in self._implied or v != self._implied[k]}


def combine_weights(sample_weight: Tensor, mask: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the product of weights and a mask of values of a given shape; ``None`` for neither."""
    if mask is None or sample_weight is None:
        return mask if sample_weight is None else sample_weight
    return align_weights(sample_weight, shape) * align_weights(mask, shape, "the mask of y_pred")
