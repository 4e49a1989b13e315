"""Shapes: the arguments of a layer's ``build``, and nested structures of shapes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.layers.base.call import Signature
from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.typing import Shapes


def is_shape(value: Any) -> bool:
    """Return whether a value is a shape: a tuple or list of ints and ``None``."""
    return isinstance(value, (tuple, list)) and all(d is None or isinstance(d, (int, np.integer)) for d in value)


def map_shapes(function: Callable, shapes: Shapes) -> Shapes:
    """Apply a function to each shape in a nested structure."""
    return jtu.tree_map(function, shapes, is_leaf=lambda s: s is None or is_shape(s))


def as_tuples(shapes: Shapes) -> Shapes:
    """Return shapes from JSON, which are lists there, as tuples."""
    return map_shapes(lambda shape: None if shape is None else tuple(shape), shapes)


def shapes_of(arguments: dict[str, Any], masks: Container[str] = ()) -> dict[str, Any]:
    """Return ``{"<argument>_shape": shape}`` for each argument with tensors; masks only if named in ``masks``."""
    shapes = {}
    for name, value in arguments.items():
        if (name == "mask" or name.endswith("_mask")) and f"{name}_shape" not in masks:
            continue
        leaves = jtu.tree_leaves(value, is_leaf=is_leaf)
        if leaves and all(is_tensor(v) or v is None for v in leaves) and any(v is not None for v in leaves):
            shapes[f"{name}_shape"] = jtu.tree_map(
                lambda v: None if v is None else tuple(v.shape), value, is_leaf=is_leaf
            )
    return shapes


def arguments_of(
    method: Callable, signature: Signature, arguments: dict[str, Any], who: str
) -> tuple[tuple, dict[str, Any]]:
    """Return the arguments of a layer's ``build`` or ``compute_output_shape``, for a call with the given arguments.

    A method with one parameter gets the shape of the first input. With several parameters, each must be named
    ``<argument>_shape`` after an argument of ``call``; a parameter with a default may have any name.

    Args:
        method: The layer's method.
        signature: The parameters of its ``call``.
        arguments: The arguments of the call, by name.
        who: How errors name the layer.

    Raises:
        ValueError: If a parameter has another name.
    """
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = [p for p in inspect.signature(method).parameters.values() if p.kind not in variadic]
    names = [p.name for p in parameters]
    shapes = shapes_of(arguments, masks={n for n in names if n.endswith("_mask_shape")})
    if not names and not inspect.signature(method).parameters:
        return (), {}
    if len(names) <= 1:
        return (next(iter(shapes.values()), None),), {}
    for parameter in parameters:
        name = parameter.name
        if parameter.default is not parameter.empty or name in shapes:
            continue
        rule = (
            f"{who}: {method.__name__}() of several parameters is given the shapes of call()'s arguments by name, and"
        )
        if not name.endswith("_shape"):
            raise ValueError(f"{rule} has the argument `{name}`, which does not end in `_shape`.")
        argument = name.removesuffix("_shape")
        if argument not in signature.names and not signature.takes_any:
            raise ValueError(
                f"{rule} has `{name}`, but `call()` does not have argument `{argument}`. Rename one of them."
            )
        shapes[name] = None
    return (), {name: shapes[name] for name in names if name in shapes}


def rule_of(cls: type) -> Callable:
    """Return the function whose shapes are a layer's while it is being built.

    Args:
        cls: The layer's class.

    Returns:
        The `call` of the kernelkit layer that the class derives from: what a package adds may not be ready yet. Else
        its own.
    """
    library = __package__.rpartition(".")[0] + "."
    own = (c for c in cls.__mro__ if c.__module__.startswith(library))
    return next((vars(c)["call"] for c in own if "call" in vars(c)), cls.call)  # type: ignore[attr-defined]
