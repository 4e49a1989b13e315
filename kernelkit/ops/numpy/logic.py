"""Comparisons, logic and bits, and choosing by a condition."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.rows import as_array, as_operand, binary, binary_xy, needs_values, unary
from kernelkit.ops.unknown_sizes import broadcast_spec, integer_spec, with_spec
from kernelkit.typing import Tensor

equal = binary("equal", jnp.equal, "Return where two arrays are equal.", "[1, 2], 2 -> [False  True]")
not_equal = binary("not_equal", jnp.not_equal, "Return where two arrays differ.", "[1, 2], 2 -> [ True False]")
less = binary("less", jnp.less, "Return where ``x1 < x2``.", "[1, 2], 2 -> [ True False]")
less_equal = binary("less_equal", jnp.less_equal, "Return where ``x1 <= x2``.", "[1, 3], 2 -> [ True False]")
greater = binary("greater", jnp.greater, "Return where ``x1 > x2``.", "[1, 3], 2 -> [False  True]")
greater_equal = binary("greater_equal", jnp.greater_equal, "Return where ``x1 >= x2``.", "[1, 2], 2 -> [False  True]")

logical_and = binary(
    "logical_and", jnp.logical_and, "Return where both elements are true.", "[True, False], True -> [ True False]"
)
logical_or = binary(
    "logical_or", jnp.logical_or, "Return where at least one element is true.", "[True, False], False -> [ True False]"
)
logical_xor = binary(
    "logical_xor", jnp.logical_xor, "Return where exactly one element is true.", "[True, False], True -> [False  True]"
)
logical_not = unary(
    "logical_not", jnp.logical_not, "Return where an element is false or zero.", "[True, False] -> [False  True]"
)

isfinite = unary(
    "isfinite", jnp.isfinite, "Return where an element is a finite number.", "[1.0, float('inf')] -> [ True False]"
)
isinf = unary("isinf", jnp.isinf, "Return where an element is infinite.", "[1.0, float('inf')] -> [False  True]")
isnan = unary("isnan", jnp.isnan, "Return where an element is NaN.", "[1.0, float('nan')] -> [False  True]")
isneginf = unary(
    "isneginf", jnp.isneginf, "Return where an element is minus infinity.", "[1.0, -float('inf')] -> [False  True]"
)
isposinf = unary(
    "isposinf", jnp.isposinf, "Return where an element is plus infinity.", "[1.0, float('inf')] -> [False  True]"
)
isreal = unary("isreal", jnp.isreal, "Return where an element has no imaginary part.", "[1.0, 2j] -> [ True False]")

bitwise_and = binary_xy("bitwise_and", jnp.bitwise_and, "Return the bits set in both integers.", "[6, 5], 3 -> [2 1]")
bitwise_or = binary_xy(
    "bitwise_or", jnp.bitwise_or, "Return the bits set in at least one integer.", "[6, 5], 3 -> [7 7]"
)
bitwise_xor = binary_xy(
    "bitwise_xor", jnp.bitwise_xor, "Return the bits set in exactly one integer.", "[6, 5], 3 -> [5 6]"
)
bitwise_left_shift = binary_xy(
    "bitwise_left_shift", jnp.left_shift, "Return ``x`` with its bits moved ``y`` places up.", "[1, 3], 2 -> [ 4 12]"
)
bitwise_right_shift = binary_xy(
    "bitwise_right_shift", jnp.right_shift, "Return ``x`` with its bits moved ``y`` places down.", "[4, 12], 2 -> [1 3]"
)
bitwise_invert = with_spec(integer_spec("x"))(
    unary("bitwise_invert", jnp.invert, "Return each integer with all bits flipped.", "[0, 5] -> [-1 -6]")
)
bitwise_not, left_shift, right_shift = bitwise_invert, bitwise_left_shift, bitwise_right_shift


@with_spec(broadcast_spec)
@op
def isclose(x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> jax.Array:
    """Return where ``|x1 - x2| <= atol + rtol * |x2|``.

    Args:
        x1: Array-like.
        x2: Array-like that broadcasts against ``x1``.
        rtol: Tolerance relative to ``x2``.
        atol: Absolute tolerance.
        equal_nan: Whether NaN equals NaN.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.isclose([1.0, 1.1], 1.0, rtol=0.01))
        [ True False]
    """
    return jnp.isclose(as_array(x1), as_array(x2), rtol, atol, equal_nan)


@with_spec(broadcast_spec)
@op
def allclose(x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> jax.Array:
    """Return whether all elements of two arrays are close, as defined by :func:`isclose`.

    Args:
        x1: Array-like.
        x2: Array-like that broadcasts against ``x1``.
        rtol: Tolerance relative to ``x2``.
        atol: Absolute tolerance.
        equal_nan: Whether NaN equals NaN.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.allclose([1.0, 2.0], [1.0, 2.0 + 1e-7]))
        True
    """
    return jnp.allclose(as_array(x1), as_array(x2), rtol, atol, equal_nan)


@op
def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> jax.Array:
    """Return which elements of one array occur in another.

    Args:
        x1: Array-like, the elements to look for.
        x2: Array-like, where to look.
        assume_unique: Whether the elements of each array are unique, which may be faster.
        invert: Whether to return which elements do not occur.

    Returns:
        Booleans of the shape of ``x1``.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.isin([1, 2, 3], [3, 1]))
        [ True False  True]
    """
    return jnp.isin(as_array(x1), as_array(x2), assume_unique=assume_unique, invert=invert)


@with_spec(broadcast_spec)
@op
def where(condition: Any, x1: Tensor = None, x2: Tensor = None) -> Tensor:
    """Choose elements of ``x1`` where a condition is true, else of ``x2``.

    Args:
        condition: Booleans.
        x1: Array-like that broadcasts against the others.
        x2: Array-like that broadcasts against the others.

    Returns:
        Array of the broadcast shape; with the condition alone, a tuple of indices as :func:`nonzero` gives.

    Raises:
        ValueError: If only one of ``x1`` and ``x2`` is given.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.where([True, False], [1, 2], 0))
        [1 0]
    """
    if (x1 is None) != (x2 is None):
        raise ValueError(
            "where(): `x1` and `x2` either both should be `None` (the condition alone gives indices), or both be given."
        )
    if x1 is None:
        with needs_values("where", "Give x1 and x2 as well, which keeps the shape."):
            return jnp.where(jax.lax.stop_gradient(as_array(condition)))
    return jnp.where(as_array(condition), as_operand(x1), as_operand(x2))


@op
def select(condlist: Any, choicelist: Any, default: Tensor = 0) -> jax.Array:
    """Choose each element from the first array whose condition is true there.

    Args:
        condlist: List of boolean arrays.
        choicelist: List of arrays, one for each condition.
        default: Value where no condition is true.

    Example:
        >>> from kernelkit import ops
        >>> x = ops.array([1, 5, 9])
        >>> print(ops.select([x < 3, x < 7], [x, 10 * x], default=-1))
        [ 1 50 -1]
    """
    return jnp.select([as_array(c) for c in condlist], [as_array(c) for c in choicelist], as_operand(default))
