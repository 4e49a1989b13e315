"""Penalties on the size of weights."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.regularizers.regularizer import Regularizer, checked_factor
from kernelkit.typing import Tensor


@op
def sum_of_absolutes(x: Tensor, factor: float) -> jax.Array:
    """Return ``factor * sum(|x|)``."""
    return factor * jnp.sum(jnp.abs(jnp.asarray(x)))


@op
def sum_of_squares(x: Tensor, factor: float) -> jax.Array:
    """Return ``factor * sum(x^2)``."""
    return factor * jnp.sum(jnp.square(jnp.asarray(x)))


class L1(Regularizer):
    """The sum of absolute values, which pulls weights to exactly zero.

    Args:
        l1: Factor, >= 0.

    Example:
        >>> import numpy as np
        >>> from kernelkit import regularizers
        >>> float(regularizers.L1(0.5)(np.array([1.0, -3.0])))
        2.0
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = checked_factor("l1", l1, 0.01)

    def __call__(self, x: Tensor) -> jax.Array:
        return sum_of_absolutes(x, self.l1)


class L2(Regularizer):
    """The sum of squares, which keeps weights small.

    Args:
        l2: Factor, >= 0.

    Example:
        >>> import numpy as np
        >>> from kernelkit import regularizers
        >>> float(regularizers.L2(0.5)(np.array([1.0, -3.0])))
        5.0
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = checked_factor("l2", l2, 0.01)

    def __call__(self, x: Tensor) -> jax.Array:
        return sum_of_squares(x, self.l2)


class L1L2(Regularizer):
    """The sum of both penalties.

    Args:
        l1: Factor of the absolute values, >= 0.
        l2: Factor of the squares, >= 0.

    Example:
        >>> import numpy as np
        >>> from kernelkit import regularizers
        >>> float(regularizers.L1L2(0.5, 0.5)(np.array([1.0, -3.0])))
        7.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = checked_factor("l1", l1, 0.0)
        self.l2 = checked_factor("l2", l2, 0.0)

    def __call__(self, x: Tensor) -> Tensor:
        # A factor of zero gives no penalty, even for an infinite weight (0 * inf is NaN).
        if not self.l2:
            return sum_of_absolutes(x, self.l1) if self.l1 else _none(x)
        return _elastic(x, self.l1, self.l2) if self.l1 else sum_of_squares(x, self.l2)


@op
def _none(x: Tensor) -> jax.Array:
    """Return a penalty of 0 in the dtype of floats, float32 for ints."""
    dtype = jnp.result_type(x)
    return jnp.zeros((), dtype if jnp.issubdtype(dtype, jnp.inexact) else None)


@op
def _elastic(x: Tensor, l1: float, l2: float) -> jax.Array:
    x = jnp.asarray(x)
    return l1 * jnp.sum(jnp.abs(x)) + l2 * jnp.sum(jnp.square(x))
