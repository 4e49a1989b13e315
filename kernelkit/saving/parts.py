"""Where the parts of a model lie in a weights file: the walk that Keras 3's layout follows.

Each object has a folder, named after the attribute that holds it. In lists, tuples and dicts parts are named after
their classes, ``dense``, ``dense_1``... An object that is reached twice lies where it was reached first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kernelkit.layers.layer import Layer
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.random import SeedGenerator
from kernelkit.scope import to_snake_case

_KINDS = (Layer, Optimizer, SeedGenerator)
_CONTAINERS = (list, tuple, dict, set)
# What models and optimizers keep books with: their parts are reached in other ways.
_BOOKS = frozenset(
    "_graph _graph_layers _stack _input_layer _own_variables _own_losses _training _trainable_variables _variables "
    "_slots _shared optimizer_map history loss input_spec dtype_policy _init_arguments _inbound_nodes _outbound_nodes "
    "_display_run".split()
)


class Part(NamedTuple):
    """An object with variables (or files) of its own, and its folder."""

    path: str
    thing: Any


def parts_of(root: Any, other_names: list[tuple[str, str]] | None = None) -> list[Part]:
    """Return all objects that a model is made of, each once, with their folders.

    Args:
        root: A layer, model or optimizer.
        other_names: Filled with pairs of an object's folder and another one in which it might lie too.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3, name="first"), kk.layers.Dense(1)])
        >>> [part.path for part in parts_of(model)]
        ['', 'layers/dense', 'layers/dense_1']
    """
    found: list[Part] = []
    seen: set[int] = set()
    folders: dict[int, str] = {}

    def visit(thing: Any, path: str) -> None:
        if id(thing) in folders:
            if other_names is not None and folders[id(thing)]:
                other_names.append((folders[id(thing)], path))
            return
        folders[id(thing)] = path
        found.append(Part(path, thing))
        for name, child in _children(thing):
            enter(child, f"{path}/{name}" if path else name)

    def enter(child: Any, path: str) -> None:
        if isinstance(child, _KINDS):
            visit(child, path)
        elif isinstance(child, _CONTAINERS) and child and id(child) not in seen:
            seen.add(id(child))
            counts: dict[str, int] = {}
            for item in child.values() if isinstance(child, dict) else child:
                if isinstance(item, _KINDS):
                    name = getattr(item, "_saved_class", None) or to_snake_case(type(item).__name__)
                elif isinstance(item, _CONTAINERS):
                    name = "container"
                else:
                    continue
                number = counts[name] = counts.get(name, -1) + 1
                enter(item, f"{path}/{name}_{number}" if number else f"{path}/{name}")

    visit(root, "")
    return found


def _children(owner: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and values of an object's attributes, public ones first, each in the order of the alphabet."""
    if isinstance(owner, SeedGenerator):
        return
    is_model = hasattr(owner, "layers")
    if (is_model and getattr(owner, "_graph", None) is not None) or hasattr(owner, "_stack"):
        yield "layers", list(owner.layers)
    renamed = getattr(type(owner), "_saved_as", {})
    names = {renamed.get(name, name): name for name in vars(owner) if name not in _BOOKS}
    names |= {name: name for name in _descriptors(type(owner))}
    if is_model:
        names["layers"] = "layers"
    for shown in sorted(names, key=lambda name: (name.startswith("_"), name)):
        try:
            value = getattr(owner, names[shown])
        except Exception:  # a property of the user that cannot be had, such as one of an unbuilt layer, is no part
            continue
        yield shown, value


def _descriptors(cls: type) -> Iterator[str]:
    """Yield the properties and class attributes of the user's classes."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == __name__.partition(".")[0]:
            continue
        for name, value in vars(base).items():
            if not name.startswith("__") and isinstance(value, (property, *_KINDS, *_CONTAINERS)):
                yield name
