"""The parts of a layer (layers, variables, metrics), found in its attributes.

Setting an attribute records nothing. The parts are read from the attributes at each access, in the order in which
these were set, inside lists, tuples and dicts too.

These are functions, not methods, so that a subclass is free to use the names for its own attributes.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from kernelkit.typing import Tensor
from kernelkit.variable import Variable

T = TypeVar("T")


class HasParts:
    """The base of layers, by which :func:`walk` recognizes them."""

    _untracked: frozenset[str] = frozenset()
    """Attributes that hold no parts."""


_PLAIN = frozenset({type(None), bool, int, float, str, types.FunctionType})


def parts(owner: HasParts, kinds: tuple[type, ...] | type) -> Iterator[Any]:
    """Yield the instances of given classes in an object's attributes, each once."""
    seen: set[int] = set()
    untracked = owner._untracked
    for name, value in vars(owner).items():
        if type(value) not in _PLAIN and name not in untracked:
            yield from _search(value, kinds, seen)


def split(owner: HasParts, *kinds: type) -> tuple[list[Any], ...]:
    """Return the instances of each class in an object's attributes, each once, found in one search.

    Example:
        >>> import kernelkit as kk
        >>> [len(found) for found in split(kk.layers.Dense(2), kk.Variable, kk.layers.Layer)]
        [0, 0]
    """
    found = list(parts(owner, kinds))
    return tuple([item for item in found if isinstance(item, kind)] for kind in kinds)


def trainable_first(variables: Iterable[Variable]) -> list[Variable]:
    """Return a layer's own variables with the trainable ones first."""
    own = list(variables)
    return [v for v in own if v.born_trainable] + [v for v in own if not v.born_trainable]


def _search(value: Tensor, kinds: Any, seen: set[int]) -> Iterator[Any]:
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


def children(layer: HasParts) -> list[Any]:
    """Return the layers that a layer's attributes hold, each once."""
    return list(parts(layer, HasParts))


def walk(layer: HasParts) -> Iterator[Any]:
    """Yield all layers below a layer, each once, parents first, without the layer itself.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.layers.Dense(2, name="a"), kk.layers.Dense(1, name="b")])
        >>> [layer.name for layer in walk(model)]
        ['a', 'b']
    """
    seen = {id(layer)}
    stack = children(layer)[::-1]
    while stack:
        found = stack.pop()
        if id(found) not in seen:
            seen.add(id(found))
            yield found
            stack.extend(reversed(children(found)))


def own_variables(layer: HasParts) -> list[Variable]:
    """Return the layer's own variables, without those of its sub-layers; trainable ones first."""
    return trainable_first(parts(layer, Variable))
