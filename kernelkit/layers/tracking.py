"""Finding what a layer is made of, by looking at its attributes.

Nothing is recorded when an attribute is set: a layer's parts are whatever its attributes hold when somebody asks, in
the order in which they were set, inside lists, tuples and dicts too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def parts(owner: Any, kinds: tuple[type, ...] | type) -> Iterator[Any]:
    """Yield the instances of some classes that an object's attributes hold, each once."""
    seen: set[int] = set()
    for name, value in vars(owner).items():
        if name not in owner._untracked:
            yield from _search(value, kinds, seen)


def _search(value: Any, kinds: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(value, kinds):
        if id(value) not in seen:
            seen.add(id(value))
            yield value
    elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
        seen.add(id(value))  # a list may hold itself
        for item in value.values() if isinstance(value, dict) else value:
            yield from _search(item, kinds, seen)


def unique(items: Iterable[T]) -> list[T]:
    """Return the items in order, each object once."""
    return list({id(item): item for item in items}.values())
