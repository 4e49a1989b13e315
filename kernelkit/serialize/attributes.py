"""The attributes of an object that may hold parts with weights, by their names in files."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

_PACKAGE = __name__.partition(".")[0]


def saved_attributes(
    owner: Any, left_out: Collection[str] = (), renamed: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield names and values of an object's attributes: public ones first, each group in alphabetical order.

    These are the attributes of the object itself, and the properties and attributes of the user's classes. A property
    that raises is left out with a warning: its value is not saved.

    Args:
        owner: The object.
        left_out: Attributes that hold no parts.
        renamed: Names in files, by the names of attributes.

    Example:
        >>> class Owner:
        ...     def __init__(self):
        ...         self._inner, self.outer, self.cache = 1, 2, 3
        >>> list(saved_attributes(Owner(), left_out={"cache"}))
        [('outer', 2), ('_inner', 1)]
    """
    renamed = renamed or {}
    names = {renamed.get(name, name): name for name in vars(owner) if name not in left_out}
    names |= {name: name for name in _of_classes(type(owner))}
    for shown in sorted(names, key=lambda name: (name.startswith("_"), name)):
        try:
            value = getattr(owner, names[shown])
        except Exception as error:
            warnings.warn(
                f"{type(owner).__name__}.{names[shown]} raised {type(error).__name__}: {error} If this property "
                "returns a layer that no other attribute holds, its weights are neither saved nor loaded.",
                stacklevel=6,
            )
            continue
        yield shown, value


def _of_classes(cls: type) -> Iterator[str]:
    """Yield the properties and class attributes of the user's classes."""
    for base in cls.__mro__:
        if base is object or base.__module__.partition(".")[0] == _PACKAGE:
            continue
        for name, value in vars(base).items():
            if not name.startswith("__") and (isinstance(value, property) or not hasattr(type(value), "__get__")):
                yield name
