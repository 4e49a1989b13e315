"""Variables and their values, shapes and dtypes, under Keras 2's names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kernelkit import config, ops, scope
from kernelkit.dtypes import is_float as is_float_dtype
from kernelkit.dtypes import is_int as is_int_dtype
from kernelkit.dtypes import result_type, standardize_dtype
from kernelkit.typing import DType, Tensor, Tree
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
    """Return the next number of a prefix: 1, 2, 3 ... Automatic names of layers use the same counters.

    Example:
        >>> import kernelkit as kk
        >>> kk.utils.clear_session()
        >>> kk.backend.get_uid("part"), kk.backend.get_uid("part")
        (1, 2)
    """
    return scope.count_name(prefix) + 1


def variable(value: Any, dtype: DType = None, name: str | None = None, constraint: Any = None) -> Variable:
    """Return a variable with a value.

    Args:
        value: Array-like.
        dtype: Dtype; the default float dtype, if none is given.
        name: Name.
        constraint: Function that an optimizer applies to the value after each update.

    Example:
        >>> from kernelkit import backend as K
        >>> K.variable([1.0, 2.0]).shape
        (2,)
    """
    made = Variable(np.asarray(value), dtype=dtype or config.floatx(), name=name)
    made.constraint = constraint
    return made


def dtype(x: Tensor) -> str:
    """Return the name of an array's dtype.

    Example:
        >>> from kernelkit import backend as K
        >>> K.dtype(K.ones(2))
        'float32'
    """
    return standardize_dtype(x.dtype)


def shape(x: Tensor) -> Any:
    """Return an array's shape; unknown sizes are ``None``.

    Example:
        >>> from kernelkit import backend as K
        >>> K.shape(K.ones((2, 3)))
        (2, 3)
    """
    return ops.shape(x)


def int_shape(x: Tensor) -> tuple | None:
    """Return an array's shape as a tuple of ints and ``None``, or ``None`` for an object without a shape.

    Example:
        >>> from kernelkit import backend as K
        >>> K.int_shape(K.ones((2, 3)))
        (2, 3)
    """
    found = getattr(x, "shape", None)
    return None if found is None else tuple(found)


def ndim(x: Tensor) -> int:
    """Return the number of axes.

    Example:
        >>> from kernelkit import backend as K
        >>> K.ndim(K.ones((2, 3)))
        2
    """
    return len(x.shape)


def count_params(x: Tensor) -> int:
    """Return the number of values of a variable or array.

    Example:
        >>> from kernelkit import backend as K
        >>> K.count_params(K.ones((2, 3)))
        6
    """
    return math.prod(x.shape)


def eval(x: Tensor) -> np.ndarray:
    """Return the value of a variable or array as a NumPy array.

    Example:
        >>> from kernelkit import backend as K
        >>> K.eval(K.ones(2)).tolist()
        [1.0, 1.0]
    """
    return ops.convert_to_numpy(x)


def get_value(x: Tensor) -> np.ndarray:
    """Return the value of a variable or array as a NumPy array; a plain number unchanged.

    Example:
        >>> from kernelkit import backend as K
        >>> K.get_value(K.variable([1.0, 2.0])).tolist()
        [1.0, 2.0]
    """
    return ops.convert_to_numpy(x)


def set_value(x: Variable, value: Tensor) -> None:
    """Assign a value to a variable.

    Example:
        >>> from kernelkit import backend as K
        >>> v = K.variable(1.0)
        >>> K.set_value(v, 5.0)
        >>> K.get_value(v).tolist()
        5.0
    """
    x.assign(np.asarray(value, dtype=standardize_dtype(x.dtype)))


def batch_get_value(tensors: Tree) -> list[np.ndarray]:
    """Return the values of variables as NumPy arrays.

    Example:
        >>> from kernelkit import backend as K
        >>> [value.tolist() for value in K.batch_get_value([K.variable(1.0), K.variable(2.0)])]
        [1.0, 2.0]
    """
    return [get_value(x) for x in tensors]


def batch_set_value(tuples: Any) -> None:
    """Assign values to variables, given as pairs.

    Example:
        >>> from kernelkit import backend as K
        >>> v = K.variable(1.0)
        >>> K.batch_set_value([(v, 5.0)])
        >>> float(v)
        5.0
    """
    for x, value in tuples:
        set_value(x, value)


def update(x: Variable, new_x: Any) -> Variable:
    """Assign a value to a variable and return it.

    Example:
        >>> from kernelkit import backend as K
        >>> v = K.variable(1.0)
        >>> _ = K.update(v, 5.0)
        >>> float(v)
        5.0
    """
    x.assign(new_x)
    return x


def update_add(x: Variable, increment: Any) -> Variable:
    """Add to a variable and return it.

    Example:
        >>> from kernelkit import backend as K
        >>> v = K.variable(1.0)
        >>> _ = K.update_add(v, 5.0)
        >>> float(v)
        6.0
    """
    x.assign_add(increment)
    return x


def update_sub(x: Variable, decrement: Any) -> Variable:
    """Subtract from a variable and return it.

    Example:
        >>> from kernelkit import backend as K
        >>> v = K.variable(1.0)
        >>> _ = K.update_sub(v, 5.0)
        >>> float(v)
        -4.0
    """
    x.assign_sub(decrement)
    return x


def moving_average_update(x: Variable, value: Tensor, momentum: float) -> Variable:
    """Assign ``x * momentum + value * (1 - momentum)`` to a variable and return it.

    Example:
        >>> import kernelkit as kk
        >>> average = kk.Variable(10.0)
        >>> float(kk.backend.moving_average_update(average, 0.0, momentum=0.9))
        9.0
    """
    return update(x, x.value * momentum + value * (1 - momentum))
