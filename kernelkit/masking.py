"""Masks that travel with tensors from the layer that makes them to the layers that use them.

A mask is a boolean array, `False` where a position is padding. jax arrays take no attributes, so masks are kept beside
them, keyed by identity, and vanish with the tensor.
"""

from __future__ import annotations

import weakref
from typing import Any

_masks: dict[int, tuple[weakref.ref, Any]] = {}


def get_mask(tensor: Any) -> Any:
    """Return the mask that came with a tensor, or ``None``."""
    entry = _masks.get(id(tensor))
    return entry[1] if entry is not None and entry[0]() is tensor else None


def set_mask(tensor: Any, mask: Any) -> None:
    """Attach a mask to a tensor; ``None`` removes it."""
    key = id(tensor)
    if mask is None:
        _masks.pop(key, None)
        return
    try:
        reference = weakref.ref(tensor, lambda _: _masks.pop(key, None))
    except TypeError:  # NumPy scalars and Python numbers carry no masks
        return
    _masks[key] = (reference, mask)
