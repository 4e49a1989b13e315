"""Ops from lines of a table: Keras's signature around a function of `jax.numpy`, and a docstring.

Most ops are functions of `jax.numpy` under Keras's names and argument names. Each op is one line of a table, such as
``cos = unary("cos", jnp.cos, summary, example)``. The example has the form ``arguments -> printed result``; ``~>``
means that the result is rounded to three digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config, dtypes
from kernelkit.dispatch import op
from kernelkit.ops.unknown_sizes import broadcast_spec, integer_spec, with_spec
from kernelkit.typing import Axis, DType, Tensor

Row = Callable[..., Any]


def as_array(x: Tensor) -> jax.Array:
    """Return lists, NumPy arrays and numbers as jax arrays; the dtype of a Python number stays weak."""
    return x if isinstance(x, jax.Array) else jnp.asarray(x)


def as_operand(x: Tensor) -> Tensor:
    """Return arrays as :func:`as_array` does, and Python numbers unchanged: the same result, but faster."""
    return x if isinstance(x, (jax.Array, int, float, complex)) else jnp.asarray(x)


def as_float(x: Tensor) -> jax.Array:
    """Return an array of a float or complex dtype; integers and booleans are cast to the default float type."""
    x = as_array(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(config.floatx())


def unary(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an elementwise op ``name(x)``."""

    def elementwise(x: Tensor) -> jax.Array:
        return function(as_array(x))

    notes = {"x": "Array-like of any shape."}
    return docstring(elementwise, name, summary, notes, "Array of the shape of ``x``.", example)


def binary(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an op ``name(x1, x2)`` of two arrays that broadcast."""

    def elementwise(x1: Tensor, x2: Tensor) -> jax.Array:
        return function(as_operand(x1), as_operand(x2))

    notes = {"x1": "Array-like.", "x2": "Array-like that broadcasts against ``x1``."}
    row = docstring(elementwise, name, summary, notes, "Array of the broadcast shape.", example)
    return with_spec(broadcast_spec)(row)


def binary_xy(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an op ``name(x, y)`` of two integer arrays that broadcast."""

    def elementwise(x: Tensor, y: Tensor) -> jax.Array:
        return function(as_operand(x), as_operand(y))

    notes = {"x": "Integers or booleans.", "y": "Integers or booleans that broadcast against ``x``."}
    row = docstring(elementwise, name, summary, notes, "Array of the broadcast shape.", example)
    return with_spec(integer_spec("x", "y", rule=broadcast_spec))(row)


def reduction(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an op ``name(x, axis=None, keepdims=False)`` that reduces axes."""

    def reduce(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
        return function(as_array(x), axis=as_axes(axis), keepdims=keepdims)

    notes = {
        "x": "Array-like of any shape.",
        "axis": "Int or tuple of ints: the axes to reduce; all axes for ``None``.",
        "keepdims": "Whether the reduced axes stay, with size one.",
    }
    return docstring(reduce, name, summary, notes, "Array without the reduced axes.", example)


def running(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an op ``name(x, axis=None, dtype=None)`` that accumulates along an axis."""

    def accumulate(x: Tensor, axis: int | None = None, dtype: DType = None) -> jax.Array:
        x = as_array(x)
        if dtype is not None:
            dtype = dtypes.canonical(dtype)
        elif x.dtype == bool:
            dtype = jnp.int32
        return function(x, axis=axis, dtype=dtype)

    notes = {
        "x": "Array-like of any shape.",
        "axis": "Int: the axis of the running result; ``None`` flattens ``x`` first.",
        "dtype": "Dtype of the computation and the result.",
    }
    return docstring(accumulate, name, summary, notes, "Array of the shape of ``x``, or flat.", example)


def arg_reduction(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an op ``name(x, axis=None, keepdims=False)`` that returns indices."""

    def find(x: Tensor, axis: int | None = None, keepdims: bool = False) -> jax.Array:
        return function(as_array(x), axis=axis, keepdims=keepdims).astype("int32")

    notes = {
        "x": "Array-like of any shape.",
        "axis": "Int: the axis to search along; ``None`` searches the flat array.",
        "keepdims": "Whether the axis stays, with size one.",
    }
    return docstring(find, name, summary, notes, "int32 indices, without the axis.", example)


def window(name: str, function: Callable, summary: str, example: str) -> Row:
    """Return an op ``name(x)`` that makes a window of ``x`` points."""

    def points(x: Tensor) -> jax.Array:
        with needs_values(name, "Pass the number of points as an int."):
            return function(int(x))

    return docstring(points, name, summary, {"x": "Int: number of points."}, "Float array (x,).", example)


def as_axes(axis: Axis) -> Any:
    """Return axes in the form that jax takes: lists become tuples."""
    return tuple(axis) if isinstance(axis, list) else axis


def docstring(function: Callable, name: str, summary: str, notes: dict[str, str], returns: str, example: str) -> Row:
    """Return a function as an op with a name and a docstring: summary, notes on arguments, example."""
    arguments, shown = example.split(" -> ")
    shown = shown.replace("\n", "\n    ")
    lines = [summary, "", "Args:", *(f"    {k}: {v}" for k, v in notes.items()), "", "Returns:", f"    {returns}", ""]
    lines += [
        "Example:",
        "    >>> from kernelkit import ops",
        f"    >>> print(ops.{name}({arguments}))",
        f"    {shown}",
    ]
    function.__name__ = function.__qualname__ = name
    function.__module__ = "kernelkit.ops"
    function.__doc__ = "\n".join(lines)
    return op(function)


@contextmanager
def needs_values(name: str, instead: str) -> Iterator[None]:
    """Raise a clear error if a function is traced whose output shape depends on values.

    Args:
        name: Name of the function.
        instead: Advice at the end of the message.
    """
    try:
        yield
    except jax.errors.ConcretizationTypeError:
        raise ValueError(
            f"The shape of {name}()'s result depends on the values of its input, which symbolic tensors and functions "
            f"inside jax.jit don't have. {instead}"
        ) from None
