"""Dtype names and promotion rules.

Dtypes are plain strings everywhere in kernelkit (``"float32"``, ``"int32"``, ``"bool"``). Promotion follows jax's
lattice, in which a Python number never widens an array.
Source: https://docs.jax.dev/en/latest/type_promotion.html
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import dtypes as _jax_dtypes

from kernelkit import config
from kernelkit.typing import DType

ALLOWED = (
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 bfloat16 float16 float32 float64 complex64 complex128 "
    "string float8_e4m3fn float8_e5m2 int4 uint4"
).split()
_PYTHON = {bool: "bool", int: "int32", float: None, complex: "complex64", str: "string"}


def standardize_dtype(dtype: DType) -> str:
    """Return a dtype's name.

    Args:
        dtype: A name, a Python type, a NumPy, jax, TensorFlow or torch dtype, or ``None`` for :func:`config.floatx`.

    Raises:
        ValueError: If kernelkit doesn't know the dtype.

    Example:
        >>> import numpy as np
        >>> standardize_dtype(np.dtype("uint8")), standardize_dtype(float)
        ('uint8', 'float32')
    """
    if dtype is None:
        return config.floatx()
    if isinstance(dtype, str):
        name = {"float": config.floatx(), "int": "int32", "half": "float16", "double": "float64"}.get(dtype, dtype)
    elif isinstance(dtype, type) and dtype in _PYTHON:
        name = _PYTHON[dtype] or config.floatx()
    elif str(dtype).startswith("torch."):
        name = str(dtype).split(".")[-1]
    elif hasattr(dtype, "name") and isinstance(dtype.name, str):
        name = dtype.name
    else:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = str(getattr(dtype, "__name__", dtype))
    if name.startswith("str"):
        name = "string"
    if name not in ALLOWED:
        raise ValueError(f"Unknown dtype {dtype!r}. kernelkit knows {', '.join(ALLOWED)}.")
    return name


def canonical(dtype: DType) -> Any:
    """Return the dtype that jax uses for a name: 64-bit types are 32-bit ones unless jax's x64 mode is on."""
    return _jax_dtypes.canonicalize_dtype(jnp.dtype(standardize_dtype(dtype)))


def is_float(dtype: DType) -> bool:
    """Return whether a dtype is a real floating-point type.

    Example:
        >>> from kernelkit import backend as K
        >>> K.is_float_dtype("bfloat16"), K.is_float_dtype("int32")
        (True, False)
    """
    return "float" in standardize_dtype(dtype)


def is_int(dtype: DType) -> bool:
    """Return whether a dtype is a signed or unsigned integer type.

    Example:
        >>> from kernelkit import backend as K
        >>> K.is_int_dtype("uint8"), K.is_int_dtype("bool")
        (True, False)
    """
    return "int" in standardize_dtype(dtype)


def result_type(*dtypes: Any) -> str:
    """Return the dtype to which values of the given dtypes are promoted together.

    Args:
        *dtypes: Names or dtype objects; Python's ``int`` and ``float`` types are weak and widen nothing.

    Example:
        >>> result_type("int32", "bfloat16"), result_type(float, "float16")
        ('bfloat16', 'float16')
    """
    if not dtypes:
        return config.floatx()
    values = [d if d in (int, float, bool, complex) else jnp.dtype(standardize_dtype(d)) for d in dtypes]
    weak = [v(0) if isinstance(v, type) else v for v in values]
    name = jnp.result_type(*weak).name
    if all(v is float for v in values):
        return config.floatx()
    return _jax_dtypes.canonicalize_dtype(name).name
