"""Initializers with fixed values."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes
from kernelkit.initializers.initializer import Initializer
from kernelkit.known_sizes import as_shape
from kernelkit.masked_arrays import unmasked
from kernelkit.typing import DType, KnownShape, Tensor


class Zeros(Initializer):
    """All zeros.

    Example:
        >>> from kernelkit import initializers
        >>> initializers.Zeros()((2,)).tolist()
        [0.0, 0.0]
    """

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        return _filled(shape, 0, dtype)


class Ones(Initializer):
    """All ones.

    Example:
        >>> from kernelkit import initializers
        >>> initializers.Ones()((2,), dtype="int32").tolist()
        [1, 1]
    """

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        return _filled(shape, 1, dtype)


class Constant(Initializer):
    """A constant value.

    Args:
        value: A number, or an array that broadcasts to the shape.

    Example:
        >>> from kernelkit import initializers
        >>> initializers.Constant(0.25)((2,)).tolist()
        [0.25, 0.25]
    """

    def __init__(self, value: Tensor = 0.0) -> None:
        self.value = value

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        return _filled(shape, self.value, dtype)


class Identity(Initializer):
    """The identity matrix times a factor.

    Args:
        gain: Factor.

    Example:
        >>> from kernelkit import initializers
        >>> initializers.Identity(2.0)((2, 3)).tolist()
        [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        """Return a matrix; raise ``ValueError`` unless the shape has two axes."""
        if len(shape) != 2:
            raise ValueError(f"The Identity initializer makes matrices, but was asked for the shape {tuple(shape)}.")
        return jnp.asarray(self.gain * np.eye(shape[0], shape[1]), dtypes.standardize_dtype(dtype))


def _filled(shape: KnownShape, value: Tensor, dtype: DType) -> jax.Array:
    # Filled on the host: jnp.full would compile one program for each shape.
    dtype = jnp.dtype(dtypes.standardize_dtype(dtype))
    return jnp.asarray(np.broadcast_to(np.asarray(unmasked(value), dtype), as_shape(shape)))
