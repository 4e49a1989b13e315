"""Find out which methods a user's class overrides."""

from __future__ import annotations

import sys
from typing import Any

_PACKAGE = __name__.partition(".")[0]


def overrides(model: Any, name: str) -> bool:
    """Return whether an object overrides a method of the kernelkit class that it derives from.

    The functions are compared, not their ``__module__``, because a decorator may copy that.

    Args:
        model: The object, or its class.
        name: Name of the method.

    Example:
        >>> import functools
        >>> import kernelkit as kk
        >>> class Own(kk.Model):
        ...     @functools.wraps(kk.Model.train_step)
        ...     def train_step(self, state, data):
        ...         return super().train_step(state, data)
        >>> overrides(Own(), "train_step"), overrides(Own(), "test_step")
        (True, False)
    """
    cls = model if isinstance(model, type) else type(model)
    if not isinstance(model, type) and name in getattr(model, "__dict__", {}):
        return True
    ours = next((c for c in cls.__mro__ if is_ours(c)), None)
    return getattr(cls, name, None) is not getattr(ours, name, None)


def is_ours(cls: type) -> bool:
    """Return whether a class belongs to kernelkit: a module of the package defines it under its name."""
    module = sys.modules.get(cls.__module__)
    if module is None or cls.__module__.partition(".")[0] != _PACKAGE:
        return False
    return getattr(module, cls.__qualname__.partition(".")[0], None) is not None
