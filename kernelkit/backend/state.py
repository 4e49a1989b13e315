"""Variables and their values, shapes and dtypes, under Keras 2's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelkit import config, ops, scope
from kernelkit.dtypes import is_float as is_float_dtype
from kernelkit.dtypes import is_int as is_int_dtype
from kernelkit.dtypes import result_type, standardize_dtype
from kernelkit.variable import Variable

__all__ = [
    "batch_get_value",
    "batch_set_value",
    "count_params",
    "dtype",
    "eval",
    "get_uid",
    "get_value",
    "int_shape",
    "is_float_dtype",
    "is_int_dtype",
    "moving_average_update",
    "ndim",
    "result_type",
    "set_value",
    "shape",
    "standardize_dtype",
    "update",
    "update_add",
    "update_sub",
    "variable",
]


def get_uid(prefix: str = "") -> int:
    """Return 1, 2, 3 ...: how often a prefix was asked for; automatic names of layers count along.

    Example:
        >>> import kernelkit as kk
        >>> kk.utils.clear_session()
        >>> kk.backend.get_uid("part"), kk.backend.get_uid("part")
        (1, 2)
    """
    return scope.count_name(prefix) + 1


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """Return a variable with a value.

    Args:
        value: Array-like.
        dtype: Dtype; the default float dtype, if none is given.
        name: Name.
        constraint: Function that an optimizer applies to the value after each update.
    """
    made = Variable(np.asarray(value), dtype=dtype or config.floatx(), name=name)
    made.constraint = constraint
    return made


def dtype(x: Any) -> str:
    """Return the name of an array's dtype."""
    return standardize_dtype(x.dtype)


def shape(x: Any) -> Any:
    """Return an array's shape; unknown sizes are ``None``."""
    return ops.shape(x)


def int_shape(x: Any) -> tuple | None:
    """Return an array's shape as a tuple of ints and ``None``, or ``None`` for what has no shape."""
    found = getattr(x, "shape", None)
    return None if found is None else tuple(found)


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(x.shape)


def count_params(x: Any) -> int:
    """Return the number of values of a variable or array."""
    return math.prod(x.shape)


def eval(x: Any) -> np.ndarray:
    """Return the value of a variable or array as a NumPy array."""
    return ops.convert_to_numpy(x)


def get_value(x: Any) -> np.ndarray:
    """Return the value of a variable or array as a NumPy array; a plain number as it is."""
    return ops.convert_to_numpy(x)


def set_value(x: Variable, value: Any) -> None:
    """Assign a value to a variable."""
    x.assign(np.asarray(value, dtype=standardize_dtype(x.dtype)))


def batch_get_value(tensors: Any) -> list[np.ndarray]:
    """Return the values of variables as NumPy arrays."""
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Any) -> None:
    """Assign values to variables, given as pairs."""
    for x, value in tuples:
        set_value(x, value)


def update(x: Variable, new_x: Any) -> Variable:
    """Assign a value to a variable and return it."""
    x.assign(new_x)
    return x


def update_add(x: Variable, increment: Any) -> Variable:
    """Add to a variable and return it."""
    x.assign_add(increment)
    return x


def update_sub(x: Variable, decrement: Any) -> Variable:
    """Subtract from a variable and return it."""
    x.assign_sub(decrement)
    return x


def moving_average_update(x: Variable, value: Any, momentum: float) -> Variable:
    """Assign ``x * momentum + value * (1 - momentum)`` to a variable and return it."""
    return update(x, x.value * momentum + value * (1 - momentum))
