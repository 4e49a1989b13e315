"""`stays_known`: an op of small constant integers returns constants inside a traced function too.

Layers that were written for TensorFlow compute sizes with ops: ``ops.ones((ops.cast(ops.shape(x)[0], "int32"), 3))``.
jax traces each operation inside `jit`, and a traced number cannot be a size. But the inputs of the op are known,
so its result is known too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

F = TypeVar("F", bound=Callable[..., Any])

_MOST = 32  # elements: more than any shape has, and few enough to be constants of a program


def stays_known(function: F) -> F:
    """Return an op whose result is a concrete array, not a tracer, if its first argument consists of known integers.

    Args:
        function: A function of jax arrays. Outside of traced functions its results do not change.

    Example:
        >>> import jax
        >>> from kernelkit import ops
        >>> count = jax.jit(lambda x: ops.ones((ops.cast(ops.shape(x)[0], "int32"),)))
        >>> count(ops.zeros((2, 5)))
        Array([1., 1.], dtype=float32)
    """

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if isinstance(result, jax.core.Tracer) and _are_known(args[0] if args else next(iter(kwargs.values()))):
            with jax.ensure_compile_time_eval():
                return function(*args, **kwargs)
        return result

    return wrapper  # type: ignore[return-value]


def as_ints(sizes: Any) -> Any:
    """Return sizes in an array as an int or a list of ints, other sizes unchanged."""
    is_array = isinstance(sizes, (jax.Array, np.ndarray)) and not isinstance(sizes, jax.core.Tracer)
    return sizes.tolist() if is_array else sizes


def as_shape(sizes: Any) -> tuple[Any, ...]:
    """Return sizes as a tuple; a number is the shape of a vector."""
    return (int(sizes),) if isinstance(sizes, (int, np.integer)) else tuple(as_ints(sizes))


def _are_known(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return 0 < len(x) <= _MOST and all(_are_known(v) for v in x)
    if isinstance(x, (jax.Array, np.ndarray)):
        is_known = not isinstance(x, jax.core.Tracer) and x.size <= _MOST
        return is_known and jnp.issubdtype(x.dtype, jnp.integer)
    return isinstance(x, (int, np.integer)) and not isinstance(x, bool)
