"""The first call of a model without a graph: shapes and dtypes of its arguments, and their JSON for files."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu

from kernelkit import budget
from kernelkit.layers.base.tensors import convert, is_leaf, is_tensor
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import SizeList, Tree

Specs = tuple[tuple, dict[str, Any]]


def specs_of(args: tuple, kwargs: dict[str, Any]) -> Specs | None:
    """Return symbolic tensors for the arguments of a call, with an unknown batch size, without ``training``.

    Args:
        args: Positional arguments.
        kwargs: Named arguments.

    Returns:
        ``(args, kwargs)``; ``None`` if an argument does not consist of tensors.

    Example:
        >>> import numpy as np
        >>> args, kwargs = specs_of((np.ones((2, 3)), None), {"mask": np.ones((2, 1), bool), "training": True})
        >>> args[0].shape, kwargs["mask"].dtype
        ((None, 3), 'bool')
    """
    given = convert((args, {k: v for k, v in kwargs.items() if k != "training"}), None)
    leaves = jtu.tree_leaves(given, is_leaf=is_leaf)
    if any(not is_tensor(v) and v is not None for v in leaves) or all(v is None for v in leaves):
        return None
    args, kwargs = jtu.tree_map(lambda v: None if v is None else _spec(v.shape, v.dtype), given, is_leaf=is_leaf)
    while args and args[-1] is None:
        args = args[:-1]
    return args, {k: v for k, v in kwargs.items() if v is not None}


def _spec(shape: SizeList, dtype: Any) -> KerasTensor:
    sizes = [n if isinstance(n, int) else None for n in shape]
    made = (None, *sizes[1:]) if sizes else ()
    return KerasTensor(made, dtype if isinstance(dtype, str) else dtype.name, name="argument")


def described(call: Specs) -> dict[str, Any]:
    """Return specs as JSON."""
    return {"args": [_written(v) for v in call[0]], "kwargs": {k: _written(v) for k, v in call[1].items()}}


def read(config: dict[str, Any]) -> Specs:
    """Return the specs that :func:`described` wrote.

    Example:
        >>> call = ((KerasTensor((None, 3)),), {"b": {"c": KerasTensor((None,), "int32")}})
        >>> args, kwargs = read(described(call))
        >>> args[0].shape, kwargs["b"]["c"].dtype
        ((None, 3), 'int32')
    """
    return tuple(_read(v) for v in config["args"]), {k: _read(v) for k, v in config["kwargs"].items()}


def _written(value: Tree) -> Any:
    if isinstance(value, dict):
        return {"dict": {key: _written(inner) for key, inner in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"tuple" if isinstance(value, tuple) else "list": [_written(inner) for inner in value]}
    return None if value is None else {"shape": list(value.shape), "dtype": value.dtype}


def _read(value: Any) -> Tree:
    if value is None:
        return None
    if "dict" in value:
        return {key: _read(inner) for key, inner in value["dict"].items()}
    if "list" in value:
        return [_read(inner) for inner in value["list"]]
    if "tuple" in value:
        return tuple(_read(inner) for inner in value["tuple"])
    budget.claim_objects(1, "The arguments of the model's first call")
    return KerasTensor(tuple(value["shape"]), value["dtype"], name="argument")
