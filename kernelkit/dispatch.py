"""Dispatch of ops: each call is recorded in a graph, recorded on a tape, or run.

``@op`` turns a function of arrays into one that also takes symbolic tensors (a node is recorded), variables (their
value is read), taped tensors (the gradient is recorded) and sparse arrays (see :mod:`kernelkit.sparse`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from kernelkit import scope, sparse, tape
from kernelkit.operators import Operators
from kernelkit.recording import record
from kernelkit.symbolic import any_symbolic
from kernelkit.typing import Tensor
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

    def compute(*args: Any, **kwargs: Any) -> Any:
        if (_kinds(args) | _kinds(kwargs.values())) & _SPARSE:
            return sparse.run(function, args, kwargs)
        return function(*args, **kwargs)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found = _kinds(args) | _kinds(kwargs.values()) if kwargs else _kinds(args)
        if found & _OPERATORS:
            if any_symbolic(args, kwargs):
                return record(wrapper, *args, **kwargs)
            if scope.local.tape is None:
                args, kwargs = _plain(args), _plain(kwargs)
        if scope.local.tape is not None:
            return tape.record(lambda *a, **k: compute(*_plain(a), **_plain(k)), args, kwargs)
        if found & _SPARSE:
            return compute(*tape.unwrap(args), **tape.unwrap(kwargs))
        return function(*args, **kwargs)

    wrapper.is_op = True  # type: ignore[attr-defined]
    return wrapper  # type: ignore[return-value]


# The kinds of values among the arguments of a call. The kind of each type is cached, so that the check is cheap.
_OPERATORS, _SPARSE, _NESTED = 1, 2, 4
_kind_of: dict[type, int] = {}


def _kinds(values: Tensor) -> int:
    found = 0
    for value in values:
        kind = _kind_of.get(type(value))
        if kind is None:
            kind = _class_type(type(value))
        if kind == _NESTED:
            found |= _kinds(value.values() if isinstance(value, dict) else value)
        else:
            found |= kind
    return found


def _class_type(kind: type) -> int:
    if issubclass(kind, Operators):
        found = _OPERATORS
    elif issubclass(kind, (list, tuple, dict)):
        found = _NESTED
    else:
        found = _SPARSE if sparse.is_sparse_type(kind) else 0  # type: ignore[arg-type]
    _kind_of[kind] = found
    return found


def _plain(value: Tensor) -> Any:
    if isinstance(value, (Variable, tape.TapeTensor)):
        return value.value
    if type(value) in (list, tuple):
        return type(value)(_plain(v) for v in value)
    if type(value) is dict:
        return {k: _plain(v) for k, v in value.items()}
    return value
