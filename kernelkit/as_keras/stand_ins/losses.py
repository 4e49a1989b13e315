"""Losses and metrics under Keras's private names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from kernelkit import losses, ops
from kernelkit.typing import DType, Tensor


class LossFunctionWrapper(losses.Loss):
    """A loss made from a function of targets and predictions.

    Args:
        fn: The function.
        reduction: How the values of samples are combined.
        name: Name.
        dtype: Dtype to compute in.
        **kwargs: Further arguments of the function.
    """

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: DType = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict:
        """Return the arguments of the loss."""
        return {**super().get_config(), **self._fn_kwargs}


def confusion_matrix(labels: Any, predictions: Any, num_classes: int, weights: Any = None, dtype: str = "int32") -> Any:
    """Return how often each class (row) was predicted as each class (column)."""
    cells = ops.cast(labels, "int32") * num_classes + ops.cast(predictions, "int32")
    values = jnp.ones(cells.shape, dtype) if weights is None else ops.cast(weights, dtype)
    return jnp.zeros(num_classes**2, dtype).at[cells.ravel()].add(values.ravel()).reshape(num_classes, num_classes)
