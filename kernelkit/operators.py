"""Python's operators for variables, symbolic tensors and taped tensors, in one table.

`a + b` on any of them is `ops.add(a, b)`. The function library is on a higher floor and registers its functions with
:func:`install` at its import.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelkit.typing import Tensor

_functions: dict[str, Callable] = {}

_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "mod",
    "pow": "power",
    "matmul": "matmul",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
_REFLECTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_NO_TENSORS = (str, bytes, dict, type(None))
_UNARY = {"neg": "negative", "abs": "absolute", "invert": "logical_not"}


def install(functions: dict[str, Callable]) -> None:
    """Give the operators their functions: names of :mod:`kernelkit.ops` and ``getitem``."""
    _functions.update(functions)


def function(name: str) -> Callable:
    """Return the function of the library that was installed under a name."""
    return _functions[name]


class Operators:
    """Arithmetic, comparison and indexing through the function library."""

    # NumPy must not take over `np_array + tensor` element by element.
    __array_priority__ = 100

    def __getitem__(self, key: Tensor) -> Any:
        return _functions["getitem"](self, key)

    def __round__(self, ndigits: int | None = None) -> Any:
        return _functions["round"](self, decimals=ndigits or 0)

    # `==` compares elements, so hashing by identity must be explicit.
    def __hash__(self) -> int:
        return id(self)


def _binary(function: str) -> Callable:
    return lambda self, other: _functions[function](self, other)


def _comparison(function: str) -> Callable:
    """Return ``==`` or ``!=``: element by element, and Python's answer for what is no tensor, such as a string."""
    return lambda self, other: (
        NotImplemented if isinstance(other, _NO_TENSORS) or callable(other) else _functions[function](self, other)
    )


def _reflected(function: str) -> Callable:
    return lambda self, other: _functions[function](other, self)


def _unary(function: str) -> Callable:
    return lambda self: _functions[function](self)


for _name, _function in _BINARY.items():
    setattr(Operators, f"__{_name}__", (_comparison if _name in ("eq", "ne") else _binary)(_function))
for _name in _REFLECTED:
    setattr(Operators, f"__r{_name}__", _reflected(_BINARY[_name]))
for _name, _function in _UNARY.items():
    setattr(Operators, f"__{_name}__", _unary(_function))
