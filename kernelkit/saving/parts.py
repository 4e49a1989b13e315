"""The places of a model's parts in a weights file, in Keras 3's layout.

Each object has a folder, named after the attribute that holds it: ``saved_parts()`` of layers and optimizers yields
those attributes. Parts in lists, tuples and dicts are named after their classes, ``dense``, ``dense_1``... An object
with two paths lies at the first one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kernelkit.layers.layer import Layer
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.random import SeedGenerator
from kernelkit.scope import to_snake_case

_KINDS = (Layer, Optimizer, SeedGenerator)
_CONTAINERS = (list, tuple, dict, set)


class Part(NamedTuple):
    """An object with variables (or files) of its own, and its folder."""

    path: str
    thing: Any


def parts_of(root: Any, other_names: list[tuple[str, str]] | None = None) -> list[Part]:
    """Return all objects of a model, each once, with their folders.

    Args:
        root: A layer, model or optimizer.
        other_names: A list to fill with pairs of an object's folder and another folder in which a file may have it.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3, name="first"), kk.layers.Dense(1)])
        >>> [part.path for part in parts_of(model)]
        ['', 'layers/dense', 'layers/dense_1']
    """
    found: list[Part] = []
    seen: dict[int, Any] = {}  # with the containers: a property's list would be freed, and its id given to another one
    folders: dict[int, str] = {}

    def visit(thing: Any, path: str) -> None:
        if id(thing) in folders:
            if other_names is not None and folders[id(thing)]:
                other_names.append((folders[id(thing)], path))
            return
        folders[id(thing)] = path
        found.append(Part(path, thing))
        for name, child in () if isinstance(thing, SeedGenerator) else thing.saved_parts():
            enter(child, f"{path}/{name}" if path else name)

    def enter(child: Any, path: str) -> None:
        if isinstance(child, _KINDS):
            visit(child, path)
        elif isinstance(child, _CONTAINERS) and child and id(child) not in seen:
            seen[id(child)] = child
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
