"""`names_of`: the names of a package that `dir` and the Tab key show."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from kernelkit.signatures import plain_hints


def names_of(namespace: dict[str, Any], *modules: str) -> Callable[[], list[str]]:
    """Return a package's ``__dir__``: its public names, without its private imports.

    Afterwards the signatures of its functions are shown without quotes.

    Args:
        namespace: The package's ``globals()``.
        *modules: Names of its modules that are public.

    Example:
        >>> import math
        >>> def area(r): return math.pi * r**2
        >>> names_of({"__all__": ["area"], "Any": Any, "area": area})()[1:]
        ['area']
        >>> from kernelkit import losses
        >>> names_of({"Any": Any, "math": math, "_hidden": 1, "Loss": losses.Loss, "limit": 3})()
        ['Loss', 'limit']
    """
    for value in namespace.values():
        if isinstance(value, types.FunctionType) and value.__module__.startswith("kernelkit"):
            plain_hints(value)

    def __dir__() -> list[str]:
        plain = (name for name, value in namespace.items() if not name.startswith("_") and _is_own(value))
        special = {name for name in namespace if name.startswith("__") and name.endswith("__")}
        return sorted({*(namespace.get("__all__") or plain), *modules} | special)

    return __dir__


def _is_own(value: Any) -> bool:
    """Return whether a value is kernelkit's own and no module."""
    home = getattr(value, "__module__", None)
    is_foreign = isinstance(home, str) and not home.startswith(("kernelkit", "builtins"))
    return not is_foreign and not isinstance(value, types.ModuleType)
