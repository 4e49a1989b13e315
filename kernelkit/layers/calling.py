"""How the arguments of a layer call are understood: tensors, masks, the training flag, shapes for `build`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Container
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import dtypes, masking
from kernelkit.sparse import is_sparse, to_dense
from kernelkit.symbolic import KerasTensor
from kernelkit.tape import TapeTensor
from kernelkit.variable import Variable

_TENSORS = (KerasTensor, jax.Array, np.ndarray, Variable, TapeTensor)
_CONTAINERS = {tuple, list, dict}  # told from tensors at once


class Signature:
    """What a class's ``call`` takes."""

    def __init__(self, call: Any) -> None:
        self.signature = inspect.signature(call)
        parameters = self.signature.parameters
        self.names = list(parameters)
        self.takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        self.has_training = "training" in parameters or self.takes_any
        self.named_training = "training" in parameters
        default = parameters["training"].default if self.named_training else None
        self.training_default = None if default is inspect.Parameter.empty else default
        positional = [
            n for n, p in parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)
        ]
        self.first = positional[0] if positional else ""
        self.masks = {n for n in parameters if n == "mask" or n.endswith("_mask")}

    def bind(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        """Return the given arguments by name, those of ``*args`` and ``**kwargs`` left aside."""
        bound = self.signature.bind_partial(*args, **kwargs)
        variadic = {n for n, p in self.signature.parameters.items() if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
        return {k: v for k, v in bound.arguments.items() if k not in variadic}


def signature_of(layer: Any) -> Signature:
    """Return what a layer's ``call`` takes, cached for its class."""
    call = layer.call
    function = getattr(call, "__func__", None)
    if function is None:
        return Signature(call)
    return _bound_signature(function)


@functools.lru_cache(maxsize=4096)
def _bound_signature(function: Any) -> Signature:
    return Signature(functools.partial(function, None))


def is_tensor(value: Any) -> bool:
    """Return whether a value is an array or a symbolic tensor."""
    return isinstance(value, _TENSORS) or is_sparse(value)


def is_leaf(value: Any) -> bool:
    """Return whether a value must not be looked into when nested arguments are walked."""
    if type(value) in _CONTAINERS:
        return False
    return value is None or isinstance(value, _TENSORS) or is_sparse(value)


def to_array(value: Any, float_dtype: str | None, takes_sparse: bool = True) -> Any:
    """Return array-likes as jax arrays, floats in ``float_dtype``; everything else as it is."""
    if isinstance(value, (KerasTensor, Variable, TapeTensor)):
        return value
    if not isinstance(value, (jax.Array, np.ndarray)):
        if is_sparse(value):
            return _in_dtype(value if takes_sparse else to_dense(value), float_dtype)
        if not hasattr(value, "__array__") or isinstance(value, (str, bytes)):
            return value
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufcV" and not jnp.issubdtype(value.dtype, jnp.number):
            return value  # strings: preprocessing layers take them
        value = jnp.asarray(value, dtype=dtypes.canonical(value.dtype.name))
    return _in_dtype(value, float_dtype)


def _in_dtype(value: Any, float_dtype: str | None) -> Any:
    if float_dtype is not None and jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.name != float_dtype:
        return value.astype(float_dtype)
    return value


def convert(arguments: Any, float_dtype: str | None, takes_sparse: bool = True) -> Any:
    """Apply :func:`to_array` at every depth of a call's arguments."""
    return jtu.tree_map(lambda v: to_array(v, float_dtype, takes_sparse), arguments, is_leaf=is_leaf)


def require_tensors(args: tuple, signature: Signature, who: str) -> None:
    """Raise ``ValueError`` if a number, a flag or a text is among the positional arguments of a call."""
    for i, value in enumerate(args):
        if isinstance(value, (bool, int, float, str)):
            name = signature.names[i] if i < len(signature.names) else f"argument {i}"
            raise ValueError(
                f"{who}: Only input tensors may be passed as positional arguments. Give {value!r} by name: "
                f"layer(..., {name}={value!r})."
            )


def arguments_of_build(layer: Any, arguments: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """Return what a layer's ``build`` is to be called with, for a call with the given arguments.

    A ``build`` of one parameter gets the shape of the first input. Several must be named ``<argument>_shape`` after
    the arguments of ``call``; one that has a default may be named as it likes.

    Raises:
        ValueError: If a parameter is named otherwise.
    """
    parameters = [p for p in _parameters(layer.build) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    names = [p.name for p in parameters]
    shapes = shapes_for_build(arguments, masks={n for n in names if n.endswith("_mask_shape")})
    if len(names) <= 1:
        return (next(iter(shapes.values()), None),), {}
    signature = signature_of(layer)
    for parameter in parameters:
        name = parameter.name
        if parameter.default is not parameter.empty or name in shapes:
            continue
        who = f"{layer._who()}: build() of several parameters is given the shapes of call()'s arguments by name, and"
        if not name.endswith("_shape"):
            raise ValueError(f"{who} has the argument `{name}`, which does not end in `_shape`.")
        argument = name.removesuffix("_shape")
        if argument not in signature.names and not signature.takes_any:
            raise ValueError(
                f"{who} has `{name}`, but `call()` does not have argument `{argument}`. Rename one of them."
            )
        shapes[name] = None
    return (), {name: shapes[name] for name in names if name in shapes}


def _parameters(function: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def shapes_for_build(arguments: dict[str, Any], masks: Container[str] = ()) -> dict[str, Any]:
    """Return ``{"<argument>_shape": shape}`` for each argument that holds tensors; for masks only where asked for."""
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


def collect_masks(value: Any) -> Any:
    """Return the masks that came with the tensors of an argument, nested alike; ``None`` if there are none."""
    leaves, treedef = jtu.tree_flatten(value, is_leaf=is_leaf)
    masks = [masking.get_mask(v) for v in leaves]
    if all(m is None for m in masks):
        return None
    return jtu.tree_unflatten(treedef, masks) if len(leaves) > 1 or value is not leaves[0] else masks[0]


def attach_masks(outputs: Any, masks: Any) -> None:
    """Attach masks to the tensors of a layer's outputs."""
    tensors = jtu.tree_leaves(outputs, is_leaf=is_leaf)
    flat = jtu.tree_leaves(masks, is_leaf=is_leaf)
    if len(tensors) > 1 and len(flat) == 1:
        flat = flat * len(tensors)
    for tensor, mask in zip(tensors, flat, strict=False):
        if mask is not None and tensor is not None and masking.get_mask(tensor) is None:
            masking.set_mask(tensor, mask)
