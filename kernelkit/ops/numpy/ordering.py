"""Sorting, searching and counting."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.dispatch import op
from kernelkit.inference import eval_spec
from kernelkit.ops.core import shape as shape_of
from kernelkit.ops.rows import arg_reduction, as_array, needs_values
from kernelkit.ops.unknown_sizes import with_spec
from kernelkit.sparse import from_dense
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Tensor


def _signed_zeros(find: Callable) -> Callable:
    """Return a search function that treats -0.0 as less than 0.0, as in Keras.

    XLA treats a subnormal number as a zero of the same sign, so negative subnormals count as less than positive ones.
    """

    def found(x: jax.Array, **kwargs: Any) -> jax.Array:
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return find(x, **kwargs)
        return find(jnp.where((x == 0) & jnp.signbit(x), -jnp.finfo(x.dtype).tiny, x), **kwargs)

    return found


argmax = arg_reduction(
    "argmax",
    _signed_zeros(jnp.argmax),
    "Return the index of the largest element; the first index for equal elements.",
    "[1, 5, 3] -> 1",
)
argmin = arg_reduction(
    "argmin",
    _signed_zeros(jnp.argmin),
    "Return the index of the smallest element; the first index for equal elements.",
    "[4, 2, 3] -> 1",
)
nanargmax = arg_reduction(
    "nanargmax",
    jnp.nanargmax,
    "Return the index of the largest element, ignoring NaN.",
    "[float('nan'), 2.0, 3.0] -> 2",
)
nanargmin = arg_reduction(
    "nanargmin",
    jnp.nanargmin,
    "Return the index of the smallest element, ignoring NaN.",
    "[float('nan'), 2.0, 3.0] -> 1",
)


@op
def sort(x: Tensor, axis: int | None = -1) -> jax.Array:
    """Return the elements in ascending order.

    Args:
        x: Array-like.
        axis: The axis to sort along; ``None`` sorts the flat array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.sort([3, 1, 2]))
        [1 2 3]
    """
    return jnp.sort(as_array(x), axis)


@op
def argsort(x: Tensor, axis: int | None = -1) -> jax.Array:
    """Return the indices that sort an array; equal elements keep their order.

    Args:
        x: Array-like.
        axis: The axis to sort along; ``None`` sorts the flat array.

    Returns:
        int32 array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.argsort([30, 10, 20]))
        [1 2 0]
    """
    x = as_array(x)
    return jnp.argsort(x, axis if x.ndim else None).astype("int32")


@op
def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> jax.Array:
    """Return indices that partition an array: smaller elements before the ``kth`` smallest, others after it.

    Args:
        x: Array-like.
        kth: Int: the position of the dividing element.
        axis: The axis to partition along; ``None`` partitions the flat array.

    Returns:
        int32 array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.argpartition([30, 10, 20], 0)[0])
        1
    """
    x = as_array(x)
    return jnp.argpartition(*((jnp.ravel(x), kth) if axis is None else (x, kth, axis))).astype("int32")


@op
def searchsorted(sorted_sequence: Any, values: Tensor, side: str = "left") -> jax.Array:
    """Return where values would be inserted to keep a sequence sorted.

    Args:
        sorted_sequence: One-dimensional array in ascending order.
        values: Array-like of any shape.
        side: ``"left"``: before equal elements; ``"right"``: after them.

    Returns:
        int32 array of the shape of ``values``.

    Raises:
        ValueError: If the sequence is not one-dimensional.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.searchsorted([1, 3, 5], [0, 3, 9]))
        [0 1 3]
    """
    sequence = as_array(sorted_sequence)
    if sequence.ndim != 1:
        raise ValueError(f"searchsorted() takes a one-dimensional sequence, got the shape {sequence.shape}.")
    way = way_of_search(sequence.shape[0])
    return jnp.searchsorted(sequence, as_array(values), side=side, method=way).astype("int32")


def way_of_search(length: Any) -> str:
    """Return the search method of jax for a sorted table; a small table is compared with all values.

    A comparison needs no loop and no unsigned integers, which some runtimes of exported models lack.
    """
    return "compare_all" if isinstance(length, int) and length <= 128 else "scan"


@op
def digitize(x: Tensor, bins: Any) -> jax.Array:
    """Return the bin that each element falls into.

    Args:
        x: Array-like.
        bins: Ascending bounds; bin i is ``[bins[i - 1], bins[i])``, bin 0 is everything below ``bins[0]``.

    Returns:
        int32 array of the shape of ``x``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.digitize([0.5, 1.0, 7.0], [1.0, 5.0]))
        [0 1 2]
    """
    edges = as_array(bins)
    return jnp.digitize(as_array(x), edges, method=way_of_search(edges.shape[0])).astype("int32")


def _bincount_spec(
    _: Callable, x: Tensor, weights: Tensor = None, minlength: int = 0, sparse: bool = False
) -> KerasTensor:
    """Return the symbolic counts; their number depends on values."""
    dtype = "int32" if weights is None else as_array(weights).dtype if isinstance(weights, list) else weights.dtype
    return KerasTensor((*shape_of(x)[:-1], None), dtype=dtype, sparse=sparse or getattr(x, "sparse", False))


@with_spec(_bincount_spec)
@op
def bincount(x: Tensor, weights: Tensor = None, minlength: int = 0, sparse: bool = False) -> jax.Array:
    """Return how often each of the integers 0, 1, 2... occurs.

    Args:
        x: Non-negative integers (n,), or (batch, n) for counts of each row.
        weights: Weight of each integer, of the shape of ``x``; 1 by default.
        minlength: The smallest length of the result.
        sparse: Whether the result is sparse.

    Returns:
        Counts (bins,) or (batch, bins), as many bins as the largest integer needs.

    Raises:
        ValueError: Inside jit, since the number of bins depends on values.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.bincount([1, 1, 3]))
        [0 2 0 1]
    """
    x = as_array(x)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        x = x.astype("int32")
    with needs_values("bincount", "Use sum(one_hot(x, num_classes), axis=0) with a fixed number of classes."):
        occurring = int(jnp.max(jax.lax.stop_gradient(x))) + 1 if x.size else 0
    length = builtins.max(occurring, minlength)
    ones = jnp.ones(x.shape, "int32") if weights is None else as_array(weights)
    if x.ndim == 1:
        counts = jnp.zeros(length, ones.dtype).at[x].add(ones)
    else:
        rows = jnp.arange(x.shape[0])[:, None]
        counts = jnp.zeros((x.shape[0], length), ones.dtype).at[rows, x].add(ones)
    return from_dense(counts, at_most=x.size) if sparse else counts


def _unique_spec(row: Callable, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return the symbolic elements; without ``size`` their number depends on values."""
    settings = inspect.signature(row).bind(x, *args, **kwargs).arguments
    if settings.get("size") is not None:
        return eval_spec(row, x, *args, **kwargs)
    axis = settings.get("axis")
    shape = (None,) if axis is None else tuple(None if i == axis % x.ndim else s for i, s in enumerate(x.shape))
    inverse = x.shape if axis is None else (x.shape[axis],)
    wanted = {"return_index": (None,), "return_inverse": inverse, "return_counts": (None,)}
    extra = [KerasTensor(own, dtype="int32") for name, own in wanted.items() if settings.get(name)]
    values = KerasTensor(shape, dtype=x.dtype)
    return (values, *extra) if extra else values


@with_spec(_unique_spec)
@op
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Tensor = None,
) -> Tensor:
    """Return the distinct elements, in ascending order. NaN differs from NaN.

    Args:
        x: Array-like.
        sorted: Accepted for compatibility with Keras; the result is always sorted.
        return_index: Whether to return the first index of each result.
        return_inverse: Whether to return, for each element of ``x``, its index in the result.
        return_counts: Whether to return the number of occurrences of each result.
        axis: Compare the slices along this axis; ``None`` compares the elements.
        size: Fixed number of results, which makes the function work inside jit.
        fill_value: Value that pads the results to ``size``; the smallest result by default.

    Returns:
        Array, or a tuple of the array and the other requested arrays.

    Raises:
        ValueError: Without ``size`` inside jit.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.unique([3, 1, 3]))
        [1 3]
    """
    with needs_values("unique", "Give `size`, the number of results."):
        return jnp.unique(
            as_array(x),
            return_index,
            return_inverse,
            return_counts,
            axis,
            equal_nan=False,
            size=size,
            fill_value=fill_value,
        )


@op
def histogram(x: Tensor, bins: Any = 10, range: Any = None) -> tuple:
    """Count the elements in bins of equal width.

    Args:
        x: Array-like.
        bins: Number of bins.
        range: ``(lower, upper)`` bounds of all bins; the smallest and largest element by default.

    Returns:
        Counts (bins,) and the bounds of the bins (bins + 1,).

    Example:
        >>> from kernelkit import ops
        >>> counts, bounds = ops.histogram([1.0, 2.0, 2.5, 4.0], bins=3)
        >>> print(counts, bounds)
        [1. 2. 1.] [1. 2. 3. 4.]
    """
    if np.ndim(bins) == 0 and (not isinstance(bins, int) or bins < 0):
        raise ValueError(f"histogram(): Argument `bins` should be a non-negative integer, got {bins!r}.")
    if range is not None and len(range) != 2:
        raise ValueError(f"histogram(): Argument `range` must be a tuple of two elements, got {range!r}.")
    if range is not None and range[1] < range[0]:
        raise ValueError(f"histogram(): The second element of `range` must be greater than the first, got {range!r}.")
    return jnp.histogram(as_array(x), bins=bins, range=range)
