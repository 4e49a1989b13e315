"""Pooling as XLA's own window reduction, or, on the CPU, as elementwise operations on slices."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kernelkit.devices import on_cpu
from kernelkit.ops.lowering.window import pad_pairs, pad_spatial, tap
from kernelkit.placement import with_whole_windows

Pairs = Sequence[tuple[int, int]]

# XLA reduces longer windows: one slice for each cell of an axis would be slow to compile.
LONGEST_UNROLLED = 8


def max_pool(x: Array, window: Sequence[int], *, strides: Sequence[int], padding: str | Pairs) -> Array:
    """Take the maximum of each window of channels-last data, in 1 to 3 spatial dimensions.

    The gradient of a window goes only to its first maximum (in row-major order), as in XLA.

    Args:
        x: Input of shape (N, *spatial, C).
        window: Size of the window along each spatial axis.
        strides: Step of the window along each spatial axis.
        padding: "VALID", "SAME", or a (low, high) pair for each spatial axis. Padded cells never win.

    Returns:
        An array of shape (N, *output spatial, C) and `x`'s dtype.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.array([1.0, 3.0, 2.0, 5.0]).reshape(1, 4, 1)
        >>> max_pool(x, (2,), strides=(2,), padding="VALID")[0, :, 0].tolist()
        [3.0, 5.0]
    """
    pads = pad_pairs(padding, x.shape[1:-1], window, strides, (1,) * len(window))
    pool = _max_unless_differentiated if _is_unrolled(x, window) else _native_max
    return with_whole_windows(pool(x, (tuple(window), tuple(strides), pads)))


def avg_pool(x: Array, window: Sequence[int], *, strides: Sequence[int], padding: str | Pairs) -> Array:
    """Take the mean of each window of channels-last data, in 1 to 3 spatial dimensions.

    Args:
        x: Input of shape (N, *spatial, C), of a floating dtype.
        window: Size of the window along each spatial axis.
        strides: Step of the window along each spatial axis.
        padding: "VALID", "SAME", or a (low, high) pair for each spatial axis. Padded cells do not count.

    Returns:
        An array of shape (N, *output spatial, C) and `x`'s dtype. Half-precision sums are taken in float32.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.array([1.0, 3.0, 8.0]).reshape(1, 3, 1)
        >>> avg_pool(x, (2,), strides=(2,), padding="SAME")[0, :, 0].tolist()
        [2.0, 8.0]
    """
    pads = pad_pairs(padding, x.shape[1:-1], window, strides, (1,) * len(window))
    wide = x.astype(jnp.float32) if x.dtype.itemsize < 4 else x
    pool = _sum_unless_differentiated if _is_unrolled(x, window) else _native_sum
    total = pool(wide, (tuple(window), tuple(strides), pads))
    mean = total / _cell_counts(x.shape[1:-1], window, strides, pads, wide.dtype)
    return with_whole_windows(mean.astype(x.dtype))


def _native_max(x: Array, geometry: tuple) -> Array:
    return _reduce_window(x, _lowest(x.dtype), lax.max, *geometry)


def _native_sum(x: Array, geometry: tuple) -> Array:
    return _reduce_window(x, 0, lax.add, *geometry)


# As with convolutions: XLA's operation for `evaluate` and `predict`, slices for training.
_max_unless_differentiated = jax.custom_jvp(_native_max, nondiff_argnums=(1,))
_sum_unless_differentiated = jax.custom_jvp(_native_sum, nondiff_argnums=(1,))


@_max_unless_differentiated.defjvp
def _max_jvp(geometry: tuple, primals: tuple, tangents: tuple) -> tuple:
    window, strides, pads = geometry
    lowest = _lowest(primals[0].dtype)
    return jax.jvp(
        lambda x: _fold_windows(_first_max, pad_spatial(x, pads, lowest), window, strides), primals, tangents
    )


@_sum_unless_differentiated.defjvp
def _sum_jvp(geometry: tuple, primals: tuple, tangents: tuple) -> tuple:
    window, strides, pads = geometry
    return jax.jvp(lambda x: _fold_windows(jnp.add, pad_spatial(x, pads), window, strides), primals, tangents)


def _is_unrolled(x: Array, window: Sequence[int]) -> bool:
    known = all(isinstance(size, int) for size in x.shape)
    return known and on_cpu() and max(window) <= LONGEST_UNROLLED


def _fold_windows(combine: Callable, x: Array, window: Sequence[int], strides: Sequence[int]) -> Array:
    """Combine each window's cells, one axis after another, last axis first.

    Along each axis the cells are combined from first to last, so a tie over the window is decided in row-major order.
    """
    for axis in reversed(range(1, len(window) + 1)):
        size, stride = window[axis - 1], strides[axis - 1]
        out = (x.shape[axis] - size) // stride + 1
        x = functools.reduce(combine, _cells(x, axis, size, stride, out))
    return x


def _cells(x: Array, axis: int, size: int, stride: int, out: int) -> list[Array]:
    if size == stride and out > 0:
        x = lax.slice_in_dim(x, 0, out * size, axis=axis)
        x = x.reshape(*x.shape[:axis], out, size, *x.shape[axis + 1 :])
        return [lax.index_in_dim(x, i, axis + 1, keepdims=False) for i in range(size)]
    return [tap(x, axis, i, out, stride) for i in range(size)]


@jax.custom_jvp
def _first_max(a: Array, b: Array) -> Array:
    """`lax.max`, but on ties the whole gradient goes to `a` (jax gives each argument one half)."""
    return lax.max(a, b)


@_first_max.defjvp
def _first_max_jvp(primals: tuple, tangents: tuple) -> tuple:
    a, b = primals
    return lax.max(a, b), lax.select(a >= b, *tangents)


def _reduce_window(
    x: Array, start: Any, combine: Callable, window: Sequence[int], strides: Sequence[int], pads: Sequence
) -> Array:
    return lax.reduce_window(
        x, np.asarray(start, x.dtype), combine, (1, *window, 1), (1, *strides, 1), ((0, 0), *pads, (0, 0))
    )


def _lowest(dtype: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.floating):
        return -np.inf
    return False if jnp.issubdtype(dtype, jnp.bool_) else jnp.iinfo(dtype).min


def _cell_counts(
    shape: Sequence[int], window: Sequence[int], strides: Sequence[int], pads: Sequence, dtype: Any
) -> Array:
    """The number of cells of each window that are not padding; broadcasts to (*output spatial, 1)."""
    counts = jnp.ones((), dtype)
    for axis, (size, cells, stride, (low, high)) in enumerate(zip(shape, window, strides, pads, strict=True)):
        starts = np.arange(-low, size + high - cells + 1, stride)
        inside = np.minimum(starts + cells, size) - np.maximum(starts, 0)
        # One row of counts for each axis; XLA multiplies them later, since the product is as large as the output.
        if (inside == cells).all():
            counts = counts * cells
        else:
            counts = counts * inside.reshape(-1, *(1,) * (len(window) - axis)).astype(dtype)
    return counts
