"""Bounded activations, and activations that shrink values towards zero."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.typing import Tensor


@op
def sigmoid(x: Tensor) -> jax.Array:
    """Return ``1 / (1 + exp(-x))``.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import ops
        >>> float(ops.sigmoid(0.0))
        0.5
    """
    return jax.nn.sigmoid(floats(x))


@op
def log_sigmoid(x: Tensor) -> jax.Array:
    """Return ``log(sigmoid(x))`` without overflow.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import ops
        >>> float(ops.log_sigmoid(-1000.0))
        -1000.0
    """
    return jax.nn.log_sigmoid(floats(x))


@op
def hard_sigmoid(x: Tensor) -> jax.Array:
    """Return ``relu6(x + 3) / 6``, a piecewise linear sigmoid.

    Args:
        x: Floats of any shape.

    Source: Howard et al., 2019, Searching for MobileNetV3.

    Example:
        >>> from kernelkit import ops
        >>> ops.hard_sigmoid([-3.0, 0.0, 3.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return jax.nn.hard_sigmoid(floats(x))


@op
def sparse_sigmoid(x: Tensor) -> jax.Array:
    """Return 0 for ``x <= -1``, ``(x + 1) / 2`` between -1 and 1, 1 for ``x >= 1``.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import ops
        >>> ops.sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.5, 1.0]
    """
    return jax.nn.sparse_sigmoid(floats(x))


@op
def softsign(x: Tensor) -> jax.Array:
    """Return ``x / (1 + |x|)``.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import ops
        >>> ops.softsign([-1.0, 3.0]).tolist()
        [-0.5, 0.75]
    """
    return jax.nn.soft_sign(floats(x))


@op
def hard_tanh(x: Tensor) -> jax.Array:
    """Return ``x`` clipped to [-1, 1].

    Args:
        x: Numbers of any shape.

    Example:
        >>> from kernelkit import ops
        >>> ops.hard_tanh([-3.0, 0.5]).tolist()
        [-1.0, 0.5]
    """
    return jax.nn.hard_tanh(jnp.asarray(x))


@op
def tanh_shrink(x: Tensor) -> jax.Array:
    """Return ``x - tanh(x)``.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import ops
        >>> float(ops.tanh_shrink(0.0))
        0.0
    """
    x = floats(x)
    return x - jnp.tanh(x)


@op
def soft_shrink(x: Tensor, threshold: float = 0.5) -> jax.Array:
    """Move ``x`` towards zero by a threshold, but not beyond zero.

    Args:
        x: Floats of any shape.
        threshold: The distance, >= 0.

    Example:
        >>> from kernelkit import ops
        >>> ops.soft_shrink([-2.0, 0.25, 2.0]).tolist()
        [-1.5, 0.0, 1.5]
    """
    x = floats(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, jnp.zeros_like(x)))


@op
def hard_shrink(x: Tensor, threshold: float = 0.5) -> jax.Array:
    """Return ``x`` where its absolute value exceeds a threshold, else 0.

    Args:
        x: Floats of any shape.
        threshold: The threshold.

    Example:
        >>> from kernelkit import ops
        >>> ops.hard_shrink([-2.0, 0.25]).tolist()
        [-2.0, 0.0]
    """
    x = floats(x)
    return jnp.where(jnp.abs(x) > threshold, x, jnp.zeros_like(x))
