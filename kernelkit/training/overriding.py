"""What a user's class does in its own way."""

from __future__ import annotations

import sys
from typing import Any

_PACKAGE = __name__.partition(".")[0]


def overrides(model: Any, name: str) -> bool:
    """Return whether an object has another method of a name than the class of kernelkit that it derives from.

    Methods are compared, not the modules in which they say to be: a decorated method can say anything.

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
    """Return whether a class is one of kernelkit's: defined in a module of the package that has it under its name."""
    module = sys.modules.get(cls.__module__)
    if module is None or cls.__module__.partition(".")[0] != _PACKAGE:
        return False
    return getattr(module, cls.__qualname__.partition(".")[0], None) is not None
