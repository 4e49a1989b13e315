"""Signatures for notebooks: types without quotes, and no type for arguments that accept any value."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any


class _Plain(str):
    """The text of an annotation. A signature shows it without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def plain_hints(function: Any) -> None:
    """Let the signature of a function show its types without quotes, and no ``Any``.

    Args:
        function: A function of kernelkit, decorated or not. Other objects are not changed.

    Example:
        >>> def scale(x: Any, by: float | None = None) -> Any: ...
        >>> plain_hints(scale)
        >>> inspect.signature(scale)
        <Signature (x, by: float | None = None)>
    """
    while function is not None:
        if isinstance(function, FunctionType):
            hints = function.__annotations__
            function.__annotations__ = {
                name: _Plain(hint) if type(hint) is str else hint for name, hint in hints.items() if hint != "Any"
            }
        function = getattr(function, "__wrapped__", None)


def plain_methods(cls: type) -> type:
    """Apply :func:`plain_hints` to a class's own methods. Can be used as a decorator."""
    for name, value in vars(cls).items():
        if not name.startswith("_") or name in ("__init__", "__call__"):
            plain_hints(getattr(value, "__func__", value))
    return cls


def plain(parameters: list[inspect.Parameter]) -> list[inspect.Parameter]:
    """Return parameters whose types are shown without quotes, and no ``Any``."""
    return [
        p.replace(annotation=inspect.Parameter.empty if p.annotation == "Any" else _Plain(p.annotation))
        if type(p.annotation) is str
        else p
        for p in parameters
    ]
