"""Mathematics beyond NumPy: segments, the largest k, special functions, distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kernelkit.dispatch import op
from kernelkit.ops.rows import Row, as_array, as_axes, as_float, docstring, needs_values, unary
from kernelkit.ops.unknown_sizes import integer_spec, segment_spec, with_spec
from kernelkit.typing import Axis, Tensor, Tree

erf = unary(
    "erf",
    lambda x: lax.erf(as_float(x)),
    "Return the error function of each element.",
    "[0.0, 1.0] -> [0.     0.8427]",
)
erfc = unary(
    "erfc",
    lambda x: lax.erfc(as_float(x)),
    "Return ``1 - erf(x)``, accurate for large elements too.",
    "[0.0, 1.0] -> [1.     0.1573]",
)
erfinv = unary(
    "erfinv",
    lambda x: lax.erf_inv(as_float(x)),
    "Return the inverse error function, for elements in [-1, 1].",
    "[0.0, 0.5] -> [0.     0.4769]",
)
rsqrt = unary(
    "rsqrt",
    lambda x: jax.lax.rsqrt(as_float(x)),
    "Return 1 divided by the square root of each element.",
    "[1.0, 4.0] -> [1.  0.5]",
)


@op
def logsumexp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Return ``log(sum(exp(x)))`` over axes, without overflow.

    Args:
        x: Array-like of any shape.
        axis: Int or tuple of ints: the axes to reduce; all axes for ``None``.
        keepdims: Whether the reduced axes stay, with size one.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.logsumexp([1000.0, 1000.0]))
        1000.693
    """
    return jax.nn.logsumexp(as_array(x), axis=as_axes(axis), keepdims=keepdims)


@op
def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple:
    """Return the largest elements along the last axis, and their indices.

    Args:
        x: Array-like (..., n).
        k: Number of elements.
        sorted: Accepted for compatibility with Keras; the result is always in descending order.

    Returns:
        Values (..., k) and int32 indices (..., k).

    Example:
        >>> from kernelkit import ops
        >>> values, indices = ops.top_k([10, 30, 20], 2)
        >>> print(values, indices)
        [30 20] [1 2]
    """
    values, indices = jax.lax.top_k(as_array(x), k)
    return values, indices


@with_spec(integer_spec("targets"))
@op
def in_top_k(targets: Tensor, predictions: Any, k: int) -> jax.Array:
    """Return whether the score of the right class is among the k largest.

    Args:
        targets: Integers (batch,): the right classes.
        predictions: Scores (batch, classes).
        k: Number of scores to consider.

    Returns:
        Booleans (batch,); true for a tie with the k-th score, false if the score is not finite.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.in_top_k([1, 0], [[0.1, 0.9, 0.5], [0.1, 0.9, 0.5]], 1))
        [ True False]
    """
    targets, predictions = as_array(targets), as_array(predictions)
    score = jnp.take_along_axis(predictions, targets[:, None], axis=-1, mode="fill", fill_value=jnp.nan)
    return (jnp.sum(predictions > score, axis=-1) < k) & jnp.isfinite(score[:, 0])


def _segment(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an op that combines the rows of each segment."""

    def combine(data: Tree, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> jax.Array:
        data, ids = as_array(data), as_array(segment_ids)
        if ids.ndim != 1:
            raise ValueError(
                f"{name}(): Argument `segment_ids` should be an 1-D vector, got an array of shape {ids.shape}."
            )
        if data.shape[:1] != ids.shape:
            raise ValueError(
                f"{name}(): Argument `segment_ids` and `data` should have same leading dimension. Got the shapes "
                f"{ids.shape} and {data.shape}."
            )
        if num_segments is None:
            with needs_values(name, "Give `num_segments`."):
                num_segments = int(jnp.max(ids)) + 1 if ids.size else 0
        return function(data, ids, num_segments, indices_are_sorted=sorted)

    notes = {
        "data": "Array-like (n, ...).",
        "segment_ids": "Integers (n,): the segment of each row; rows with an id out of range are ignored.",
        "num_segments": "Number of segments, the largest id plus one by default; needed inside jit.",
        "sorted": "Whether the ids ascend, which may be faster.",
    }
    return with_spec(segment_spec)(docstring(combine, name, summary, notes, "Array (num_segments, ...).", example))


segment_sum = _segment(
    "segment_sum", jax.ops.segment_sum, "Return the sum of the rows of each segment.", "[1, 2, 3], [0, 0, 1] -> [3 3]"
)
segment_prod = _segment(
    "segment_prod",
    jax.ops.segment_prod,
    "Return the product of the rows of each segment.",
    "[2, 3, 4], [0, 0, 1] -> [6 4]",
)
segment_max = _segment(
    "segment_max", jax.ops.segment_max, "Return the largest elements of each segment.", "[1, 2, 3], [0, 0, 1] -> [2 3]"
)
segment_min = _segment(
    "segment_min", jax.ops.segment_min, "Return the smallest elements of each segment.", "[1, 2, 3], [0, 0, 1] -> [1 3]"
)


@op
def cdist(x: Tensor, y: Tensor) -> jax.Array:
    """Return the Euclidean distances of all pairs of points.

    Args:
        x: Array-like (..., m, d).
        y: Array-like (..., n, d).

    Returns:
        Floats (..., m, n). The gradient is zero where two points are equal.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 0.0]]))
        [[5. 0.]]
    """
    x, y = as_array(x), as_array(y)
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(f"cdist() takes points (..., m, d) and (..., n, d), got the shapes {x.shape} and {y.shape}.")
    dtype = jnp.result_type(x, y)
    dtype = dtype if jnp.issubdtype(dtype, jnp.inexact) else as_float(0).dtype
    difference = x.astype(dtype)[..., :, None, :] - y.astype(dtype)[..., None, :, :]
    squared = jnp.sum(jnp.square(difference), axis=-1)
    apart = squared > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squared, 1)), 0).astype(dtype)


@op
def logdet(x: Tensor) -> jax.Array:
    """Return the logarithm of the determinant's absolute value.

    Args:
        x: Matrices (..., n, n).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.logdet([[2.0, 0.0], [0.0, 0.5]]))
        0.0
    """
    return jnp.linalg.slogdet(as_array(x))[1]


@op
def view_as_complex(x: Tensor) -> jax.Array:
    """Return pairs of real and imaginary parts as complex numbers.

    Args:
        x: Floats (..., 2).

    Returns:
        Complex array (...).

    Raises:
        ValueError: If the last axis doesn't have size 2.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.view_as_complex([[1.0, 2.0]]))
        [1.+2.j]
    """
    x = as_array(x)
    if x.ndim == 0 or x.shape[-1] != 2:
        raise ValueError(
            f"view_as_complex(): Last dimension of input must be size 2 (real and imaginary part), got {x.shape}."
        )
    return x[..., 0] + 1j * x[..., 1]


@op
def view_as_real(x: Tensor) -> jax.Array:
    """Return complex numbers as pairs of their real and imaginary parts.

    Args:
        x: Complex array (...).

    Returns:
        Floats (..., 2).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.view_as_real([1 + 2j]))
        [[1. 2.]]
    """
    x = as_array(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)
