"""Constraints on the sign and the length of weights."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.constraints.constraint import Constraint
from kernelkit.dispatch import op
from kernelkit.typing import Axis, Tensor


@op
def with_norms(w: Tensor, low: float, high: float, rate: float = 1.0, axis: Axis = 0) -> jax.Array:
    """Rescale vectors so that their L2 norms move into, or towards, [low, high].

    Args:
        w: Floats of any shape.
        low: Smallest norm.
        high: Largest norm.
        rate: Share of the distance to the range to move, in [0, 1].
        axis: Axis or axes along which the vectors lie.
    """
    w = jnp.asarray(w)
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    norms = jnp.sqrt(jnp.sum(jnp.square(w), axis=axis, keepdims=True))
    wanted = rate * jnp.clip(norms, low, high) + (1 - rate) * norms
    return w * (wanted / (config.epsilon() + norms))


class MaxNorm(Constraint):
    """Limit the norms of a weight's vectors to a maximum.

    Args:
        max_value: Largest norm.
        axis: Axis or axes along which the weight's vectors lie: 0 for a Dense kernel, [0, 1, 2] for a Conv2D kernel.

    Source: Srivastava et al., 2014, Dropout: a simple way to prevent neural networks from overfitting.

    Example:
        >>> import numpy as np
        >>> from kernelkit import constraints
        >>> constraints.MaxNorm(1.0)(np.array([[0.0], [4.0]])).round(3).tolist()
        [[0.0], [1.0]]
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w: Tensor) -> jax.Array:
        return with_norms(w, 0.0, self.max_value, 1.0, self.axis)


class MinMaxNorm(Constraint):
    """Keep the norms of a weight's vectors within a range.

    Args:
        min_value: Smallest norm.
        max_value: Largest norm.
        rate: Share of the way to the range at each step: 1 puts norms into the range at once.
        axis: Axis or axes along which the weight's vectors lie.

    Example:
        >>> import numpy as np
        >>> from kernelkit import constraints
        >>> constraints.MinMaxNorm(2.0, 3.0)(np.array([[1.0], [0.0]])).round(3).tolist()
        [[2.0], [0.0]]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0) -> None:
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w: Tensor) -> jax.Array:
        return with_norms(w, self.min_value, self.max_value, self.rate, self.axis)


class UnitNorm(Constraint):
    """Rescale a weight's vectors to norm one.

    Args:
        axis: Axis or axes along which the weight's vectors lie.

    Example:
        >>> import numpy as np
        >>> from kernelkit import constraints
        >>> constraints.UnitNorm()(np.array([[2.0], [0.0]])).round(3).tolist()
        [[1.0], [0.0]]
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Tensor) -> jax.Array:
        return with_norms(w, 1.0, 1.0, 1.0, self.axis)


class NonNeg(Constraint):
    """Set negative values of a weight to zero.

    Example:
        >>> import numpy as np
        >>> from kernelkit import constraints
        >>> constraints.NonNeg()(np.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: Tensor) -> jax.Array:
        return without_negatives(w)


@op
def without_negatives(w: Tensor) -> jax.Array:
    """Return a weight with its negative values set to zero."""
    return jnp.maximum(jnp.asarray(w), 0)
