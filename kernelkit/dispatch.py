"""What every function of the op library does before it computes: record, tape, or run.

``@op`` turns a function of arrays into one that also takes symbolic tensors (a node is recorded), variables (their
value is read) and taped tensors (the gradient is recorded).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from kernelkit import scope, tape
from kernelkit.operators import Operators
from kernelkit.symbolic import FunctionOperation, _holds, any_symbolic
from kernelkit.variable import Variable

F = TypeVar("F", bound=Callable[..., Any])


def op(function: F) -> F:
    """Make a function of arrays an op.

    Args:
        function: A function of jax arrays that jax can trace. Arguments may be nested in lists, tuples and dicts.

    Returns:
        The function, which now records a node when it is called on a symbolic tensor.

    Example:
        >>> import jax.numpy as jnp
        >>> import kernelkit as kk
        >>> @op
        ... def double(x):
        ...     return jnp.asarray(x) * 2
        >>> double(kk.Input((3,))).shape
        (None, 3)
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if _holds(args, Operators) or (kwargs and _holds(kwargs.values(), Operators)):
            if any_symbolic(args, kwargs):
                return FunctionOperation(wrapper).symbolic_call(*args, **kwargs)
            if scope.local.tape is None:
                args, kwargs = _plain(args), _plain(kwargs)
        if scope.local.tape is not None:
            return tape.record(lambda *a, **k: function(*_plain(a), **_plain(k)), args, kwargs)
        return function(*args, **kwargs)

    wrapper.is_op = True  # type: ignore[attr-defined]
    return wrapper  # type: ignore[return-value]


def _plain(value: Any) -> Any:
    if isinstance(value, (Variable, tape.TapeTensor)):
        return value.value
    if type(value) in (list, tuple):
        return type(value)(_plain(v) for v in value)
    if type(value) is dict:
        return {k: _plain(v) for k, v in value.items()}
    return value
