"""Elementwise functions of one array."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import dtypes
from kernelkit.dispatch import op
from kernelkit.ops.rows import as_array, as_float, unary
from kernelkit.typing import DType, Tensor

# Powers and roots
absolute = unary("absolute", jnp.absolute, "Return the absolute value of each element.", "[-1.5, 2.0] -> [1.5 2. ]")
abs = absolute
fabs = unary("fabs", jnp.fabs, "Return the absolute value of each element as a float.", "[-1, 2] -> [1. 2.]")
negative = unary("negative", jnp.negative, "Return each element with its sign changed.", "[1.0, -2.0] -> [-1.  2.]")
reciprocal = unary("reciprocal", jnp.reciprocal, "Return 1 divided by each element.", "[2.0, 4.0] -> [0.5  0.25]")
square = unary("square", jnp.square, "Return the square of each element.", "[-2, 3] -> [4 9]")
sqrt = unary("sqrt", jnp.sqrt, "Return the square root of each element, NaN below zero.", "[4.0, 9.0] -> [2. 3.]")
cbrt = unary("cbrt", jnp.cbrt, "Return the cube root of each element.", "[8.0, -27.0] -> [ 2. -3.]")
sign = unary("sign", jnp.sign, "Return -1, 0 or 1, the sign of each element.", "[-3.0, 0.0, 2.0] -> [-1.  0.  1.]")
signbit = unary(
    "signbit",
    jnp.signbit,
    "Return where the sign bit is set; true for -0.0, false for 0.0.",
    "[-0.0, 0.0] -> [ True False]",
)

# Exponentials and logarithms
exp = unary("exp", jnp.exp, "Return e to the power of each element.", "[0.0, 1.0] -> [1.     2.7183]")
exp2 = unary("exp2", jnp.exp2, "Return 2 to the power of each element.", "[0.0, 3.0] -> [1. 8.]")
expm1 = unary("expm1", jnp.expm1, "Return ``exp(x) - 1``, accurate for small elements.", "[0.0, 1.0] -> [0.    1.718]")
log = unary("log", jnp.log, "Return the natural logarithm of each element.", "[1.0, 10.0] -> [0.     2.3026]")
log2 = unary("log2", jnp.log2, "Return the logarithm to base 2 of each element.", "[1.0, 8.0] -> [0. 3.]")
log10 = unary("log10", jnp.log10, "Return the logarithm to base 10 of each element.", "[1.0, 1000.0] -> [0. 3.]")
log1p = unary("log1p", jnp.log1p, "Return ``log(1 + x)``, accurate for small elements.", "[0.0, 1.0] -> [0.    0.693]")

# Angles, in radians
sin = unary("sin", jnp.sin, "Return the sine of each element, in radians.", "[0.0, 1.0] -> [0.    0.841]")
cos = unary("cos", jnp.cos, "Return the cosine of each element, in radians.", "[0.0, 1.0] -> [1.   0.54]")
tan = unary("tan", jnp.tan, "Return the tangent of each element, in radians.", "[0.0, 1.0] -> [0.    1.557]")
arcsin = unary("arcsin", jnp.arcsin, "Return the angle in [-pi/2, pi/2] of each sine.", "[0.0, 1.0] -> [0.     1.5708]")
arccos = unary("arccos", jnp.arccos, "Return the angle in [0, pi] of each cosine.", "[1.0, 0.0] -> [0.     1.5708]")
arctan = unary(
    "arctan", jnp.arctan, "Return the angle in (-pi/2, pi/2) of each tangent.", "[0.0, 1.0] -> [0.    0.785]"
)
sinh = unary("sinh", jnp.sinh, "Return the hyperbolic sine of each element.", "[0.0, 1.0] -> [0.     1.1752]")
cosh = unary("cosh", jnp.cosh, "Return the hyperbolic cosine of each element.", "[0.0, 1.0] -> [1.     1.5431]")
tanh = unary("tanh", jnp.tanh, "Return the hyperbolic tangent of each element.", "[0.0, 1.0] -> [0.    0.762]")
arcsinh = unary(
    "arcsinh",
    jnp.arcsinh,
    "Return the inverse hyperbolic sine of each element.",
    "[0.0, 1.0] -> [0.     0.8814]",
)
arccosh = unary(
    "arccosh",
    jnp.arccosh,
    "Return the inverse hyperbolic cosine of each element.",
    "[1.0, 2.0] -> [0.    1.317]",
)
arctanh = unary(
    "arctanh", jnp.arctanh, "Return the inverse hyperbolic tangent of each element.", "[0.0, 0.5] -> [0.    0.549]"
)
sinc = unary("sinc", jnp.sinc, "Return ``sin(pi x) / (pi x)``, 1 where x is 0.", "[0.0, 0.5] -> [1.    0.637]")
deg2rad = unary("deg2rad", jnp.deg2rad, "Return degrees as radians.", "[0.0, 180.0] -> [0.     3.1416]")
rad2deg = unary("rad2deg", jnp.rad2deg, "Return radians as degrees.", "[0.0, 3.1415927] -> [  0. 180.]")
i0 = unary(
    "i0",
    jnp.i0,
    "Return the modified Bessel function of the first kind, order 0.",
    "[1.0, 2.0] -> [1.266 2.2796]",
)

# Rounding
floor = unary(
    "floor", lambda x: jnp.floor(as_float(x)), "Return each element rounded down.", "[1.7, -1.2] -> [ 1. -2.]"
)
ceil = unary("ceil", lambda x: jnp.ceil(as_float(x)), "Return each element rounded up.", "[1.2, -1.7] -> [ 2. -1.]")
trunc = unary("trunc", jnp.trunc, "Return each element rounded towards zero.", "[1.7, -1.7] -> [ 1. -1.]")

# Complex numbers
real = unary("real", jnp.real, "Return the real part of each element.", "[1 + 2j, 3.0] -> [1. 3.]")
imag = unary("imag", jnp.imag, "Return the imaginary part of each element.", "[1 + 2j, 3.0] -> [2. 0.]")
conjugate = unary(
    "conjugate", jnp.conjugate, "Return each element with its imaginary part negated.", "[1 + 2j] -> [1.-2.j]"
)
conj = conjugate
angle = unary(
    "angle",
    jnp.angle,
    "Return the angle of each complex number in the plane, in radians.",
    "[1j, 1.0] -> [1.5708 0.    ]",
)

copy = unary("copy", jnp.copy, "Return a copy that shares no memory with ``x``.", "[1, 2] -> [1 2]")


@op
def round(x: Tensor, decimals: int = 0) -> jax.Array:
    """Round to a number of decimals; halves are rounded to the even neighbor.

    Args:
        x: Array-like of any shape.
        decimals: Number of digits after the decimal point; negative numbers count digits before it.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.round([1.25, 2.5, 3.5], decimals=0))
        [1. 2. 4.]
    """
    x = as_array(x)
    if decimals < 0 and jnp.issubdtype(x.dtype, jnp.integer):
        unit = 10**-decimals
        return (jnp.round(x / unit) * unit).astype(x.dtype)
    return jnp.round(x, decimals)


@op
def nan_to_num(x: Tensor, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> jax.Array:
    """Replace NaN and infinities by finite numbers.

    Args:
        x: Array-like of any shape.
        nan: Replacement for NaN.
        posinf: Replacement for infinity; the dtype's largest number by default.
        neginf: Replacement for minus infinity; the dtype's smallest number by default.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.nan_to_num([float("nan"), float("inf")], posinf=9.0))
        [0. 9.]
    """
    return jnp.nan_to_num(as_array(x), nan=nan, posinf=posinf, neginf=neginf)


@op
def view(x: Tensor, dtype: DType = None) -> jax.Array:
    """Reinterpret the bytes as another dtype; the size of the last axis changes with the dtype's size.

    Args:
        x: Array-like.
        dtype: The new dtype; the dtype of ``x`` by default.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.view(ops.array([1.0, 2.0]), "int32"))
        [1065353216 1073741824]
    """
    return as_array(x).view(dtype if dtype is None else dtypes.standardize_dtype(dtype))
