"""Basic operations on tensors: conversion, dtype, shape, slices, updates of parts, custom and stopped gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes
from kernelkit.dispatch import op
from kernelkit.inference import eval_spec
from kernelkit.known_sizes import as_ints, stays_known
from kernelkit.masked_arrays import unmasked
from kernelkit.ops.rows import as_array
from kernelkit.ops.unknown_sizes import checked_axis, integer_spec, with_spec
from kernelkit.sparse import is_sparse, to_dense
from kernelkit.symbolic import KerasTensor, any_symbolic, is_keras_tensor
from kernelkit.tape import TapeTensor
from kernelkit.torch_tensors import is_torch, to_numpy
from kernelkit.typing import KnownShape, ShapeLike, Tensor, Tree
from kernelkit.variable import Variable


def convert_to_tensor(x: Tensor, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Tensor:
    """Return an array-like as a tensor.

    Args:
        x: Number, nested lists, NumPy array, variable or tensor.
        dtype: Dtype of the result; by default the dtype of the values, 64-bit types as 32-bit types.
        sparse: ``False`` makes a sparse tensor dense; otherwise a tensor stays sparse or dense.
        ragged: Must not be true.

    Returns:
        A jax array, dense or sparse. Symbolic and taped tensors stay symbolic or taped.

    Example:
        >>> from kernelkit import ops
        >>> ops.convert_to_tensor([1.0, 2.0])
        Array([1., 2.], dtype=float32)
    """
    if ragged:
        raise ValueError("kernelkit has no ragged tensors. Pad the data and pass a mask.")
    if is_sparse(x) or (is_keras_tensor(x) and x.sparse):
        x = _densified(x) if sparse is False else x
        wanted = dtypes.standardize_dtype(x.dtype if dtype is None else dtype)
        return x if wanted == dtypes.standardize_dtype(x.dtype) else cast(x, wanted)
    same_dtype = dtype is None or dtypes.standardize_dtype(getattr(x, "dtype", "string")) == dtypes.standardize_dtype(
        dtype
    )
    if (same_dtype and isinstance(x, (jax.Array, TapeTensor))) or (same_dtype and is_keras_tensor(x)):
        return x
    return _convert(x, dtype)


@op
@stays_known
def _convert(x: Tensor, dtype: Any = None) -> jax.Array:
    x = to_numpy(x) if is_torch(x) else unmasked(x)
    return jnp.asarray(x, dtype=None if dtype is None else dtypes.canonical(dtype))


@op
def _densified(x: Tensor) -> jax.Array:
    return as_array(x)


def convert_to_numpy(x: Tensor) -> np.ndarray:
    """Return a copy of a tensor, a variable or an array-like as a NumPy array.

    Args:
        x: Tensor, variable or array-like with values.

    Raises:
        ValueError: For a symbolic tensor, which has no values.

    Example:
        >>> from kernelkit import ops
        >>> ops.convert_to_numpy(ops.ones((2,)))
        array([1., 1.], dtype=float32)
    """
    if is_keras_tensor(x):
        raise ValueError(
            f"convert_to_numpy(): a symbolic KerasTensor has no value, got {x!r}. Put the code that needs NumPy into a "
            "layer's call() of an eager model, or use functions of kernelkit.ops."
        )
    return np.array(to_dense(x.value if isinstance(x, (Variable, TapeTensor)) else x))


def is_tensor(x: Any) -> bool:
    """Return whether a value is a tensor: a jax array, dense or sparse, taped or not.

    Args:
        x: Any value.

    Example:
        >>> from kernelkit import ops
        >>> ops.is_tensor(ops.ones(2)), ops.is_tensor([1.0, 1.0])
        (True, False)
    """
    return isinstance(x, (jax.Array, TapeTensor)) or is_sparse(x)


def shape(x: Tensor) -> tuple:
    """Return the shape as a tuple of ints.

    Args:
        x: Array-like; unknown sizes of a symbolic tensor are ``None``.

    Example:
        >>> from kernelkit import ops
        >>> ops.shape([[1, 2, 3]])
        (1, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: Tensor) -> str:
    """Return the name of a tensor's dtype.

    Args:
        x: Array, variable or symbolic tensor.

    Example:
        >>> from kernelkit import ops
        >>> ops.dtype(ops.ones(2))
        'float32'
    """
    return dtypes.standardize_dtype(x.dtype)


@op
@stays_known
def cast(x: Tensor, dtype: Any) -> jax.Array:
    """Return ``x`` in another dtype.

    Args:
        x: Array-like.
        dtype: The dtype, such as ``"bfloat16"``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.cast([0.0, 1.7], "int32"))
        [0 1]
    """
    return as_array(x).astype(dtypes.canonical(dtype))


@op
def saturate_cast(x: Tensor, dtype: Any) -> jax.Array:
    """Return ``x`` in another dtype; values beyond the dtype's range are clipped.

    Args:
        x: Array-like.
        dtype: The dtype.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.saturate_cast([-1.0, 300.0], "uint8"))
        [  0 255]
    """
    x, target = as_array(x), jnp.dtype(dtypes.canonical(dtype))
    if x.dtype == bool:
        return x.astype(target)
    low, high = _bounds(target)
    own_low, own_high = _bounds(x.dtype)
    clipped = jnp.clip(x, jnp.asarray(max(low, own_low), x.dtype), jnp.asarray(min(high, own_high), x.dtype))
    if not (jnp.issubdtype(x.dtype, jnp.floating) and jnp.issubdtype(target, jnp.integer)):
        return clipped.astype(target)
    # The largest integer may have no exact float; rounded up, it would overflow.
    return jnp.where(x >= jnp.asarray(high, x.dtype), jnp.asarray(high, target), clipped.astype(target))


def _bounds(dtype: Any) -> tuple:
    if jnp.issubdtype(dtype, jnp.bool_):
        return 0, 1
    if jnp.issubdtype(dtype, jnp.integer):
        return int(jnp.iinfo(dtype).min), int(jnp.iinfo(dtype).max)
    return float(jnp.finfo(dtype).min), float(jnp.finfo(dtype).max)


@op
def stop_gradient(variable: Any) -> jax.Array:
    """Return the value unchanged; gradients treat it as a constant.

    Args:
        variable: Array-like or variable.

    Example:
        >>> import jax
        >>> from kernelkit import ops
        >>> float(jax.grad(lambda x: x * ops.stop_gradient(x))(3.0))
        3.0
    """
    return jax.lax.stop_gradient(as_array(variable))


def _slice_spec(row: Callable, inputs: Tensor, start_indices: Tensor, shape: KnownShape) -> Tensor:
    """Return the symbolic block; for a symbolic start, the size of -1 is unknown."""
    if not any_symbolic((start_indices,), {}) or -1 not in shape:
        return integer_spec("start_indices")(row, inputs, start_indices, shape)
    _check_block(len(inputs.shape), start_indices, shape)
    return KerasTensor([None if size == -1 else size for size in shape], dtype=inputs.dtype)


def _check_block(rank: int, start_indices: Tensor, shape: KnownShape) -> None:
    starts = start_indices.shape[0] if hasattr(start_indices, "shape") else len(start_indices)
    if rank != len(shape):
        raise ValueError(
            f"slice(): the number of dimensions in `inputs` must match the number of dimensions in `shape`, "
            f"got {rank} and shape={tuple(shape)}."
        )
    if rank != starts:
        raise ValueError(
            f"slice(): the number of dimensions in `start_indices` must match the number of dimensions in `inputs`, "
            f"got {starts} and {rank}."
        )


@with_spec(_slice_spec)
@op
def slice(inputs: Tensor, start_indices: Tensor, shape: KnownShape) -> jax.Array:
    """Cut a block out of an array. The start may be traced, the shape is fixed.

    Args:
        inputs: Array-like.
        start_indices: First index of the block on each axis.
        shape: Shape of the block; -1 takes the rest of an axis (the start must then be plain ints).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2)))
        [[2 3]
         [5 6]]
    """
    inputs, shape = as_array(inputs), as_ints(shape)
    _check_block(inputs.ndim, start_indices, shape)
    sizes = [int(inputs.shape[i]) - int(start_indices[i]) if s == -1 else s for i, s in enumerate(shape)]
    return jax.lax.dynamic_slice(inputs, start_indices, sizes)


@with_spec(integer_spec("start_indices"))
@op
def slice_update(inputs: Tree, start_indices: Tensor, updates: Tensor) -> jax.Array:
    """Return an array with a block replaced.

    Args:
        inputs: Array-like.
        start_indices: First index of the block on each axis; may be traced.
        updates: The new block.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.slice_update([1, 2, 3, 4], (1,), [20, 30]))
        [ 1 20 30  4]
    """
    inputs = as_array(inputs)
    return jax.lax.dynamic_update_slice(inputs, as_array(updates).astype(inputs.dtype), start_indices)


@with_spec(integer_spec("indices"))
@op
def scatter(indices: Tensor, values: Tensor, shape: ShapeLike) -> jax.Array:
    """Return zeros with values added at some indices; values of the same index add up.

    Args:
        indices: Integers (..., k): each row an index into the first k axes.
        values: Array-like ``(..., *shape[k:])``.
        shape: Shape of the result.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.scatter([[0], [2]], [5.0, 6.0], (4,)))
        [5. 0. 6. 0.]
    """
    values = as_array(values)
    return jnp.zeros(shape, values.dtype).at[_rows(indices)].add(values)


_REDUCTIONS = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}


@with_spec(integer_spec("indices"))
@op
def scatter_update(inputs: Tree, indices: Tensor, updates: Tensor, reduction: str | None = None) -> jax.Array:
    """Return an array with the elements at some indices replaced, or combined with new ones.

    Args:
        inputs: Array-like.
        indices: Integers (..., k): each row an index into the first k axes.
        updates: Array-like ``(..., *inputs.shape[k:])``.
        reduction: ``None`` replaces; ``"add"``, ``"max"``, ``"min"`` or ``"mul"`` combine.

    Raises:
        ValueError: If ``reduction`` is unknown.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.scatter_update([1, 2, 3], [[0], [2]], [10, 30]))
        [10  2 30]
    """
    if reduction not in _REDUCTIONS:
        raise ValueError(f"scatter_update() takes reduction=None, 'add', 'max', 'min' or 'mul', got {reduction!r}.")
    inputs = as_array(inputs)
    place = inputs.at[_rows(indices)]
    return getattr(place, _REDUCTIONS[reduction])(as_array(updates).astype(inputs.dtype))


def _rows(indices: Tensor) -> tuple:
    return tuple(jnp.moveaxis(as_array(indices), -1, 0))


def _unstack_spec(row: Callable, x: Tensor, num: int | None = None, axis: int = 0) -> Tensor:
    """Return the symbolic slices; their number must be known."""
    if num is None and x.shape[checked_axis(axis, x.ndim, "unstack")] is None:
        raise ValueError(
            f"unstack(): Cannot infer argument `num` from shape {x.shape}: the size of axis {axis} is unknown. Pass "
            "`num`, the number of slices."
        )
    return eval_spec(row, x, num, axis)


@with_spec(_unstack_spec)
@op
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list:
    """Return the slices along an axis as a list.

    Args:
        x: Array-like.
        num: Number of slices, for a symbolic tensor of unknown size on that axis.
        axis: The axis.

    Example:
        >>> from kernelkit import ops
        >>> [row.tolist() for row in ops.unstack([[1, 2], [3, 4]])]
        [[1, 2], [3, 4]]
    """
    x = as_array(x)
    axis = checked_axis(axis, x.ndim, "unstack")
    count = x.shape[axis] if num is None else num
    return [jax.lax.index_in_dim(x, i, axis, keepdims=False) for i in range(count)]


def custom_gradient(f: Callable) -> Callable:
    """Give a function a custom gradient.

    Args:
        f: Function of tensors that returns ``(outputs, gradient)``; ``gradient`` maps the gradient of the outputs
            (``*upstream``) to the gradients of the inputs.

    Returns:
        The function, which returns the outputs only.

    Example:
        >>> import jax
        >>> from kernelkit import ops
        >>> @ops.custom_gradient
        ... def clipped(x):
        ...     return x, lambda upstream: ops.clip(upstream, -1.0, 1.0)
        >>> float(jax.grad(lambda x: 100.0 * clipped(x))(3.0))
        1.0
    """
    return op(functools.wraps(f)(jax.custom_gradient(f)))
