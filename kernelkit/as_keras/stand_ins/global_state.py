"""`keras.src.backend.common.global_state`: values by name, for this thread."""

from __future__ import annotations

import threading
from typing import Any

from kernelkit.utils import clear_session

__all__ = ["clear_session", "get_global_attribute", "set_global_attribute"]

_local = threading.local()


def set_global_attribute(name: str, value: Any) -> None:
    """Store a value."""
    setattr(_local, name, value)


def get_global_attribute(name: str, default: Any = None, set_to_default: bool = False) -> Any:
    """Return a stored value, or the default."""
    value = getattr(_local, name, None)
    if value is None and default is not None:
        value = default
        if set_to_default:
            set_global_attribute(name, value)
    return value
