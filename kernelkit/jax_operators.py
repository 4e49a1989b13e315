"""Distinguish operators of jax's arrays from functions of jax.numpy. Only this file inspects jax's stack frames.

Operators and functions both read ``__jax_array__`` of an operand of an unknown type. If the attribute is missing, only
an operator falls back to the operand's own operator.
"""

from __future__ import annotations

import functools
import operator
import sys
from types import CodeType, FrameType
from typing import Any

import jax.numpy as jnp


def asks_an_operator(depth: int = 1) -> bool:
    """Return whether an operator of a jax array reads ``__jax_array__``.

    Args:
        depth: Number of frames between the caller of this function and the frame that reads the attribute.
    """
    code = sys._getframe(depth + 1).f_code
    return code.co_name.startswith("_operator_") or code in _codes_of_operators()


class _Asked:
    """An operand without an array, which records the code that reads ``__jax_array__``."""

    def __init__(self) -> None:
        self.codes: set[CodeType] = set()

    @property
    def __jax_array__(self) -> Any:
        frame: FrameType = sys._getframe(1)
        self.codes.add(frame.f_code)
        return None

    def __rmul__(self, other: Any) -> None:
        return None

    __radd__ = __rsub__ = __rtruediv__ = __rmatmul__ = __rpow__ = __rmul__


@functools.cache
def _codes_of_operators() -> frozenset[CodeType]:
    """Return the code objects of jax's operators, found by a trial: their names are private and may change."""
    by_operators: Any = _Asked()
    by_functions: Any = _Asked()
    array = jnp.ones((1,))
    names = "mul add sub truediv floordiv mod matmul pow lt le gt ge eq ne and_ or_ xor".split()
    for work in (getattr(operator, name) for name in names):
        try:
            work(array, by_operators)
        except Exception:  # the operator found no other operand to call
            continue
    for function in (jnp.multiply, jnp.add, jnp.sum):
        try:
            function(by_functions) if function is jnp.sum else function(array, by_functions)
        except Exception:
            continue
    return frozenset(by_operators.codes - by_functions.codes)
