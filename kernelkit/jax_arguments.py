"""Objects with an array as arguments of jax's transformations: `jax.jit(f)(variable)`, `jax.grad(f)([variable])`.

jax accepts objects with ``__jax_array__`` in `jax.numpy`, but not as arguments of traced functions. Its tables of
argument types are private, and only this file uses them. If they are missing, such arguments are an error, as in
Keras.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def accept(kind: type, value_of: Callable[[Any], Any]) -> bool:
    """Let jax's transformations accept objects of a class. The objects remain leaves of `jax.tree`.

    Args:
        kind: The class; not its subclasses.
        value_of: Returns the array of an object, or the traced value.

    Returns:
        Whether this version of jax supports it.
    """
    try:
        from jax._src import array, core, dtypes
        from jax._src.interpreters import pxla

        avals, values, shards = (
            core.pytype_aval_mappings,
            dtypes.canonicalize_value_handlers,
            pxla.shard_arg_handlers,
        )
        shard_arrays, type_of = shards[array.ArrayImpl], core.typeof
    except (ImportError, AttributeError, KeyError):
        return False
    avals[kind] = lambda thing: type_of(value_of(thing))
    values[kind] = value_of
    shards[kind] = lambda things, *rest: shard_arrays([value_of(thing) for thing in things], *rest)
    return True
