"""Picking elements: by index, by condition, on diagonals and in triangles."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.dispatch import op
from kernelkit.ops.core import shape as shape_of
from kernelkit.ops.rows import as_array, needs_values
from kernelkit.ops.unknown_sizes import along_axis_spec, capped_spec, checked_axis, integer_spec, with_spec
from kernelkit.symbolic import KerasTensor, is_keras_tensor
from kernelkit.typing import KnownShape, Tensor


def _item_spec(row: Callable, x: Tensor, key: Tensor) -> Tensor:
    """Return the symbolic part of an array; an index that is surely out of bounds is an error."""
    keys = list(key) if isinstance(key, tuple) else [key]
    dots = [i for i, k in enumerate(keys) if k is Ellipsis]
    before = [k for k in keys[: dots[0] if dots else None] if k is not None]
    after = [k for k in keys[dots[0] + 1 :] if k is not None] if dots else []
    if len(dots) > 1 or len(before) + len(after) > len(x.shape):
        raise ValueError(f"x[{key}] has more indices than x of shape {x.shape} has axes, or more than one `...`.")
    for axis, index in [*enumerate(before), *((i - len(after), k) for i, k in enumerate(after))]:
        if any(str(getattr(k, "dtype", "")) == "bool" for k in keys):
            break  # an array of booleans may index several axes
        size = x.shape[axis]
        if type(index) is int and size is not None and not -size <= index < size:
            raise ValueError(f"x[{key}]: index {index} is out of bounds for axis {axis} of x of shape {x.shape}.")
    return capped_spec(row, x, key)


@with_spec(_item_spec)
@op
def get_item(x: Tensor, key: Tensor) -> jax.Array:
    """Return ``x[key]``.

    Args:
        x: Array-like.
        key: Index, slice, array of indices or booleans, ``None``, ``...``, or a tuple of these.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.get_item([[1, 2], [3, 4]], (slice(None), 0)))
        [1 3]
    """
    with needs_values("x[condition]", "Use where(condition, x, other), which keeps the shape."):
        return as_array(x)[_index(key)]


def _index(key: Tensor) -> Tensor:
    if isinstance(key, tuple):
        return tuple(_index(k) for k in key)
    return as_array(key) if isinstance(key, list) else key


@with_spec(integer_spec("indices"))
@op
def take(x: Tensor, indices: Tensor, axis: int | None = None) -> jax.Array:
    """Return the slices of ``x`` at some indices.

    Args:
        x: Array-like.
        indices: Integers of any shape, which replaces the axis in the result; negative indices count from the end.
        axis: The axis; ``None`` takes from the flat array.

    Returns:
        Array; NaN (or the smallest integer) where an index is out of bounds.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.take([10, 20, 30], [2, 0, 0]))
        [30 10 10]
    """
    return jnp.take(as_array(x), as_array(indices), axis)


@with_spec(along_axis_spec)
@op
def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> jax.Array:
    """Pick elements along an axis, with separate indices for each position on the other axes.

    Args:
        x: Array-like.
        indices: Integers of as many axes as ``x``.
        axis: The axis; ``None`` takes from the flat array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1))
        [[20]
         [30]]
    """
    x, indices = as_array(x), as_array(indices)
    if axis is not None:
        checked_axis(axis, x.ndim, "take_along_axis")
        jnp.broadcast_shapes(*(tuple(np.delete(v.shape, axis).tolist()) for v in (x, indices)))
    return jnp.take_along_axis(x, indices, axis)


def _nonzero_spec(_: Callable, x: Tensor) -> tuple:
    """Return symbolic indices; their number depends on values and is unknown."""
    return tuple(KerasTensor((None,), dtype="int32") for _ in x.shape)


@with_spec(_nonzero_spec)
@op
def nonzero(x: Tensor) -> tuple:
    """Return the indices of the elements that are not zero.

    Args:
        x: Array-like.

    Returns:
        Tuple of int32 arrays, one for each axis.

    Raises:
        ValueError: Inside jit, since the size of the result depends on values.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.nonzero([0, 5, 6])[0])
        [1 2]
    """
    with needs_values("nonzero", "Use where(condition, x1, x2) or a mask, which keep the shape."):
        return jnp.nonzero(jax.lax.stop_gradient(as_array(x)))


@op
def unravel_index(indices: Tensor, shape: KnownShape) -> tuple:
    """Turn indices into a flat array into indices for each axis.

    Args:
        indices: Integers of any shape.
        shape: Shape of the array.

    Returns:
        Tuple of integer arrays, one for each axis.

    Example:
        >>> from kernelkit import ops
        >>> [int(i) for i in ops.unravel_index(5, (2, 3))]
        [1, 2]
    """
    return jnp.unravel_index(as_array(indices), shape)


@with_spec(capped_spec)
@op
def diag(x: Tensor, k: int = 0) -> jax.Array:
    """Return the diagonal of a matrix, or the matrix with a vector on its diagonal.

    Args:
        x: Array-like of one or two axes.
        k: Which diagonal: 0 the main one, positive above it, negative below.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.diag([1, 2]))
        [[1 0]
         [0 2]]
    """
    return jnp.diag(as_array(x), k)


def _diagflat_spec(_: Callable, x: Tensor, k: int = 0) -> KerasTensor:
    """Return the symbolic matrix."""
    size = None if None in x.shape else math.prod(x.shape) + abs(k)
    return KerasTensor((size, size), dtype=x.dtype)


@with_spec(_diagflat_spec)
@op
def diagflat(x: Tensor, k: int = 0) -> jax.Array:
    """Return a matrix with the elements of ``x`` on its diagonal.

    Args:
        x: Array-like of any shape.
        k: Which diagonal: 0 the main one, positive above it, negative below.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.diagflat([[1, 2]]))
        [[1 0]
         [0 2]]
    """
    return jnp.diagflat(as_array(x), k)


@with_spec(capped_spec)
@op
def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    """Return the diagonals in the planes of two axes.

    Args:
        x: Array-like of two axes or more.
        offset: Which diagonal: 0 the main one, positive above it, negative below.
        axis1: Axis of the rows.
        axis2: Axis of the columns.

    Returns:
        Array without the two axes; the diagonal is the last axis.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.diagonal([[1, 2], [3, 4]]))
        [1 4]
    """
    x = as_array(x)
    if checked_axis(axis1, x.ndim, "diagonal") == checked_axis(axis2, x.ndim, "diagonal"):
        raise ValueError(f"diagonal() needs two different axes, got axis1={axis1} and axis2={axis2}.")
    return jnp.diagonal(x, offset, axis1, axis2)


@op
def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    """Return the sum along diagonals.

    Args:
        x: Array-like of two axes or more.
        offset: Which diagonal: 0 the main one, positive above it, negative below.
        axis1: Axis of the rows.
        axis2: Axis of the columns.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.trace([[1, 2], [3, 4]]))
        5
    """
    return jnp.trace(as_array(x), offset, axis1, axis2)


@op
def tril(x: Tensor, k: int = 0) -> jax.Array:
    """Return ``x`` with zeros above a diagonal.

    Args:
        x: Array-like (..., rows, columns).
        k: Which diagonal: 0 the main one, positive above it, negative below.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.tril([[1, 2], [3, 4]]))
        [[1 0]
         [3 4]]
    """
    return jnp.tril(as_array(x), k)


@op
def triu(x: Tensor, k: int = 0) -> jax.Array:
    """Return ``x`` with zeros below a diagonal.

    Args:
        x: Array-like (..., rows, columns).
        k: Which diagonal: 0 the main one, positive above it, negative below.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.triu([[1, 2], [3, 4]]))
        [[1 2]
         [0 4]]
    """
    return jnp.triu(as_array(x), k)


def size(x: Tensor) -> int | Tensor:
    """Return the number of elements.

    Args:
        x: Array-like.

    Returns:
        Int; a symbolic int32 scalar for a symbolic tensor.

    Example:
        >>> from kernelkit import ops
        >>> ops.size([[1, 2], [3, 4]])
        4
    """
    return _symbolic_size(x) if is_keras_tensor(x) else math.prod(shape_of(x))


@op
def _symbolic_size(x: Tensor) -> jax.Array:
    return jnp.asarray(x.size, "int32")


def ndim(x: Tensor) -> int:
    """Return the number of axes.

    Args:
        x: Array-like.

    Example:
        >>> from kernelkit import ops
        >>> ops.ndim([[1, 2], [3, 4]])
        2
    """
    return len(shape_of(x))
