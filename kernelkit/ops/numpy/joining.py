"""Joining, splitting, repeating and padding arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.dispatch import op
from kernelkit.inference import eval_spec
from kernelkit.known_sizes import as_ints, stays_known
from kernelkit.ops.rows import as_array, needs_values
from kernelkit.ops.unknown_sizes import checked_axis, joined_spec, piled_spec, stacked_spec, with_spec
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Sizes, Tensor


@with_spec(joined_spec)
@op
@stays_known
def concatenate(xs: Tensor, axis: int | None = 0) -> jax.Array:
    """Join arrays along an existing axis.

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
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> jax.Array:
    """Join two arrays.

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
@stays_known
def stack(x: Tensor, axis: int = 0) -> jax.Array:
    """Join arrays of one shape along a new axis.

    Args:
        x: List of arrays.
        axis: Position of the new axis in the result.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.stack([[1, 2], [3, 4]], axis=1))
        [[1 3]
         [2 4]]
    """
    return jnp.stack([as_array(v) for v in x], axis)


@with_spec(piled_spec(axis=1))
@op
def hstack(xs: Tensor) -> jax.Array:
    """Join arrays side by side: along the second axis, or the first axis for vectors.

    Args:
        xs: List of arrays.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.hstack([[1, 2], [3]]))
        [1 2 3]
    """
    return jnp.hstack([as_array(x) for x in xs])


@with_spec(piled_spec(axis=0))
@op
def vstack(xs: Tensor) -> jax.Array:
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


@with_spec(piled_spec(axis=2))
@op
def dstack(xs: Tensor) -> jax.Array:
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


def _sections(indices_or_sections: Sizes) -> Any:
    if isinstance(indices_or_sections, int):
        return indices_or_sections
    return tuple(int(i) for i in indices_or_sections)


@op
def split(x: Tensor, indices_or_sections: Sizes, axis: int = 0) -> list:
    """Cut an array into parts along an axis.

    Args:
        x: Array-like.
        indices_or_sections: Int: the number of equal parts; or the positions to cut at.
        axis: The axis.

    Returns:
        List of arrays.

    Raises:
        ValueError: If the axis cannot be divided into that many equal parts.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.split([1, 2, 3, 4], [1, 3])]
        [[1], [2, 3], [4]]
    """
    x = as_array(x)
    return list(jnp.split(x, _sections(as_ints(indices_or_sections)), checked_axis(axis, x.ndim, "split")))


@op
def array_split(x: Tensor, indices_or_sections: Sizes, axis: int = 0) -> list:
    """Cut an array into parts along an axis; if the size doesn't divide evenly, the first parts are longer by one.

    Args:
        x: Array-like.
        indices_or_sections: Int: the number of parts; or the positions to cut at.
        axis: The axis.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.array_split([1, 2, 3], 2)]
        [[1, 2], [3]]
    """
    return list(jnp.array_split(as_array(x), _sections(as_ints(indices_or_sections)), axis))


@op
def hsplit(x: Tensor, indices_or_sections: Sizes) -> list:
    """Cut an array along its second axis, a vector along its only axis. Arguments as :func:`split`.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.hsplit([[1, 2], [3, 4]], 2)]
        [[[1], [3]], [[2], [4]]]
    """
    return list(jnp.hsplit(as_array(x), _sections(as_ints(indices_or_sections))))


@op
def vsplit(x: Tensor, indices_or_sections: Sizes) -> list:
    """Cut an array along its first axis. Arguments as :func:`split`.

    Example:
        >>> from kernelkit import ops
        >>> [part.tolist() for part in ops.vsplit([[1, 2], [3, 4]], 2)]
        [[[1, 2]], [[3, 4]]]
    """
    return list(jnp.vsplit(as_array(x), _sections(as_ints(indices_or_sections))))


@op
def dsplit(x: Tensor, indices_or_sections: Sizes) -> list:
    """Cut an array along its third axis. Arguments as :func:`split`.

    Example:
        >>> from kernelkit import ops
        >>> [part.shape for part in ops.dsplit(ops.zeros((2, 3, 4)), 2)]
        [(2, 3, 2), (2, 3, 2)]
    """
    return list(jnp.dsplit(as_array(x), _sections(as_ints(indices_or_sections))))


def _repeat_spec(row: Callable, x: Tensor, repeats: Any, axis: int | None = None) -> Tensor:
    """Return the symbolic result; an unknown size stays unknown."""
    if axis is not None and np.ndim(repeats) and x.shape[axis] is None:
        return KerasTensor([None if i == axis % x.ndim else size for i, size in enumerate(x.shape)], dtype=x.dtype)
    return eval_spec(row, x, repeats, axis)


@with_spec(_repeat_spec)
@op
def repeat(x: Tensor, repeats: Any, axis: int | None = None) -> jax.Array:
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
        repeats, x = as_ints(repeats), as_array(x)
        if jax.export.is_symbolic_dim(repeats):  # an open size, while a model is exported
            x, axis = (x.reshape(-1), 0) if axis is None else (x, axis % x.ndim)
            before, after = x.shape[: axis + 1], x.shape[axis + 1 :]
            copies = jnp.broadcast_to(jnp.expand_dims(x, axis + 1), (*before, repeats, *after))
            return copies.reshape(*before[:-1], before[-1] * repeats, *after)
        return jnp.repeat(x, repeats if isinstance(repeats, jax.Array) else np.asarray(repeats), axis)


@op
def tile(x: Tensor, repeats: Any) -> jax.Array:
    """Repeat the whole array.

    Args:
        x: Array-like.
        repeats: Int or tuple of ints: number of repetitions along each axis; fewer ints apply to the last axes.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.tile([1, 2], 2))
        [1 2 1 2]
    """
    repeats = as_ints(repeats)
    return jnp.tile(as_array(x), tuple(repeats) if isinstance(repeats, list) else repeats)


@op
def pad(x: Tensor, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> jax.Array:
    """Add elements around an array.

    Args:
        x: Array-like.
        pad_width: ``(before, after)`` for each axis; one pair or one int applies to all axes.
        mode: ``"constant"``, ``"edge"``, ``"reflect"``, ``"symmetric"``, ``"wrap"``, ``"linear_ramp"``, ``"maximum"``,
            ``"mean"``, ``"median"``, ``"minimum"`` or ``"empty"``.
        constant_values: Value of the new elements in the mode ``"constant"``, 0 by default.

    Raises:
        ValueError: If ``constant_values`` is given with another mode.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.pad([1, 2], (1, 2)))
        [0 1 2 0 0]
    """
    if constant_values is None:
        return jnp.pad(as_array(x), pad_width, mode)
    if mode != "constant":
        raise ValueError(
            f"pad(): Argument `constant_values` can only be provided when `mode == 'constant'`, got mode={mode!r}."
        )
    return jnp.pad(as_array(x), pad_width, mode, constant_values=constant_values)
