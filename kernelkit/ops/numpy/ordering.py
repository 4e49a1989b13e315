"""Sorting, searching and counting."""

from __future__ import annotations

import builtins
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.rows import arg_reduction, as_array, needs_values

argmax = arg_reduction(
    "argmax", jnp.argmax, "Return the index of the largest element, the first one of equals.", "[1, 5, 3] -> 1"
)
argmin = arg_reduction(
    "argmin", jnp.argmin, "Return the index of the smallest element, the first one of equals.", "[4, 2, 3] -> 1"
)
nanargmax = arg_reduction(
    "nanargmax",
    jnp.nanargmax,
    "Return the index of the largest element, NaN left out.",
    "[float('nan'), 2.0, 3.0] -> 2",
)
nanargmin = arg_reduction(
    "nanargmin",
    jnp.nanargmin,
    "Return the index of the smallest element, NaN left out.",
    "[float('nan'), 2.0, 3.0] -> 1",
)


@op
def sort(x: Any, axis: int | None = -1) -> jax.Array:
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
def argsort(x: Any, axis: int | None = -1) -> jax.Array:
    """Return the indices that sort an array; equals keep their order.

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
    return jnp.argsort(as_array(x), axis).astype("int32")


@op
def argpartition(x: Any, kth: int, axis: int = -1) -> jax.Array:
    """Return indices that put the ``kth`` smallest element in its place, smaller ones before it, others behind.

    Args:
        x: Array-like.
        kth: Int: the place.
        axis: The axis to partition along.

    Returns:
        int32 array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.argpartition([30, 10, 20], 0)[0])
        1
    """
    return jnp.argpartition(as_array(x), kth, axis).astype("int32")


@op
def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> jax.Array:
    """Return where values would be inserted to keep a sequence sorted.

    Args:
        sorted_sequence: One-dimensional array in ascending order.
        values: Array-like of any shape.
        side: ``"left"``: before equals; ``"right"``: behind them.

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
    return jnp.searchsorted(sequence, as_array(values), side=side).astype("int32")


@op
def digitize(x: Any, bins: Any) -> jax.Array:
    """Return the bin that each element falls into.

    Args:
        x: Array-like.
        bins: Ascending bounds; bin i is ``[bins[i - 1], bins[i])``, bin 0 is everything below.

    Returns:
        int32 array of the shape of ``x``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.digitize([0.5, 1.0, 7.0], [1.0, 5.0]))
        [0 1 2]
    """
    return jnp.digitize(as_array(x), as_array(bins)).astype("int32")


@op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> jax.Array:
    """Return how often each of the integers 0, 1, 2... occurs.

    Args:
        x: Non-negative integers (n,), or (batch, n) for counts of each row.
        weights: What each integer counts, of the shape of ``x``; 1 by default.
        minlength: The least length of the result.
        sparse: Must be false; kernelkit has no sparse tensors.

    Returns:
        Counts (bins,) or (batch, bins), as many bins as the largest integer needs.

    Raises:
        ValueError: For symbolic tensors and inside jit, since the number of bins depends on values.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.bincount([1, 1, 3]))
        [0 2 0 1]
    """
    if sparse:
        raise ValueError("bincount(sparse=True) is not supported: kernelkit has no sparse tensors.")
    x = as_array(x)
    if not jnp.issubdtype(x.dtype, jnp.integer):
        x = x.astype("int32")
    with needs_values("bincount", "Use sum(one_hot(x, num_classes), axis=0) with a fixed number of classes."):
        largest = int(jnp.max(jax.lax.stop_gradient(x), initial=-1))
    length = builtins.max(largest + 1, minlength)
    ones = jnp.ones(x.shape, "int32") if weights is None else as_array(weights)
    if x.ndim == 1:
        return jnp.zeros(length, ones.dtype).at[x].add(ones)
    rows = jnp.arange(x.shape[0])[:, None]
    return jnp.zeros((x.shape[0], length), ones.dtype).at[rows, x].add(ones)


@op
def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """Return the different elements, in ascending order.

    Args:
        x: Array-like.
        sorted: Accepted for Keras's sake; the result is always sorted.
        return_index: Whether to return where each first occurs.
        return_inverse: Whether to return, for each element of ``x``, its index in the result.
        return_counts: Whether to return how often each occurs.
        axis: Compare the slices along this axis; ``None`` the elements.
        size: Fixed number of results, which makes the function work inside jit.
        fill_value: What fills up the results to ``size``; the smallest one by default.

    Returns:
        Array, or a tuple of the array and what else was asked for.

    Raises:
        ValueError: Without ``size`` for symbolic tensors and inside jit.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.unique([3, 1, 3]))
        [1 3]
    """
    with needs_values("unique", "Give `size`, the number of results."):
        return jnp.unique(
            as_array(x), return_index, return_inverse, return_counts, axis, size=size, fill_value=fill_value
        )


@op
def histogram(x: Any, bins: Any = 10, range: Any = None) -> tuple:
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
    return jnp.histogram(as_array(x), bins=bins, range=range)
