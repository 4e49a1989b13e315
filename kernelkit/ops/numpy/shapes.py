"""Changing shapes: reshaping, and moving and reversing axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import scope
from kernelkit.dispatch import op
from kernelkit.known_sizes import as_ints, as_shape, stays_known
from kernelkit.ops.rows import as_array, as_axes
from kernelkit.ops.unknown_sizes import (
    broadcast_to_spec,
    checked_axis,
    reshape_spec,
    with_spec,
)
from kernelkit.typing import SizeList, Tensor


@with_spec(reshape_spec)
@op
def reshape(x: Tensor, newshape: Any) -> jax.Array:
    """Return the elements of ``x``, in the same order, in another shape.

    Args:
        x: Array-like.
        newshape: Int or tuple of ints; one may be -1, which is inferred. ``None`` (as in ``ops.shape`` of a symbolic
            tensor) keeps the size of ``x`` on that axis.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.reshape([1, 2, 3, 4], (2, -1)))
        [[1 2]
         [3 4]]
    """
    x, newshape = as_array(x), as_ints(newshape)
    sizes = list(newshape) if isinstance(newshape, Sequence) else newshape
    if isinstance(sizes, list):
        _check_sizes(sizes, newshape)
    if isinstance(sizes, list) and None in sizes:
        if sizes.count(None) == 1 and -1 not in sizes:
            sizes[sizes.index(None)] = -1
        elif _is_looked_at(x):
            raise TypeError(f"reshape(): sizes of {newshape} are unknown. They are known when the model runs on data.")
        sizes = [x.shape[i] if size is None else size for i, size in enumerate(sizes)]
    return jnp.reshape(x, sizes)


def _is_looked_at(x: jax.Array) -> bool:
    """Return whether a concrete array is used in code that runs on symbolic tensors only to infer shapes."""
    return scope.in_symbolic_scope() and not isinstance(x, jax.core.Tracer)


def _check_sizes(sizes: list, newshape: Any) -> None:
    plain = [size for size in sizes if isinstance(size, int)]
    if any(size < -1 for size in plain):
        raise ValueError(
            f"reshape(): each size must be a non-negative integer, or -1 for an inferred size; got newshape={newshape}."
        )
    if plain.count(-1) > 1:
        raise ValueError(f"reshape(): there can be at most one unknown dimension (-1), got newshape={newshape}.")


@op
def ravel(x: Tensor) -> jax.Array:
    """Return the elements of ``x`` as a one-dimensional array.

    Args:
        x: Array-like.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.ravel([[1, 2], [3, 4]]))
        [1 2 3 4]
    """
    return jnp.ravel(as_array(x))


@op
@stays_known
def expand_dims(x: Tensor, axis: Any) -> jax.Array:
    """Insert axes of size one.

    Args:
        x: Array-like.
        axis: Int or tuple of ints: positions of the new axes in the result.

    Example:
        >>> from kernelkit import ops
        >>> ops.expand_dims([1, 2], 0).shape
        (1, 2)
    """
    return jnp.expand_dims(as_array(x), as_axes(axis))


@op
def squeeze(x: Tensor, axis: Any = None) -> jax.Array:
    """Remove axes of size one.

    Args:
        x: Array-like.
        axis: Int or tuple of ints: the axes to remove; all of size one for ``None``.

    Example:
        >>> from kernelkit import ops
        >>> ops.squeeze([[1, 2]]).shape
        (2,)
    """
    return jnp.squeeze(as_array(x), as_axes(axis))


@op
def transpose(x: Tensor, axes: Any = None) -> jax.Array:
    """Return ``x`` with its axes in another order.

    Args:
        x: Array-like.
        axes: The old axes in their new order; reversed for ``None``.

    Example:
        >>> from kernelkit import ops
        >>> ops.transpose(ops.zeros((2, 3, 4)), (1, 0, 2)).shape
        (3, 2, 4)
    """
    x, axes = as_array(x), as_ints(axes)
    if axes is not None:
        _check_order(list(axes), x)
    return jnp.transpose(x, axes)


def _check_order(axes: list, x: jax.Array) -> None:
    rank = f"got axes={axes} for the shape {x.shape}"
    if len(axes) != x.ndim:
        raise ValueError(f"transpose(): `axes` must be a list of the same length as the input shape, {rank}.")
    if not all(-x.ndim <= axis < x.ndim for axis in axes):
        raise ValueError(f"transpose(): Each axis in `axes` must be an integer in [-{x.ndim}, {x.ndim}), {rank}.")
    if len({axis % x.ndim for axis in axes}) != x.ndim:
        raise ValueError(f"transpose(): `axes` must be a valid permutation of the axes, {rank}.")


@op
def moveaxis(x: Tensor, source: Any, destination: Any) -> jax.Array:
    """Move axes to other places; the others keep their order.

    Args:
        x: Array-like.
        source: Int or ints: axes to move.
        destination: Int or ints: positions of these axes in the result.

    Example:
        >>> from kernelkit import ops
        >>> ops.moveaxis(ops.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    x = as_array(x)
    for axis in np.ravel([*np.atleast_1d(source), *np.atleast_1d(destination)]):
        checked_axis(int(axis), x.ndim, "moveaxis")
    return jnp.moveaxis(x, source, destination)


@op
def swapaxes(x: Tensor, axis1: int, axis2: int) -> jax.Array:
    """Exchange two axes.

    Args:
        x: Array-like.
        axis1: One axis.
        axis2: The other axis.

    Example:
        >>> from kernelkit import ops
        >>> ops.swapaxes(ops.zeros((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    x = as_array(x)
    return jnp.swapaxes(x, *(checked_axis(axis, x.ndim, "swapaxes") for axis in (axis1, axis2)))


@with_spec(broadcast_to_spec)
@op
def broadcast_to(x: Tensor, shape: SizeList) -> jax.Array:
    """Repeat ``x`` along axes of size one until it has a shape.

    Args:
        x: Array-like.
        shape: Tuple of ints; ``None`` keeps the size of ``x`` on that axis, counted from the last.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.broadcast_to([1, 2], (2, 2)))
        [[1 2]
         [1 2]]
    """
    x, shape = as_array(x), as_shape(shape)
    if None in shape and _is_looked_at(x):
        raise TypeError(
            f"broadcast_to(): a size of {tuple(shape)} is unknown. It is known when the model runs on data."
        )
    sizes = tuple(x.shape[i - len(shape)] if size is None else size for i, size in enumerate(shape))
    return jnp.broadcast_to(x, sizes)


@op
def flip(x: Tensor, axis: Any = None) -> jax.Array:
    """Reverse the order of the elements along axes.

    Args:
        x: Array-like.
        axis: Int or tuple of ints: the axes; all axes for ``None``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.flip([1, 2, 3]))
        [3 2 1]
    """
    return jnp.flip(as_array(x), as_axes(axis))


@op
def fliplr(x: Tensor) -> jax.Array:
    """Reverse the second axis (left to right).

    Args:
        x: Array-like of two axes or more.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.fliplr([[1, 2, 3]]))
        [[3 2 1]]
    """
    return jnp.fliplr(as_array(x))


@op
def flipud(x: Tensor) -> jax.Array:
    """Reverse the first axis (up to down).

    Args:
        x: Array-like of one axis or more.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.flipud([1, 2, 3]))
        [3 2 1]
    """
    return jnp.flipud(as_array(x))


@op
def rot90(array: Tensor, k: int = 1, axes: tuple[int, int] = (0, 1)) -> jax.Array:
    """Rotate an array by multiples of 90 degrees in the plane of two axes.

    Args:
        array: Array-like of two axes or more.
        k: Number of rotations by 90 degrees, from the first axis towards the second.
        axes: The two axes.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.rot90([[1, 2], [3, 4]]))
        [[2 4]
         [1 3]]
    """
    return jnp.rot90(as_array(array), k, (axes[0], axes[1]))


@op
def roll(x: Tensor, shift: Tensor, axis: Any = None) -> jax.Array:
    """Shift elements along axes; elements that leave at one end enter at the other.

    Args:
        x: Array-like.
        shift: Int or tuple of ints: number of positions.
        axis: Int or tuple of ints: the axes; ``None`` rolls the flat array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.roll([1, 2, 3, 4], 1))
        [4 1 2 3]
    """
    return jnp.roll(as_array(x), shift, as_axes(axis))
