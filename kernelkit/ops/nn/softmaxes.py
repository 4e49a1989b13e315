"""Scores turned into probabilities."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
from jax import lax

from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.ops.rows import as_axes
from kernelkit.tracebacks import users_level
from kernelkit.typing import Axis, Tensor


@op
def softmax(x: Tensor, axis: Axis = -1) -> jax.Array:
    """Return ``exp(x) / sum(exp(x))``: positive values that add up to one.

    Args:
        x: Floats of any shape.
        axis: Axis or axes along which the result adds up to one; all axes for ``None``.

    Example:
        >>> from kernelkit import ops
        >>> ops.softmax([0.0, 0.0]).tolist()
        [0.5, 0.5]
    """
    x = floats(x)
    one_axis = isinstance(axis, int) and -x.ndim <= axis < x.ndim
    if one_axis and x.shape[axis] == 1:
        warnings.warn(
            f"softmax() over axis {axis}, which has size 1: the result is 1 everywhere. For a single probability use "
            "sigmoid().",
            stacklevel=users_level(),
        )
    if one_axis and x.dtype in ("float32", "float64") and isinstance(x, jax.core.Tracer):
        return _softmax(x, axis % x.ndim)
    return jax.nn.softmax(x, axis=as_axes(axis))


def _softmax(x: jax.Array, axis: int) -> jax.Array:
    """Return the operations of ``jax.nn.softmax``, which takes three times as long to trace."""
    kept = tuple(i for i in range(x.ndim) if i != axis)
    largest = lax.stop_gradient(lax.reduce_max(x, (axis,)))
    exponentials = lax.exp(lax.sub(x, lax.broadcast_in_dim(largest, x.shape, kept)))
    total = lax.reduce_sum(exponentials, (axis,))
    return lax.div(exponentials, lax.broadcast_in_dim(total, x.shape, kept))


@op
def log_softmax(x: Tensor, axis: Axis = -1) -> jax.Array:
    """Return the logarithm of :func:`softmax`, accurate for small probabilities too.

    Args:
        x: Floats of any shape.
        axis: Axis or axes along which the probabilities add up to one; all axes for ``None``.

    Example:
        >>> from kernelkit import ops
        >>> ops.log_softmax([0.0, -1000.0]).tolist()
        [0.0, -1000.0]
    """
    return jax.nn.log_softmax(floats(x), axis=as_axes(axis))


@op
def sparsemax(x: Tensor, axis: int = -1) -> jax.Array:
    """Return the probabilities nearest to ``x``; many of them are exactly zero.

    Args:
        x: Floats of any shape.
        axis: Axis along which the probabilities add up to one.

    Source: Martins and Astudillo, 2016, From softmax to sparsemax.

    Example:
        >>> from kernelkit import ops
        >>> ops.sparsemax([0.0, 0.5, 3.0]).tolist()
        [0.0, 0.0, 1.0]
    """
    scores = jnp.moveaxis(floats(x), axis, -1)
    ordered = -jnp.sort(-scores, axis=-1)
    sums = jnp.cumsum(ordered, axis=-1)
    ranks = jnp.arange(1, scores.shape[-1] + 1, dtype=scores.dtype)
    in_support = 1 + ranks * ordered > sums
    size = jnp.sum(in_support, axis=-1, keepdims=True)
    threshold = (jnp.take_along_axis(sums, size - 1, axis=-1) - 1) / size.astype(scores.dtype)
    return jnp.moveaxis(jnp.maximum(scores - threshold, 0), -1, axis)
