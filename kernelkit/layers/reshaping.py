"""Layers that change the shape of their input, but not its values."""

from __future__ import annotations

import math
import operator
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config, dtypes, ops
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Shape, Tensor


class Flatten(Layer):
    """Join all axes except the batch axis into one.

    Args:
        data_format: ``"channels_first"`` first moves the channels to the end; the global setting for ``None``.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Flatten()(kk.ops.ones((2, 3, 4))).shape
        (2, 12)
    """

    _takes_sparse = True

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def _known_shape(self, shape: Shape) -> Shape | None:
        sizes = [size for size in shape[1:] if size is not None]
        return (shape[0], math.prod(sizes) if len(sizes) == len(shape) - 1 else None)

    def call(self, inputs: Tensor) -> jax.Array:
        x = ops.convert_to_tensor(inputs)
        if self.data_format == "channels_first" and x.ndim > 2:
            x = ops.moveaxis(x, 1, -1)
        return ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Reshape(Layer):
    """Give each sample another shape.

    Args:
        target_shape: Ints, the shape without the batch axis; one may be -1, which is inferred.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Reshape((-1, 2))(kk.ops.ones((5, 3, 4))).shape
        (5, 6, 2)
    """

    _takes_sparse = True

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(operator.index(size) for size in target_shape)
        if self.target_shape.count(-1) > 1:
            raise ValueError(
                f"{self.who()}: there may be at most one unknown dimension, -1; got target_shape={self.target_shape}."
            )
        if any(size < -1 for size in self.target_shape):
            raise ValueError(
                f"{self.who()}: each size must be a non-negative integer, or -1 for an inferred size; got "
                f"target_shape={self.target_shape}."
            )

    def compute_output_spec(self, inputs: Tensor) -> Any:
        if None not in inputs.shape[1:] or -1 in self.target_shape:
            return super().compute_output_spec(inputs)
        # The number of values of a sample of unknown size is checked later, on data.
        dtype = self.compute_dtype if dtypes.is_float(inputs.dtype) else inputs.dtype
        return KerasTensor((inputs.shape[0], *self.target_shape), dtype=dtype)

    def call(self, inputs: Tensor) -> jax.Array:
        x = ops.convert_to_tensor(inputs)
        have, want = math.prod(x.shape[1:]), math.prod(size for size in self.target_shape if size != -1)
        if have != want if -1 not in self.target_shape else want == 0 or have % want:
            raise ValueError(
                f"{self.who()} cannot make samples of shape {x.shape[1:]} ({have} values) into {self.target_shape}: "
                "the number of values must not change."
            )
        return ops.reshape(x, (x.shape[0], *(have // want if size == -1 else size for size in self.target_shape)))


class Permute(Layer):
    """Reorder the axes of each sample.

    Args:
        dims: The old axes in their new order, counted from 1 (axis 0, the batch axis, stays first).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Permute((2, 1))(kk.ops.ones((5, 3, 4))).shape
        (5, 4, 3)
    """

    _takes_sparse = True

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                f"{self.who()}: Invalid permutation {self.dims} for `dims`: it must hold each axis from 1 on once."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> jax.Array:
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Repeat each sample along a new axis.

    Args:
        n: Number of repetitions.

    Input shape: (batch, features). Output shape: (batch, n, features).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RepeatVector(3)(kk.ops.ones((5, 2))).shape
        (5, 3, 2)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"{self.who()}: Expected an integer value for `n`, got {n!r}.")
        if n < 1:
            raise ValueError(f"{self.who()}: `n` should be a positive integer, got {n}.")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> jax.Array:
        return jnp.repeat(jnp.asarray(inputs)[:, None], self.n, axis=1)
