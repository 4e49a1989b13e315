"""Reductions over axes, and running sums and products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import dtypes
from kernelkit.dispatch import op
from kernelkit.ops.extremes import largest, smallest
from kernelkit.ops.rows import as_array, as_axes, as_operand, reduction, running
from kernelkit.typing import Axis, DType, Tensor


def _ptp(x: jax.Array, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    return largest(x, axis, keepdims) - smallest(x, axis, keepdims)


def _without_nan(reduce: Callable, last: float) -> Callable:
    def ignoring_nan(x: jax.Array, axis: Axis = None, keepdims: bool = False) -> jax.Array:
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            return reduce(x, axis, keepdims)
        missing = jnp.isnan(x)
        found = reduce(jnp.where(missing, last, x), axis, keepdims)
        return jnp.where(jnp.all(missing, axis=axis, keepdims=keepdims), jnp.nan, found)

    return ignoring_nan


sum = reduction("sum", jnp.sum, "Return the sum over axes.", "[[1, 2], [3, 4]], axis=0 -> [4 6]")
mean = reduction("mean", jnp.mean, "Return the mean over axes.", "[[1, 2], [3, 4]], axis=0 -> [2. 3.]")
var = reduction("var", jnp.var, "Return the variance over axes.", "[[1, 2], [3, 4]], axis=0 -> [1. 1.]")
std = reduction("std", jnp.std, "Return the standard deviation over axes.", "[[1, 2], [3, 4]], axis=0 -> [1. 1.]")
amax = reduction("amax", largest, "Return the largest element over axes.", "[[1, 2], [3, 4]], axis=0 -> [3 4]")
amin = reduction("amin", smallest, "Return the smallest element over axes.", "[[1, 2], [3, 4]], axis=0 -> [1 2]")
ptp = reduction("ptp", _ptp, "Return the largest minus the smallest element over axes.", "[1, 5, 3] -> 4")
median = reduction("median", jnp.median, "Return the median over axes.", "[1, 5, 3] -> 3.0")
all = reduction("all", jnp.all, "Return whether all elements over axes are true.", "[True, False] -> False")
any = reduction("any", jnp.any, "Return whether any element over axes is true.", "[True, False] -> True")

nansum = reduction("nansum", jnp.nansum, "Return the sum over axes, NaN counted as 0.", "[1.0, float('nan')] -> 1.0")
nanprod = reduction(
    "nanprod", jnp.nanprod, "Return the product over axes, NaN counted as 1.", "[2.0, float('nan')] -> 2.0"
)
nanmean = reduction("nanmean", jnp.nanmean, "Return the mean over axes, ignoring NaN.", "[1.0, float('nan')] -> 1.0")
nanvar = reduction(
    "nanvar", jnp.nanvar, "Return the variance over axes, ignoring NaN.", "[1.0, 3.0, float('nan')] -> 1.0"
)
nanstd = reduction(
    "nanstd", jnp.nanstd, "Return the deviation over axes, ignoring NaN.", "[1.0, 3.0, float('nan')] -> 1.0"
)
nanmax = reduction(
    "nanmax",
    _without_nan(largest, -jnp.inf),
    "Return the largest element over axes, ignoring NaN.",
    "[1.0, float('nan')] -> 1.0",
)
nanmin = reduction(
    "nanmin",
    _without_nan(smallest, jnp.inf),
    "Return the smallest element over axes, ignoring NaN.",
    "[1.0, float('nan')] -> 1.0",
)
nanmedian = reduction(
    "nanmedian", jnp.nanmedian, "Return the median over axes, ignoring NaN.", "[1.0, float('nan')] -> 1.0"
)


@op
def max(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> jax.Array:
    """Return the largest element over axes.

    Args:
        x: Array-like of any shape.
        axis: Int or tuple of ints: the axes to reduce; all axes for ``None``.
        keepdims: Whether the reduced axes stay, with size one.
        initial: Lower bound of the result, in the dtype of ``x``.

    Returns:
        Array without the reduced axes; for an empty array the smallest number of its dtype, or ``initial``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.max([[1, 5], [3, 2]], axis=0))
        [3 5]
    """
    x, axis = as_array(x), as_axes(axis)
    if initial is None:
        return largest(x, axis, keepdims)
    if not x.size:
        return jnp.max(x, axis=axis, keepdims=keepdims, initial=initial)
    return jnp.maximum(largest(x, axis, keepdims), jnp.asarray(initial).astype(x.dtype))


@op
def min(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> jax.Array:
    """Return the smallest element over axes.

    Args:
        x: Array-like of any shape.
        axis: Int or tuple of ints: the axes to reduce; all axes for ``None``.
        keepdims: Whether the reduced axes stay, with size one.
        initial: Upper bound of the result, in the dtype of ``x``.

    Returns:
        Array without the reduced axes; for an empty array the largest number of its dtype, or ``initial``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.min([[1, 5], [3, 2]], axis=0))
        [1 2]
    """
    x, axis = as_array(x), as_axes(axis)
    if initial is None:
        return smallest(x, axis, keepdims)
    if not x.size:
        return jnp.min(x, axis=axis, keepdims=keepdims, initial=initial)
    return jnp.minimum(smallest(x, axis, keepdims), jnp.asarray(initial).astype(x.dtype))


@op
def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: DType = None) -> jax.Array:
    """Return the product over axes.

    Args:
        x: Array-like of any shape.
        axis: Int or tuple of ints: the axes to reduce; all axes for ``None``.
        keepdims: Whether the reduced axes stay, with size one.
        dtype: Dtype of the computation and the result.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.prod([[1, 2], [3, 4]], axis=1))
        [ 2 12]
    """
    return jnp.prod(as_array(x), axis=as_axes(axis), keepdims=keepdims, dtype=dtype and dtypes.canonical(dtype))


@op
def count_nonzero(x: Tensor, axis: Axis = None) -> jax.Array:
    """Return the number of elements that are not zero.

    Args:
        x: Array-like of any shape.
        axis: Int or tuple of ints: the axes to count over; all axes for ``None``.

    Returns:
        int32 array without the axes.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.count_nonzero([[1, 0], [3, 4]], axis=1))
        [1 2]
    """
    return jnp.count_nonzero(as_array(x), axis=as_axes(axis)).astype("int32")


@op
def average(x: Tensor, axis: Axis = None, weights: Tensor = None) -> jax.Array:
    """Return the weighted mean over axes.

    Args:
        x: Array-like of any shape.
        axis: Int or tuple of ints: the axes to reduce; all axes for ``None``.
        weights: Weights of the shape of ``x``, or of its size along ``axis``; equal weights by default.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.average([1.0, 2.0, 4.0], weights=[1.0, 1.0, 2.0]))
        2.75
    """
    weights = None if weights is None else as_array(weights)
    return jnp.average(as_array(x), axis=as_axes(axis), weights=weights)


@op
def quantile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Return quantiles over axes.

    Args:
        x: Array-like of any shape.
        q: Probability in [0, 1], or an array of them; its axes come first in the result.
        axis: Int or tuple of ints: the axes to reduce; all axes for ``None``.
        method: Between two elements: ``"linear"``, ``"lower"``, ``"higher"``, ``"midpoint"`` or ``"nearest"``.
        keepdims: Whether the reduced axes stay, with size one.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.quantile([1.0, 2.0, 3.0, 4.0], 0.5))
        2.5
    """
    return jnp.quantile(as_array(x), as_array(q), axis=as_axes(axis), method=method, keepdims=keepdims)


@op
def percentile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Return percentiles over axes.

    Args:
        x: Array-like of any shape.
        q: Percentage in [0, 100], or an array of them; its axes come first in the result.
        axis: Int or tuple of ints: the axes to reduce; all axes for ``None``.
        method: Between two elements: ``"linear"``, ``"lower"``, ``"higher"``, ``"midpoint"`` or ``"nearest"``.
        keepdims: Whether the reduced axes stay, with size one.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.percentile([1.0, 2.0, 3.0, 4.0], 50))
        2.5
    """
    return jnp.percentile(as_array(x), as_array(q), axis=as_axes(axis), method=method, keepdims=keepdims)


@op
def nanquantile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Return quantiles over axes, ignoring NaN. Arguments as :func:`quantile`.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.nanquantile([1.0, 2.0, float("nan"), 3.0], 0.5))
        2.0
    """
    return jnp.nanquantile(as_array(x), as_array(q), axis=as_axes(axis), method=method, keepdims=keepdims)


@op
def nanpercentile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Return percentiles over axes, ignoring NaN. Arguments as :func:`percentile`.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.nanpercentile([1.0, 2.0, float("nan"), 3.0], 50))
        2.0
    """
    return jnp.nanpercentile(as_array(x), as_array(q), axis=as_axes(axis), method=method, keepdims=keepdims)


cumsum = running("cumsum", jnp.cumsum, "Return the running sum along an axis.", "[1, 2, 3] -> [1 3 6]")
cumprod = running("cumprod", jnp.cumprod, "Return the running product along an axis.", "[1, 2, 3] -> [1 2 6]")
nancumsum = running(
    "nancumsum", jnp.nancumsum, "Return the running sum, NaN as 0.", "[1.0, float('nan'), 3.0] -> [1. 1. 4.]"
)
nancumprod = running(
    "nancumprod", jnp.nancumprod, "Return the running product, NaN as 1.", "[2.0, float('nan'), 3.0] -> [2. 2. 6.]"
)


@op
def trapezoid(y: Tensor, x: Tensor = None, dx: Any = 1.0, axis: int = -1) -> jax.Array:
    """Integrate along an axis by the trapezoidal rule.

    Args:
        y: Array-like, values of the function.
        x: Array-like, positions of the values; equal steps of ``dx`` by default.
        dx: Distance between two values.
        axis: The axis to integrate along.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.trapezoid([1.0, 2.0, 3.0]))
        4.0
    """
    return jnp.trapezoid(as_array(y), None if x is None else as_array(x), as_operand(dx), axis)
