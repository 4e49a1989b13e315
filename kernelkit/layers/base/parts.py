"""The parts of a layer (layers, variables, metrics), found in its attributes.

The parts are read from the attributes at each access, inside lists, tuples and dicts too. Their order is the order in
which they were set, which is the order of weights in files and in `get_weights`. A layer that is appended to a list
comes after the attributes that were set before the layer was made, as in Keras.

These are functions, not methods, so that a subclass is free to use the names for its own attributes.
"""

from __future__ import annotations

import operator
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
    _made_at: int = 0
    """When the object was made, by the counter of `kernelkit.changes`."""


MADE_AT = "_made_at"
"""The attribute of a layer that holds when it was made, by the same counter. No subclass can need this name."""

SET_AT = "_set_at"
"""The attribute that holds when each of the others was set first, by the counter of `kernelkit.changes`."""

REPLACED = "_replaced_"
"""How the names begin under which :func:`make_room` keeps parts."""

_first = operator.itemgetter(0)
_PLAIN = frozenset({type(None), bool, int, float, str, types.FunctionType})


def parts(owner: HasParts, kinds: tuple[type, ...] | type) -> Iterator[Any]:
    """Return an iterator over the instances of given classes in an object's attributes, each once."""
    seen: set[int] = set()
    untracked = owner._untracked
    values = vars(owner)
    set_at = values.get(SET_AT, {})
    found: list[tuple[int, Any]] = []
    time = 0
    for name, value in values.items():
        if type(value) not in _PLAIN and name not in untracked:
            last = time = max(time, set_at.get(name, 0))
            for item in _search(value, kinds, seen):
                if item is not value:
                    last = max(last, getattr(item, MADE_AT, 0))  # made later than the list was set: appended then
                found.append((last, item))
    found.sort(key=_first)
    return iter([item for _, item in found])


def note_set(owner: HasParts, name: str, time: int) -> None:
    """Keep when an attribute was set, unless it is there already."""
    values = vars(owner)
    if name not in values:
        values.setdefault(SET_AT, {})[name] = time


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


def make_room(owner: HasParts, name: str, keep: bool) -> None:
    """Prepare an attribute for another value with parts, which comes last in the order of parts.

    Keras keeps a layer whose attribute is set again: its weights are counted and saved.

    Args:
        owner: The layer with the attribute.
        name: The attribute.
        keep: Whether the old value's variables, and layers with variables, stay parts of the owner, at their place.

    Example:
        >>> import kernelkit as kk
        >>> class Owner(HasParts):
        ...     pass
        >>> owner = Owner()
        >>> owner.a, owner.b = kk.Variable(1.0), kk.Variable(2.0)
        >>> make_room(owner, "a", keep=True)
        >>> owner.a = kk.Variable(3.0)
        >>> [float(v) for v in parts(owner, kk.Variable)]
        [1.0, 2.0, 3.0]
    """
    values = vars(owner)
    if name not in values:
        return
    before = list(_search(values[name], (HasParts, Variable), set()))
    held = {id(part) for other, value in values.items() if other.startswith(REPLACED) for part in value}
    kept = [p for p in before if id(p) not in held and (isinstance(p, Variable) or p.variables)]
    if keep and kept:
        place = f"{REPLACED}{sum(other.startswith(REPLACED) for other in values)}"
        values.get(SET_AT, {})[place] = values.get(SET_AT, {}).get(name, 0)
        items = [(place, kept) if other == name else (other, value) for other, value in values.items()]
        object.__setattr__(owner, "__dict__", dict(items))  # at once: another thread may read an attribute
    elif keep or not before:
        del values[name]


def not_in_files(owner: HasParts) -> frozenset[str]:
    """Return the attributes whose names are not in files: those that hold no parts, and what :func:`make_room` kept."""
    return owner._untracked | {name for name in vars(owner) if name.startswith(REPLACED)}


def holds(value: Any, kinds: tuple[type, ...]) -> bool:
    """Return whether a value is a part, or a list, tuple or dict with one in it."""
    return next(_search(value, kinds, set()), None) is not None


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
