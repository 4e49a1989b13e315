"""Linear algebra: decompositions, solving, norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.extremes import largest, smallest
from kernelkit.ops.rows import as_array, as_axes, as_float
from kernelkit.ops.unknown_sizes import capped_spec, with_spec
from kernelkit.typing import Axis, Tensor


def _square(x: Tensor, name: str) -> jax.Array:
    x = as_float(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"{name}() takes square matrices (..., n, n), got the shape {x.shape}.")
    return x


def _matrix(x: Tensor, name: str) -> jax.Array:
    x = as_float(x)
    if x.ndim < 2:
        raise ValueError(
            f"{name}() takes matrices (..., m, n): Input should have rank >= 2. Received: an array of shape {x.shape}."
        )
    return x


@op
def cholesky(x: Tensor, upper: bool = False) -> jax.Array:
    """Return the triangular matrix L with ``L @ L.T == x``.

    Args:
        x: Symmetric, positive definite matrices (..., n, n).
        upper: Whether to return ``L.T`` instead.

    Raises:
        ValueError: If a matrix is not positive definite. Inside jit the result is NaN instead.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.cholesky([[4.0, 2.0], [2.0, 2.0]]))
        [[2. 0.]
         [1. 1.]]
    """
    factor = jnp.linalg.cholesky(_square(x, "cholesky"), upper=upper)
    if not isinstance(factor, jax.core.Tracer) and bool(jnp.isnan(factor).any()):
        raise ValueError("cholesky() got a matrix that is not positive definite.")
    return factor


@op
def cholesky_inverse(x: Tensor, upper: bool = False) -> jax.Array:
    """Return the inverse of a matrix from its Cholesky factor.

    Args:
        x: Triangular factors (..., n, n).
        upper: Whether the factors are upper triangular.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.cholesky_inverse([[2.0, 0.0], [0.0, 1.0]]))
        [[0.25 0.  ]
         [0.   1.  ]]
    """
    factor = _square(x, "cholesky_inverse")
    if upper:
        factor = jnp.swapaxes(factor, -1, -2)
    inverse = jax.lax.linalg.triangular_solve(
        factor,
        jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape),
        left_side=True,
        lower=True,
    )
    return jnp.swapaxes(inverse, -1, -2) @ inverse


@op
def det(x: Tensor) -> jax.Array:
    """Return the determinant.

    Args:
        x: Matrices (..., n, n).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.det([[2.0, 0.0], [0.0, 3.0]]))
        6.0
    """
    return jnp.linalg.det(_square(x, "det"))


@op
def eig(x: Tensor) -> tuple:
    """Return the eigenvalues and eigenvectors of general matrices. On the CPU only.

    Args:
        x: Matrices (..., n, n).

    Returns:
        Complex eigenvalues (..., n), and eigenvectors (..., n, n) as columns.

    Example:
        >>> from kernelkit import ops
        >>> values, vectors = ops.eig([[2.0, 0.0], [0.0, 3.0]])
        >>> print(values)
        [2.+0.j 3.+0.j]
    """
    values, vectors = jnp.linalg.eig(_square(x, "eig"))
    return values, vectors


@op
def eigh(x: Tensor) -> tuple:
    """Return the eigenvalues and eigenvectors of symmetric matrices.

    Args:
        x: Symmetric matrices (..., n, n).

    Returns:
        Eigenvalues (..., n) in ascending order, and eigenvectors (..., n, n) as columns.

    Example:
        >>> from kernelkit import ops
        >>> values, vectors = ops.eigh([[3.0, 0.0], [0.0, 2.0]])
        >>> print(values)
        [2. 3.]
    """
    values, vectors = jnp.linalg.eigh(_square(x, "eigh"))
    return values, vectors


@op
def inv(x: Tensor) -> jax.Array:
    """Return the inverse.

    Args:
        x: Matrices (..., n, n).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.inv([[2.0, 0.0], [0.0, 4.0]]))
        [[0.5  0.  ]
         [0.   0.25]]
    """
    return jnp.linalg.inv(_square(x, "inv"))


@op
def pinv(x: Tensor, rcond: Any = None) -> jax.Array:
    """Return the Moore-Penrose pseudo-inverse.

    Args:
        x: Matrices (..., m, n).
        rcond: Singular values below ``rcond`` times the largest count as zero.

    Returns:
        Matrices (..., n, m).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.pinv([[2.0], [0.0]]))
        [[0.5 0. ]]
    """
    return jnp.linalg.pinv(_matrix(x, "pinv"), rtol=rcond)


@op
def lu_factor(x: Tensor) -> tuple:
    """Return the LU decomposition with pivots.

    Args:
        x: Matrices (..., m, n).

    Returns:
        Both factors in one matrix (..., m, n), and the int32 pivots (..., min(m, n)).

    Example:
        >>> from kernelkit import ops
        >>> lu, pivots = ops.lu_factor([[4.0, 2.0], [2.0, 3.0]])
        >>> print(lu, pivots)
        [[4.  2. ]
         [0.5 2. ]] [0 1]
    """
    lu, pivots, _ = jax.lax.linalg.lu(_matrix(x, "lu_factor"))
    return lu, pivots


@with_spec(capped_spec)
@op
def qr(x: Tensor, mode: str = "reduced") -> tuple:
    """Return an orthogonal and an upper triangular matrix whose product is ``x``.

    Args:
        x: Matrices (..., m, n).
        mode: ``"reduced"``: factors (..., m, k) and (..., k, n) with k = min(m, n); ``"complete"``: (..., m, m) and
            (..., m, n).

    Raises:
        ValueError: If the mode is unknown.

    Example:
        >>> from kernelkit import ops
        >>> q, r = ops.qr(ops.ones((3, 2)))
        >>> q.shape, r.shape
        ((3, 2), (2, 2))
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr(): unknown mode. Expected one of {{'reduced', 'complete'}}. Got {mode!r}.")
    q, r = jnp.linalg.qr(_matrix(x, "qr"), mode=mode)
    return q, r


@with_spec(capped_spec)
@op
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition ``u @ diag(s) @ vh``.

    Args:
        x: Matrices (..., m, n).
        full_matrices: Whether u is (..., m, m) and vh (..., n, n); else (..., m, k) and (..., k, n), k = min(m, n).
        compute_uv: Whether to return u and vh too.

    Returns:
        ``(u, s, vh)``, or s alone: singular values (..., k), descending.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False))
        [4. 3.]
    """
    result = jnp.linalg.svd(_matrix(x, "svd"), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(result) if compute_uv else result


@op
def matrix_rank(x: Tensor, tol: Any = None) -> jax.Array:
    """Return the rank: the number of singular values that are not zero.

    Args:
        x: Matrices (..., m, n).
        tol: Singular values up to ``tol`` times the largest count as zero.

    Returns:
        int32 array (...).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.matrix_rank([[1.0, 2.0], [2.0, 4.0]]))
        1
    """
    return jnp.linalg.matrix_rank(_matrix(x, "matrix_rank"), rtol=tol).astype("int32")


@op
def solve(a: Tensor, b: Tensor) -> jax.Array:
    """Return x with ``a @ x == b``.

    Args:
        a: Matrices (..., n, n).
        b: Right sides (..., n) or (..., n, k).

    Returns:
        Array of the shape of ``b``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]))
        [1.  0.5]
    """
    a, b = _square(a, "solve"), as_float(b)
    if b.ndim == a.ndim - 1:
        return jnp.linalg.solve(a, b[..., None])[..., 0]
    return jnp.linalg.solve(a, b)


@op
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> jax.Array:
    """Return x with ``a @ x == b`` for triangular ``a``.

    Args:
        a: Matrices (..., n, n); only one triangle is read.
        b: Right sides (..., n) or (..., n, k).
        lower: Whether to read the lower triangle.

    Returns:
        Array of the shape of ``b``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.solve_triangular([[2.0, 0.0], [2.0, 1.0]], [2.0, 3.0], lower=True))
        [1. 1.]
    """
    a, b = _square(a, "solve_triangular"), as_float(b)
    vector = b.ndim == a.ndim - 1
    columns = b[..., None] if vector else b
    dtype = jnp.result_type(a, b)
    result = jax.lax.linalg.triangular_solve(a.astype(dtype), columns.astype(dtype), left_side=True, lower=lower)
    return result[..., 0] if vector else result


@op
def lstsq(a: Tensor, b: Tensor, rcond: Any = None) -> jax.Array:
    """Return the least-squares solution x, which minimizes the norm of ``a @ x - b``.

    Args:
        a: Matrix (m, n).
        b: Right sides (m,) or (m, k).
        rcond: Singular values below ``rcond`` times the largest count as zero.

    Returns:
        Array (n,) or (n, k).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.lstsq([[1.0], [1.0]], [1.0, 3.0]))
        [2.]
    """
    return jnp.linalg.lstsq(as_float(a), as_float(b), rcond=rcond)[0]


@op
def norm(x: Tensor, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Return a norm of vectors or matrices.

    Args:
        x: Array-like of any shape.
        ord: The norm: a number p, ``inf``, ``-inf``, and for matrices ``"fro"`` and ``"nuc"``; by default the Euclidean
            norm of all elements.
        axis: Int: vectors along this axis; pair of ints: matrices in this plane; all of ``x`` for ``None``.
        keepdims: Whether the reduced axes stay, with size one.

    Raises:
        ValueError: If the norm doesn't exist for vectors, or for matrices.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.norm([3.0, 4.0]), ops.norm([3.0, 4.0], ord=1))
        5.0 7.0
    """
    x, axis = as_float(x), as_axes(axis)
    is_vector = isinstance(axis, int) or (axis is None and x.ndim == 1)
    if is_vector and ord in (jnp.inf, -jnp.inf):
        return (largest if ord > 0 else smallest)(jnp.abs(x), axis, keepdims)
    return jnp.linalg.norm(x, ord=ord, axis=axis, keepdims=keepdims)


@op
def jvp(fun: Callable, primals: Any, tangents: Any, has_aux: bool = False) -> tuple:
    """Return a function's value and its derivative in a direction.

    Args:
        fun: Function of arrays, made of ops.
        primals: Tuple of arguments.
        tangents: Tuple of directions, like the arguments.
        has_aux: Whether ``fun`` returns ``(value, auxiliary)``; the auxiliary value is then returned as third result.

    Example:
        >>> from kernelkit import ops
        >>> value, slope = ops.jvp(ops.square, (3.0,), (1.0,))
        >>> print(value, slope)
        9.0 6.0
    """
    primals, tangents = (tuple(as_array(v) for v in values) for values in (primals, tangents))
    return jax.jvp(fun, primals, tangents, has_aux=has_aux)
