"""Arithmetic on two arrays that broadcast."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.rows import as_array, as_operand, binary
from kernelkit.ops.unknown_sizes import broadcast_spec, integer_spec, with_spec
from kernelkit.typing import Tensor

add = binary("add", jnp.add, "Return the sum of two arrays.", "[1, 2], 10 -> [11 12]")
subtract = binary("subtract", jnp.subtract, "Return the difference of two arrays.", "[1, 2], 10 -> [-9 -8]")
multiply = binary(
    "multiply", jnp.multiply, "Return the product of two arrays, element by element.", "[1, 2], 10 -> [10 20]"
)
divide = binary(
    "divide", jnp.divide, "Return the quotient of two arrays, a float also for integers.", "[1, 2], 2 -> [0.5 1. ]"
)
true_divide = binary(
    "true_divide", jnp.true_divide, "Return the quotient of two arrays, a float.", "[1, 2], 2 -> [0.5 1. ]"
)
floor_divide = binary("floor_divide", jnp.floor_divide, "Return the quotient rounded down.", "[7, -7], 2 -> [ 3 -4]")
mod = binary("mod", jnp.mod, "Return the remainder of a division, with the sign of ``x2``.", "[7, -7], 3 -> [1 2]")
fmod = binary("fmod", jnp.fmod, "Return the remainder of a division, with the sign of ``x1``.", "[7, -7], 3 -> [ 1 -1]")
power = binary("power", jnp.power, "Return ``x1`` to the power of ``x2``.", "[2.0, 3.0], 2 -> [4. 9.]")
maximum = binary("maximum", jnp.maximum, "Return the larger of two elements; NaN if one is NaN.", "[1, 5], 3 -> [3 5]")
minimum = binary("minimum", jnp.minimum, "Return the smaller of two elements; NaN if one is NaN.", "[1, 5], 3 -> [1 3]")
fmax = binary(
    "fmax",
    jnp.fmax,
    "Return the larger of two elements; if one is NaN, the other.",
    "[1.0, float('nan')], 3.0 -> [3. 3.]",
)
fmin = binary(
    "fmin",
    jnp.fmin,
    "Return the smaller of two elements; if one is NaN, the other.",
    "[1.0, float('nan')], 3.0 -> [1. 3.]",
)
hypot = binary("hypot", jnp.hypot, "Return ``sqrt(x1**2 + x2**2)`` without overflow.", "[3.0], [4.0] -> [5.]")
gcd = binary("gcd", jnp.gcd, "Return the greatest common divisor of two integers.", "[12, 9], 6 -> [6 3]")
lcm = binary("lcm", jnp.lcm, "Return the least common multiple of two integers.", "[4, 6], 6 -> [12  6]")
gcd, lcm = (with_spec(integer_spec("x1", "x2", rule=broadcast_spec))(row) for row in (gcd, lcm))
heaviside = binary(
    "heaviside",
    jnp.heaviside,
    "Return 0 below zero, 1 above, ``x2`` at zero.",
    "[-1.0, 0.0, 2.0], 0.5 -> [0.  0.5 1. ]",
)
nextafter = binary(
    "nextafter", jnp.nextafter, "Return the float next to ``x1`` towards ``x2``.", "[0.0], [1.0] -> [1.e-45]"
)
ldexp = with_spec(integer_spec("x2", rule=broadcast_spec))(
    binary("ldexp", jnp.ldexp, "Return ``x1 * 2**x2`` for integers ``x2``.", "[0.5, 0.5], [1, 3] -> [1. 4.]")
)
arctan2 = binary(
    "arctan2",
    jnp.arctan2,
    "Return the angle of the points (x2, x1), in (-pi, pi].",
    "[1.0, -1.0], [0.0, -1.0] -> [ 1.5708 -2.3562]",
)
logaddexp = binary(
    "logaddexp",
    jnp.logaddexp,
    "Return ``log(exp(x1) + exp(x2))`` without overflow.",
    "[1000.0], [1000.0] -> [1000.6932]",
)
logaddexp2 = binary(
    "logaddexp2", jnp.logaddexp2, "Return ``log2(2**x1 + 2**x2)`` without overflow.", "[1000.0], [1000.0] -> [1001.]"
)


def _divide_no_nan(x1: Tensor, x2: Tensor) -> jax.Array:
    x2 = as_array(x2)
    # The inner `where` keeps the gradient finite where x2 is zero.
    safe = jnp.where(x2 == 0, jnp.ones((), x2.dtype), x2)
    quotient = jnp.divide(x1, safe)
    return jnp.where(x2 == 0, jnp.zeros((), quotient.dtype), quotient)


divide_no_nan = binary(
    "divide_no_nan",
    _divide_no_nan,
    "Return the quotient of two arrays, 0 where ``x2`` is 0.",
    "[1.0, 2.0], [0.0, 4.0] -> [0.  0.5]",
)


@op
def clip(x: Tensor, x_min: Tensor, x_max: Tensor) -> jax.Array:
    """Limit each element to a range.

    Args:
        x: Array-like.
        x_min: Smallest value, a number or an array that broadcasts; ``None`` for no limit.
        x_max: Largest value, likewise.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.clip([-1.0, 0.5, 3.0], 0.0, 1.0))
        [0.  0.5 1. ]
    """
    x = as_array(x)
    if x.dtype == bool:
        x = x.astype("int32")
    lower, upper = (None if v is None else as_operand(v) for v in (x_min, x_max))
    return jnp.clip(x, lower, upper)
