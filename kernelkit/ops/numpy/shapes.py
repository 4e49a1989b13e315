"""Changing shapes: reshaping, moving axes, joining, splitting, repeating, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.rows import as_array, as_axes, as_operand, needs_values
from kernelkit.ops.unknown_sizes import broadcast_to_spec, joined_spec, reshape_spec, stacked_spec, with_spec


@with_spec(reshape_spec)
@op
def reshape(x: Any, newshape: Any) -> jax.Array:
    """Return the elements of ``x``, in their order, in another shape.

    Args:
        x: Array-like.
        newshape: Int or tuple of ints; one may be -1, which takes what is left. ``None`` (what ``ops.shape`` gives for
            an unknown size) keeps the size that ``x`` has on that axis.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.reshape([1, 2, 3, 4], (2, -1)))
        [[1 2]
         [3 4]]
    """
    x = as_array(x)
    sizes = list(newshape) if isinstance(newshape, Sequence) else newshape
    if isinstance(sizes, list) and None in sizes:
        if sizes.count(None) == 1 and -1 not in sizes:
            sizes[sizes.index(None)] = -1
        sizes = [x.shape[i] if size is None else size for i, size in enumerate(sizes)]
    return jnp.reshape(x, sizes)


@op
def ravel(x: Any) -> jax.Array:
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
def expand_dims(x: Any, axis: Any) -> jax.Array:
    """Insert axes of size one.

    Args:
        x: Array-like.
        axis: Int or tuple of ints: where the new axes stand in the result.

    Example:
        >>> from kernelkit import ops
        >>> ops.expand_dims([1, 2], 0).shape
        (1, 2)
    """
    return jnp.expand_dims(as_array(x), as_axes(axis))


@op
def squeeze(x: Any, axis: Any = None) -> jax.Array:
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
def transpose(x: Any, axes: Any = None) -> jax.Array:
    """Return ``x`` with its axes in another order.

    Args:
        x: Array-like.
        axes: The old axes in their new order; reversed for ``None``.

    Example:
        >>> from kernelkit import ops
        >>> ops.transpose(ops.zeros((2, 3, 4)), (1, 0, 2)).shape
        (3, 2, 4)
    """
    return jnp.transpose(as_array(x), axes)


@op
def moveaxis(x: Any, source: Any, destination: Any) -> jax.Array:
    """Move axes to other places; the others keep their order.

    Args:
        x: Array-like.
        source: Int or ints: axes to move.
        destination: Int or ints: where they stand in the result.

    Example:
        >>> from kernelkit import ops
        >>> ops.moveaxis(ops.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    return jnp.moveaxis(as_array(x), source, destination)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> jax.Array:
    """Exchange two axes.

    Args:
        x: Array-like.
        axis1: One axis.
        axis2: The other.

    Example:
        >>> from kernelkit import ops
        >>> ops.swapaxes(ops.zeros((2, 3, 4)), 0, 2).shape
        (4, 3, 2)
    """
    return jnp.swapaxes(as_array(x), axis1, axis2)


@with_spec(broadcast_to_spec)
@op
def broadcast_to(x: Any, shape: Any) -> jax.Array:
    """Repeat ``x`` along axes of size one until it has a shape.

    Args:
        x: Array-like.
        shape: Tuple of ints; ``None`` keeps the size that ``x`` has on that axis, counted from the last.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.broadcast_to([1, 2], (2, 2)))
        [[1 2]
         [1 2]]
    """
    x = as_array(x)
    sizes = tuple(x.shape[i - len(shape)] if size is None else size for i, size in enumerate(shape))
    return jnp.broadcast_to(x, sizes)


@op
def flip(x: Any, axis: Any = None) -> jax.Array:
    """Reverse the order of the elements along axes.

    Args:
        x: Array-like.
        axis: Int or tuple of ints: the axes; all of them for ``None``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.flip([1, 2, 3]))
        [3 2 1]
    """
    return jnp.flip(as_array(x), as_axes(axis))


@op
def fliplr(x: Any) -> jax.Array:
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
def flipud(x: Any) -> jax.Array:
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
def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> jax.Array:
    """Turn an array by quarter turns in the plane of two axes.

    Args:
        array: Array-like of two axes or more.
        k: Number of quarter turns, from the first of the axes towards the second.
        axes: The two axes.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.rot90([[1, 2], [3, 4]]))
        [[2 4]
         [1 3]]
    """
    return jnp.rot90(as_array(array), k, (axes[0], axes[1]))


@op
def roll(x: Any, shift: Any, axis: Any = None) -> jax.Array:
    """Shift elements along axes; those that leave at one end come in at the other.

    Args:
        x: Array-like.
        shift: Int or tuple of ints: how many places.
        axis: Int or tuple of ints: the axes; ``None`` rolls the flat array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.roll([1, 2, 3, 4], 1))
        [4 1 2 3]
    """
    return jnp.roll(as_array(x), shift, as_axes(axis))


@with_spec(joined_spec)
@op
def concatenate(xs: Any, axis: int | None = 0) -> jax.Array:
    """Join arrays along an axis that they have.

    Args:
        xs: List of arrays whose shapes differ on that axis only.
        axis: The axis; ``None`` joins the flat arrays.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.concatenate([[1, 2], [3]]))
        [1 2 3]
    """
    return jnp.concatenate([as_array(x) for x in xs], axis)


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> jax.Array:
    """Put one array behind another.

    Args:
        x1: Array-like.
        x2: Array-like.
        axis: The axis to join along; ``None`` joins the flat arrays.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.append([1, 2], [3]))
        [1 2 3]
    """
    return jnp.append(as_array(x1), as_array(x2), axis)


@with_spec(stacked_spec)
@op
def stack(x: Any, axis: int = 0) -> jax.Array:
    """Join arrays of one shape along a new axis.

    Args:
        x: List of arrays.
        axis: Where the new axis stands in the result.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.stack([[1, 2], [3, 4]], axis=1))
        [[1 3]
         [2 4]]
    """
    return jnp.stack([as_array(v) for v in x], axis)


@op
def hstack(xs: Any) -> jax.Array:
    """Join arrays side by side: along the second axis, vectors along the first.

    Args:
        xs: List of arrays.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.hstack([[1, 2], [3]]))
        [1 2 3]
    """
    return jnp.hstack([as_array(x) for x in xs])


@op
def vstack(xs: Any) -> jax.Array:
    """Join arrays one below the other: along the first axis, vectors as rows.

    Args:
        xs: List of arrays.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.vstack([[1, 2], [3, 4]]))
        [[1 2]
         [3 4]]
    """
    return jnp.vstack([as_array(x) for x in xs])


@op
def dstack(xs: Any) -> jax.Array:
    """Join arrays along the third axis.

    Args:
        xs: List of arrays; vectors become (1, n, 1), matrices (m, n, 1).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.dstack([[1, 2], [3, 4]]))
        [[[1 3]
          [2 4]]]
    """
    return jnp.dstack([as_array(x) for x in xs])


def _sections(indices_or_sections: Any) -> Any:
    if isinstance(indices_or_sections, int):
        return indices_or_sections
    return tuple(int(i) for i in indices_or_sections)


@op
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Cut an array into parts along an axis.

    Args:
        x: Array-like.
        indices_or_sections: Int: the number of equal parts; or the positions to cut at.
        axis: The axis.

    Returns:
        List of arrays.

    Raises:
        ValueError: If the axis doesn't divide into that many equal parts.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.split([1, 2, 3, 4], [1, 3])]
        [[1], [2, 3], [4]]
    """
    return list(jnp.split(as_array(x), _sections(indices_or_sections), axis))


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Cut an array into parts along an axis, the first ones longer by one where it doesn't divide evenly.

    Args:
        x: Array-like.
        indices_or_sections: Int: the number of parts; or the positions to cut at.
        axis: The axis.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.array_split([1, 2, 3], 2)]
        [[1, 2], [3]]
    """
    return list(jnp.array_split(as_array(x), _sections(indices_or_sections), axis))


@op
def hsplit(x: Any, indices_or_sections: Any) -> list:
    """Cut an array along its second axis, a vector along its only one. Arguments as :func:`split`.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.hsplit([[1, 2], [3, 4]], 2)]
        [[[1], [3]], [[2], [4]]]
    """
    return list(jnp.hsplit(as_array(x), _sections(indices_or_sections)))


@op
def vsplit(x: Any, indices_or_sections: Any) -> list:
    """Cut an array along its first axis. Arguments as :func:`split`.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.vsplit([[1, 2], [3, 4]], 2)]
        [[[1, 2]], [[3, 4]]]
    """
    return list(jnp.vsplit(as_array(x), _sections(indices_or_sections)))


@op
def dsplit(x: Any, indices_or_sections: Any) -> list:
    """Cut an array along its third axis. Arguments as :func:`split`.

    Example:
        >>> from kernelkit import ops
        >>> [part.shape for part in ops.dsplit(ops.zeros((2, 3, 4)), 2)]
        [(2, 3, 2), (2, 3, 2)]
    """
    return list(jnp.dsplit(as_array(x), _sections(indices_or_sections)))


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> jax.Array:
    """Repeat each element.

    Args:
        x: Array-like.
        repeats: Int, or ints for each element along the axis.
        axis: The axis; ``None`` repeats the elements of the flat array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.repeat([1, 2], 2))
        [1 1 2 2]
    """
    with needs_values("repeat", "Give `repeats` as ints."):
        return jnp.repeat(as_array(x), as_operand(repeats), axis)


@op
def tile(x: Any, repeats: Any) -> jax.Array:
    """Repeat the whole array.

    Args:
        x: Array-like.
        repeats: Int or tuple of ints: how often along each axis, the last ones if there are fewer.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.tile([1, 2], 2))
        [1 2 1 2]
    """
    return jnp.tile(as_array(x), repeats)


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> jax.Array:
    """Put elements around an array.

    Args:
        x: Array-like.
        pad_width: ``(before, after)`` for each axis; one pair or one int holds for all axes.
        mode: ``"constant"``, ``"edge"``, ``"reflect"``, ``"symmetric"``, ``"wrap"``, ``"linear_ramp"``, ``"maximum"``,
            ``"mean"``, ``"median"``, ``"minimum"`` or ``"empty"``.
        constant_values: What is put there in the mode ``"constant"``, 0 by default.

    Raises:
        ValueError: If ``constant_values`` comes with another mode.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.pad([1, 2], (1, 2)))
        [0 1 2 0 0]
    """
    if constant_values is None:
        return jnp.pad(as_array(x), pad_width, mode)
    if mode != "constant":
        raise ValueError(f"pad() takes `constant_values` only with mode='constant', got mode={mode!r}.")
    return jnp.pad(as_array(x), pad_width, mode, constant_values=constant_values)
