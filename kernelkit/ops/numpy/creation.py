"""New arrays: constants, ranges, identity matrices, windows."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import dtypes, scope
from kernelkit.dispatch import op
from kernelkit.known_sizes import as_ints
from kernelkit.masked_arrays import unmasked
from kernelkit.ops.rows import as_array, as_operand, needs_values, window
from kernelkit.ops.unknown_sizes import broadcast_spec, with_spec
from kernelkit.typing import DType, ShapeLike, Tensor


def _dtype(dtype: DType) -> Any:
    return dtypes.canonical(dtype)


def zeros(shape: ShapeLike, dtype: DType = None) -> jax.Array:
    """Return an array of zeros.

    Args:
        shape: Int or tuple of ints.
        dtype: Dtype of the result, the default float type if not given.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.zeros((2,)))
        [0. 0.]
    """
    return jnp.zeros(as_ints(shape), _dtype(dtype))


def ones(shape: ShapeLike, dtype: DType = None) -> jax.Array:
    """Return an array of ones.

    Args:
        shape: Int or tuple of ints.
        dtype: Dtype of the result, the default float type if not given.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.ones((2,), dtype="int32"))
        [1 1]
    """
    return jnp.ones(as_ints(shape), _dtype(dtype))


def empty(shape: ShapeLike, dtype: DType = None) -> jax.Array:
    """Return an uninitialized array; in kernelkit it holds zeros.

    Args:
        shape: Int or tuple of ints.
        dtype: Dtype of the result, the default float type if not given.

    Example:
        >>> from kernelkit import ops
        >>> ops.empty((2, 3)).shape
        (2, 3)
    """
    return jnp.empty(as_ints(shape), _dtype(dtype))


@op
def full(shape: ShapeLike, fill_value: Tensor, dtype: DType = None) -> jax.Array:
    """Return an array filled with one value.

    Args:
        shape: Int or tuple of ints.
        fill_value: Number, or an array that broadcasts to the shape.
        dtype: Dtype of the result, the default float type if not given.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.full((2,), 7.0))
        [7. 7.]
    """
    return jnp.full(as_ints(shape), as_operand(fill_value), _dtype(dtype))


@op
def zeros_like(x: Tensor, dtype: DType = None) -> jax.Array:
    """Return zeros of the shape and dtype of ``x``.

    Args:
        x: Array-like.
        dtype: Another dtype.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.zeros_like([1, 2]))
        [0 0]
    """
    return jnp.zeros_like(as_array(x), dtype and _dtype(dtype))


@op
def ones_like(x: Tensor, dtype: DType = None) -> jax.Array:
    """Return ones of the shape and dtype of ``x``.

    Args:
        x: Array-like.
        dtype: Another dtype.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.ones_like([3, 4]))
        [1 1]
    """
    return jnp.ones_like(as_array(x), dtype and _dtype(dtype))


@op
def empty_like(x: Tensor, dtype: DType = None) -> jax.Array:
    """Return an uninitialized array of the shape and dtype of ``x``; in kernelkit it holds zeros.

    Args:
        x: Array-like.
        dtype: Another dtype.

    Example:
        >>> from kernelkit import ops
        >>> ops.empty_like([[1, 2]]).shape
        (1, 2)
    """
    return jnp.empty_like(as_array(x), dtype and _dtype(dtype))


@op
def full_like(x: Tensor, fill_value: Tensor, dtype: DType = None) -> jax.Array:
    """Return an array of the shape and dtype of ``x``, filled with one value.

    Args:
        x: Array-like.
        fill_value: Number, or an array that broadcasts to the shape.
        dtype: Another dtype.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.full_like([1, 2], 7))
        [7 7]
    """
    return jnp.full_like(as_array(x), as_operand(fill_value), dtype and _dtype(dtype))


@op
def array(x: Tensor, dtype: DType = None) -> jax.Array:
    """Return an array-like as an array.

    Args:
        x: Number, nested lists, NumPy array or tensor.
        dtype: Dtype of the result; by default the dtype of the values, 64-bit types as 32-bit types.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.array([[1, 2], [3, 4]]).shape)
        (2, 2)
    """
    return jnp.array(unmasked(x), dtype and _dtype(dtype))


class _Missing:
    """The default of an argument for which ``None`` means an unknown size."""

    def __repr__(self) -> str:
        return "None"


_MISSING = _Missing()


def arange(start: Tensor, stop: Tensor = _MISSING, step: Any = None, dtype: DType = None) -> jax.Array:
    """Return evenly spaced values from ``start`` up to, not including, ``stop``.

    Args:
        start: First value. If ``stop`` is missing, ``start`` is the end and the first value is 0.
        stop: End of the range.
        step: Distance between two values, 1 by default.
        dtype: Dtype of the result; the dtype of the arguments by default.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.arange(1, 7, 2))
        [1 3 5]
    """
    is_empty = isinstance(start, int) and start == 0  # an end of None is always a mistake
    if start is None or (stop is None and (is_empty or scope.in_symbolic_scope())):
        raise TypeError(
            "arange(): an end of the range is None, an unknown size. Put the code into the call() of a layer: sizes "
            "are known there when data come."
        )
    stop = None if isinstance(stop, _Missing) else stop
    if dtype is None:
        kind = lambda v: int if jax.export.is_symbolic_dim(v) else getattr(v, "dtype", type(v))  # noqa: E731
        given = [kind(v) for v in (start, stop, step) if v is not None]
        dtype = dtypes.result_type(*given)
    start, stop, step = as_ints(start), as_ints(stop), as_ints(step)
    if stop is None:
        start, stop = 0, start
    return jnp.arange(start, stop, 1 if step is None else step, _dtype(dtype))


@with_spec(broadcast_spec)
@op
def linspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DType = None,
    axis: int = 0,
) -> Tensor:
    """Return evenly spaced numbers over an interval.

    Args:
        start: First number, or an array of them.
        stop: Last number, or an array of them.
        num: Number of values.
        endpoint: Whether ``stop`` is one of them.
        retstep: Whether to return the distance too, as ``(numbers, step)``.
        dtype: Dtype of the result.
        axis: Position of the new axis if ``start`` or ``stop`` is an array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.linspace(0.0, 1.0, 5))
        [0.   0.25 0.5  0.75 1.  ]
    """
    dtype = dtype and _dtype(dtype)
    return jnp.linspace(as_operand(start), as_operand(stop), num, endpoint, retstep, dtype, axis)


@with_spec(broadcast_spec)
@op
def logspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    base: Tensor = 10,
    dtype: DType = None,
    axis: int = 0,
) -> jax.Array:
    """Return numbers spaced evenly on a logarithmic scale, from ``base**start`` to ``base**stop``.

    Args:
        start: Exponent of the first number, or an array of them.
        stop: Exponent of the last number, or an array of them.
        num: Number of values.
        endpoint: Whether the last one is ``base**stop``.
        base: Base of the powers.
        dtype: Dtype of the result.
        axis: Position of the new axis if ``start`` or ``stop`` is an array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.logspace(0.0, 3.0, 4, base=2))
        [1.000 2.000 4.000 8.000]
    """
    dtype = dtype and _dtype(dtype)
    return jnp.logspace(as_operand(start), as_operand(stop), num, endpoint, as_operand(base), dtype, axis)


@with_spec(broadcast_spec)
@op
def geomspace(
    start: Tensor, stop: Tensor, num: int = 50, endpoint: bool = True, dtype: DType = None, axis: int = 0
) -> jax.Array:
    """Return numbers in geometric progression from ``start`` to ``stop``.

    Args:
        start: First number, or an array of them.
        stop: Last number, or an array of them.
        num: Number of values.
        endpoint: Whether the last one is ``stop``.
        dtype: Dtype of the result.
        axis: Position of the new axis if ``start`` or ``stop`` is an array.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.geomspace(1.0, 4.0, 3))
        [1. 2. 4.]
    """
    dtype = dtype and _dtype(dtype)
    return jnp.geomspace(as_operand(start), as_operand(stop), num, endpoint, dtype, axis)


def eye(N: int, M: int | None = None, k: int = 0, dtype: DType = None) -> jax.Array:
    """Return a matrix with ones on a diagonal and zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns, ``N`` by default.
        k: Which diagonal: 0 the main one, positive above it, negative below.
        dtype: Dtype of the result, the default float type if not given.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.eye(2, 3, k=1))
        [[0. 1. 0.]
         [0. 0. 1.]]
    """
    return jnp.eye(N, M, k, _dtype(dtype))


def identity(n: int, dtype: DType = None) -> jax.Array:
    """Return the identity matrix.

    Args:
        n: Number of rows and columns.
        dtype: Dtype of the result, the default float type if not given.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.identity(2))
        [[1. 0.]
         [0. 1.]]
    """
    return jnp.identity(n, _dtype(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: DType = None) -> jax.Array:
    """Return a matrix with ones on and below a diagonal and zeros above.

    Args:
        N: Number of rows.
        M: Number of columns, ``N`` by default.
        k: Which diagonal: 0 the main one, positive above it, negative below.
        dtype: Dtype of the result, the default float type if not given.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.tri(2, 3))
        [[1. 0. 0.]
         [1. 1. 0.]]
    """
    return jnp.tri(N, M, k, _dtype(dtype))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list:
    """Return the coordinates of a grid as one array for each axis.

    Args:
        *x: The coordinates along each axis; arrays of more axes are flattened.
        indexing: ``"xy"``: the first two axes are swapped, as in images; ``"ij"``: as in matrices.

    Example:
        >>> from kernelkit import ops
        >>> columns, rows = ops.meshgrid([1, 2, 3], [10, 20])
        >>> print(columns)
        [[1 2 3]
         [1 2 3]]
    """
    return list(jnp.meshgrid(*(jnp.ravel(as_array(v)) for v in x), indexing=indexing))


@op
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> jax.Array:
    """Return the Vandermonde matrix: each row holds the powers of one element.

    Args:
        x: One-dimensional array-like.
        N: Number of powers, the length of ``x`` by default.
        increasing: Whether the powers grow from left to right.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.vander([2, 3], 3))
        [[4 2 1]
         [9 3 1]]
    """
    return jnp.vander(as_array(x), N, increasing)


# Windows of signal processing
bartlett = window(
    "bartlett",
    jnp.bartlett,
    "Return the triangular (Bartlett) window of ``x`` points.",
    "4 -> [0.     0.6667 0.6667 0.    ]",
)
blackman = window(
    "blackman",
    jnp.blackman,
    "Return the Blackman window of ``x`` points.",
    "4 -> [-0.00  0.63  0.63 -0.00]",
)
hamming = window(
    "hamming",
    jnp.hamming,
    "Return the Hamming window of ``x`` points.",
    "4 -> [0.08 0.77 0.77 0.08]",
)
hanning = window(
    "hanning",
    jnp.hanning,
    "Return the Hann window of ``x`` points.",
    "4 -> [0.   0.75 0.75 0.  ]",
)


@op
def kaiser(x: Tensor, beta: Tensor) -> jax.Array:
    """Return the Kaiser window of ``x`` points.

    Args:
        x: Int: number of points.
        beta: Shape of the window: 0 is a rectangle, 14 falls to almost zero.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.kaiser(3, 0.0))
        [1. 1. 1.]
    """
    with needs_values("kaiser", "Pass the number of points as an int."):
        return jnp.kaiser(int(x), as_operand(beta))
