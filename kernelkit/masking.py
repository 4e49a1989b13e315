"""Masks of tensors, passed from the layer that makes them to the layers that use them.

A mask is a boolean array, `False` where a position is padding. It is the tensor's attribute ``_keras_mask``, which is
Keras's name for it. NumPy arrays and traced jax arrays take no attributes: their masks are kept in a table by ``id``
until the array is freed.
"""

from __future__ import annotations

import weakref
from typing import Any

import jax
import numpy as np

from kernelkit.typing import Tensor

_masks: dict[int, tuple[weakref.ref, Any]] = {}


def get_mask(tensor: Tensor) -> Any:
    """Return the mask of a tensor, or ``None``."""
    if isinstance(tensor, (jax.core.Tracer, np.ndarray)):
        entry = _masks.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None
    return getattr(tensor, "_keras_mask", None)


def set_mask(tensor: Tensor, mask: Tensor) -> None:
    """Attach a mask to a tensor; ``None`` removes it."""
    if not isinstance(tensor, (jax.core.Tracer, np.ndarray)):
        try:
            tensor._keras_mask = mask
        except AttributeError:  # NumPy scalars and Python numbers carry no masks
            return
        return
    key = id(tensor)
    if mask is None:
        _masks.pop(key, None)
        return
    _masks[key] = (weakref.ref(tensor, lambda _: _masks.pop(key, None)), mask)
