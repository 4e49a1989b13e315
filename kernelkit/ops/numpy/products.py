"""Products of matrices and vectors, determinants, differences, correlations."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.rows import as_array, as_operand
from kernelkit.ops.unknown_sizes import (
    checked_axis,
    cross_spec,
    dot_spec,
    einsum_spec,
    inner_spec,
    matmul_spec,
    tensordot_spec,
    with_spec,
)
from kernelkit.typing import Tensor


@with_spec(matmul_spec)
@op
def matmul(x1: Tensor, x2: Tensor) -> jax.Array:
    """Return the matrix product over the last two axes; the axes before them are broadcast.

    Args:
        x1: Array-like (..., m, k) or (k,).
        x2: Array-like (..., k, n) or (k,).

    Returns:
        Array (..., m, n); int32 for two int8 arrays.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.matmul([[1, 2], [3, 4]], [1, 1]))
        [3 7]
    """
    x1, x2 = as_array(x1), as_array(x2)
    _check_summed("matmul", x1, x2)
    accumulator = jnp.int32 if x1.dtype == x2.dtype == jnp.int8 else None
    return jnp.matmul(x1, x2, preferred_element_type=accumulator)


@with_spec(dot_spec)
@op
def dot(x1: Tensor, x2: Tensor) -> jax.Array:
    """Return the sum of products over the last axis of ``x1`` and the last but one (or only) axis of ``x2``.

    Args:
        x1: Array-like.
        x2: Array-like.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.dot([1, 2], [3, 4]))
        11
    """
    x1, x2 = as_array(x1), as_array(x2)
    _check_summed("dot", x1, x2)
    return jnp.dot(x1, x2)


def _check_summed(name: str, x1: jax.Array, x2: jax.Array) -> None:
    if x1.ndim and x2.ndim and x1.shape[-1] != x2.shape[max(-2, -x2.ndim)]:
        raise ValueError(
            f"{name}() sums over the last axis of x1 and the last but one (or only) axis of x2, which must have the "
            f"same size; got the shapes {x1.shape} and {x2.shape}."
        )


@with_spec(inner_spec)
@op
def inner(x1: Tensor, x2: Tensor) -> jax.Array:
    """Return the sum of products over the last axes.

    Args:
        x1: Array-like (..., n).
        x2: Array-like (..., n).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.inner([1, 2], [[3, 4], [5, 6]]))
        [11 17]
    """
    x1, x2 = as_array(x1), as_array(x2)
    if x1.ndim and x2.ndim and x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"inner(): the last dimension of x1 and x2 must be equal, got {x1.shape} and {x2.shape}.")
    return jnp.inner(x1, x2)


@op
def outer(x1: Tensor, x2: Tensor) -> jax.Array:
    """Return the products of each element of ``x1`` with each of ``x2``.

    Args:
        x1: Array-like, flattened to (m,).
        x2: Array-like, flattened to (n,).

    Returns:
        Array (m, n).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.outer([1, 2], [3, 4]))
        [[3 4]
         [6 8]]
    """
    return jnp.outer(as_array(x1), as_array(x2))


@op
def vdot(x1: Tensor, x2: Tensor) -> jax.Array:
    """Return the sum of products of all elements; ``x1`` is conjugated.

    Args:
        x1: Array-like.
        x2: Array-like with the same number of elements.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.vdot([[1, 2]], [[3, 4]]))
        11
    """
    return jnp.vdot(as_operand(x1), as_operand(x2))


@with_spec(tensordot_spec)
@op
def tensordot(x1: Tensor, x2: Tensor, axes: Any = 2) -> jax.Array:
    """Return the sum of products over chosen axes.

    Args:
        x1: Array-like.
        x2: Array-like.
        axes: Int n: the last n axes of ``x1`` and the first n of ``x2``; or a pair of lists of axes.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.tensordot([[1, 2], [3, 4]], [[1, 0], [0, 1]], axes=2))
        5
    """
    return jnp.tensordot(as_array(x1), as_array(x2), axes)


@with_spec(einsum_spec)
@op
def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> jax.Array:
    """Return sums of products in Einstein's notation.

    Args:
        subscripts: A letter for each axis, such as ``"bij,bjk->bik"``; letters missing on the right are summed.
        *operands: Array-likes.
        **kwargs: Options of `jax.numpy.einsum`, such as ``optimize``.

    Returns:
        Array; int32 for two int8 arrays.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.einsum("ij->j", [[1, 2], [3, 4]]))
        [4 6]
    """
    arrays = [as_array(v) for v in operands]
    if all(a.dtype == jnp.int8 for a in arrays):
        kwargs.setdefault("preferred_element_type", jnp.int32)
    return jnp.einsum(subscripts, *arrays, **kwargs)


@with_spec(cross_spec)
@op
def cross(
    x1: Tensor, x2: Tensor, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> jax.Array:
    """Return the cross product of vectors of three (or two) elements.

    Args:
        x1: Array-like.
        x2: Array-like.
        axisa: Axis of the vectors of ``x1``.
        axisb: Axis of the vectors of ``x2``.
        axisc: Axis of the vectors in the result.
        axis: One value for all three axes.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.cross([1, 0, 0], [0, 1, 0]))
        [0 0 1]
    """
    return jnp.cross(as_array(x1), as_array(x2), axisa, axisb, axisc, axis)


@op
def kron(x1: Tensor, x2: Tensor) -> jax.Array:
    """Return the Kronecker product: ``x2`` times each element of ``x1``, as blocks.

    Args:
        x1: Array-like.
        x2: Array-like.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.kron([1, 10], [1, 2]))
        [ 1  2 10 20]
    """
    return jnp.kron(as_array(x1), as_array(x2))


@op
def diff(a: Tensor, n: int = 1, axis: int = -1) -> jax.Array:
    """Return the differences of neighbors along an axis.

    Args:
        a: Array-like.
        n: Number of times to take the difference.
        axis: The axis.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.diff([1, 4, 9]))
        [3 5]
    """
    a = as_array(a)
    return jnp.diff(a, n, checked_axis(axis, a.ndim, "diff"))


@op
def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> jax.Array:
    """Return the cross-correlation of two sequences.

    Args:
        x1: One-dimensional array-like.
        x2: One-dimensional array-like.
        mode: ``"valid"``: full overlaps only; ``"same"``: as long as the longer one; ``"full"``: every overlap.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.correlate([1, 2, 3], [1, 1]))
        [3. 5.]
    """
    return jnp.correlate(as_array(x1), as_array(x2), mode)


@op
def corrcoef(x: Tensor) -> jax.Array:
    """Return Pearson's correlation coefficients of the rows.

    Args:
        x: Array-like (variables, observations).

    Returns:
        Array (variables, variables).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.corrcoef([[1.0, 2.0], [4.0, 3.0]]))
        [[ 1. -1.]
         [-1.  1.]]
    """
    return jnp.corrcoef(as_array(x))


@op
def slogdet(x: Tensor) -> tuple:
    """Return the sign of the determinant and the logarithm of its absolute value.

    Args:
        x: Matrices (..., n, n).

    Example:
        >>> from kernelkit import ops
        >>> sign, logarithm = ops.slogdet([[1.0, 0.0], [0.0, -1.0]])
        >>> print(sign, logarithm)
        -1.0 0.0
    """
    sign, logarithm = jnp.linalg.slogdet(as_array(x))
    return sign, logarithm


def vectorize(pyfunc: Any, *, excluded: Any = None, signature: str | None = None) -> Tensor:
    """Return a function of arrays that applies a function of scalars to each element.

    Args:
        pyfunc: Function of scalars (or of the core dimensions of ``signature``), made of ops.
        excluded: Positions of arguments that are passed as whole arrays.
        signature: Core dimensions, such as ``"(m,n),(n)->(m)"``.

    Example:
        >>> from kernelkit import ops
        >>> add_or_subtract = ops.vectorize(lambda a, b: ops.where(a > b, a - b, a + b))
        >>> print(add_or_subtract([1, 2, 3, 4], 2))
        [3 4 1 2]
    """
    left_out = frozenset(excluded or ())
    vectorized = jnp.vectorize(pyfunc, excluded=left_out, signature=signature)

    @functools.wraps(pyfunc)
    def elementwise(*args: Any) -> Tensor:
        return vectorized(*(a if i in left_out else as_operand(a) for i, a in enumerate(args)))

    return op(elementwise)
