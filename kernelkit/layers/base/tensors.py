"""Tensors among the arguments of a call, and the conversion of array-likes to jax arrays."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import dtypes, masking
from kernelkit.masked_arrays import unmasked
from kernelkit.sparse import is_sparse, to_dense
from kernelkit.symbolic import KerasTensor
from kernelkit.tape import TapeTensor
from kernelkit.torch_tensors import is_torch, to_numpy
from kernelkit.typing import Tensor, Tree
from kernelkit.variable import Variable

_TENSORS = (KerasTensor, jax.Array, np.ndarray, Variable, TapeTensor)
_CONTAINERS = {tuple, list, dict}  # types that are never tensors, checked first


def is_tensor(value: Any) -> bool:
    """Return whether a value is an array or a symbolic tensor."""
    return isinstance(value, _TENSORS) or is_sparse(value)


def is_leaf(value: Any) -> bool:
    """Return whether a value is a leaf of nested arguments."""
    if type(value) in _CONTAINERS:
        return False
    return value is None or isinstance(value, _TENSORS) or is_sparse(value)


def to_array(value: Tensor, float_dtype: str | None, takes_sparse: bool = True) -> Tensor:
    """Return array-likes as jax arrays, floats in ``float_dtype``; other values unchanged.

    Args:
        value: Any argument of a call.
        float_dtype: Name of a dtype, or ``None`` to keep the dtype of floats.
        takes_sparse: Whether sparse arrays stay sparse.
    """
    if isinstance(value, KerasTensor):
        is_other = float_dtype is not None and dtypes.is_float(value.dtype) and value.dtype != float_dtype
        return value.like(dtype=float_dtype) if is_other else value
    if isinstance(value, (Variable, TapeTensor)):
        return value
    if not isinstance(value, (jax.Array, np.ndarray)):
        if is_sparse(value):
            return _in_dtype(value if takes_sparse else to_dense(value), float_dtype)
        if not hasattr(value, "__array__") or isinstance(value, (str, bytes)):
            return value
        value = to_numpy(value) if is_torch(value) else np.asarray(value)
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufcV" and not jnp.issubdtype(value.dtype, jnp.number):
            return value  # strings: preprocessing layers take them
        value = jnp.asarray(unmasked(value), dtype=dtypes.canonical(value.dtype.name))
    return _in_dtype(value, float_dtype)


def _in_dtype(value: Tensor, float_dtype: str | None) -> Any:
    if float_dtype is not None and jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.name != float_dtype:
        return value.astype(float_dtype)
    return value


def convert(arguments: Any, float_dtype: str | None, takes_sparse: bool = True) -> Tree:
    """Apply :func:`to_array` at every depth of a call's arguments."""
    if type(arguments) not in _CONTAINERS:
        return to_array(arguments, float_dtype, takes_sparse)
    return jtu.tree_map(lambda v: to_array(v, float_dtype, takes_sparse), arguments, is_leaf=is_leaf)


def collect_masks(value: Tensor) -> Tree:
    """Return the masks of an argument's tensors, in the same structure; ``None`` if there are no masks."""
    if value is None or isinstance(value, _TENSORS):
        return masking.get_mask(value)
    leaves, treedef = jtu.tree_flatten(value, is_leaf=is_leaf)
    masks = [masking.get_mask(v) for v in leaves]
    if all(m is None for m in masks):
        return None
    return jtu.tree_unflatten(treedef, masks)


def attach_masks(outputs: Tree, masks: Any) -> None:
    """Attach masks to the tensors of a layer's outputs; a single mask is attached to all of them."""
    tensors = jtu.tree_leaves(outputs, is_leaf=is_leaf)
    flat = jtu.tree_leaves(masks, is_leaf=is_leaf)
    if len(tensors) > 1 and len(flat) == 1:
        flat = flat * len(tensors)
    for tensor, mask in zip(tensors, flat, strict=False):
        if mask is not None and tensor is not None and masking.get_mask(tensor) is None:
            masking.set_mask(tensor, mask)


def describe_tensors(arguments: Any) -> str:
    """Return the shapes and dtypes of the tensors in some arguments, for messages."""
    return ", ".join(
        f"{tuple(v.shape)} {'object' if v.dtype == object else dtypes.standardize_dtype(v.dtype)}"
        for v in jtu.tree_leaves(arguments, is_leaf=is_leaf)
        if is_tensor(v)
    )
