"""Match targets, losses, metrics and weights to a model's outputs."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu

from kernelkit.serialize import suggest
from kernelkit.typing import Tree


class UnknownOutput(KeyError, ValueError):
    """The user named an output that the model does not have."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would put its text in quotes


class Outputs:
    """The outputs of a model: a flat list with names, and their nested structure.

    Args:
        y_pred: The outputs (arrays or shapes), nested as the model returns them.
        names: Names of the outputs, if the model knows them.
    """

    def __init__(self, y_pred: Tree, names: list[str] | None = None) -> None:
        treedef: Any = jtu.tree_structure(y_pred)
        self.count = treedef.num_leaves
        self.places = treedef.unflatten(range(self.count))  # the indices of the flat list, nested as the outputs
        self.single = self.places == 0
        given = names if names is not None and len(names) == self.count else None
        self._paths = _paths(self.places)
        self.known = True  # whether the outputs have names
        if isinstance(self.places, dict) and len(self.places) == self.count:
            self.names = [str(path[0]) for path in self._paths]
        elif given is not None:
            self.names = given
        else:
            self.names, self.known = [f"output_{i + 1}" for i in range(self.count)], False
        # The layers of a dict's outputs may have names too.
        self._aliases = dict(zip(given, self.names, strict=True)) if given else {}
        same = given is not None and sorted(given) == sorted(self.names)
        self.order = [self.names.index(n) for n in given] if given is not None and same else list(range(self.count))

    def flatten(self, value: Any) -> list:
        """Return one array for each output."""
        if isinstance(value, dict) and not isinstance(self.places, dict) and set(value) == set(self.names):
            return [value[name] for name in self.names]
        return jtu.tree_leaves(value)

    def pick(self, place: Any, flat: list) -> Any:
        """Return the entries of a flat list for a place, nested as the place."""
        return jtu.tree_map(lambda i: flat[i], place)

    def label(self, place: Any) -> str | None:
        """Return the log name of the outputs at a place, ``None`` if they have no name."""
        leaves = jtu.tree_leaves(place)
        if place == self.places and not isinstance(place, int):
            labels = [self.label(child) for child in children_of(place) if jtu.tree_leaves(child)]
            return None if None in labels else "_".join(str(label) for label in labels)
        depth = _depth_of(place, self.places)
        path = self._paths[leaves[0]][:depth]
        if not path or not isinstance(path[-1], int):
            return "/".join(str(key) for key in path) or (self.names[leaves[0]] if self.known else None)
        own = "_".join(self.names[i] for i in leaves) if self.known else None
        return None if own is None else "/".join([*(str(key) for key in path[:-1]), own])

    def align(self, value: Any, what: str, needed: list[int] | None = None) -> list:
        """Return one array per output, ``None`` for an output without an array.

        Args:
            value: Arrays nested as the outputs, a dict by output name, or as many arrays in another structure.
            what: How errors name the value.
            needed: The outputs that need arrays. ``value`` may hold arrays for these alone.

        Raises:
            ValueError: If neither the structure nor the number nor the names match the outputs.
        """
        found: list = [None] * self.count
        if value is None:
            return found
        leaves = jtu.tree_leaves(value)
        if self.count == 1 and not (isinstance(value, dict) and len(value) > 1):
            return leaves if len(leaves) == 1 else [value]
        if self._match(self.places, value, found):
            return found
        if isinstance(value, dict) and (named := self._by_name(value)) is not None:
            return named
        if len(leaves) == self.count and not isinstance(value, dict):
            return leaves
        if needed is not None and len(leaves) == len(needed):
            for i, leaf in zip(needed, leaves, strict=True):
                found[i] = leaf
            return found
        raise ValueError(
            f"{_said(what)} and y_pred have different structures. The model's outputs are {self.names}, nested as "
            f"{self._shown()}; {what} holds {_kind(value)} of {len(leaves)}. Give {what} nested as the outputs, as a "
            "list with an entry for each output, or as a dict by output name."
        )

    def spread(self, value: Any, what: str, repeat: bool = False) -> list:
        """Return one entry per output, ``None`` for an output without an entry.

        Args:
            value: One entry, entries nested as the outputs, or a dict by output name.
            what: How errors name the value.
            repeat: Whether a single entry holds for every output.

        Raises:
            ValueError: If the number of entries or a name does not match the outputs.
        """
        found: list = [None] * self.count
        if value is None:
            return found
        if self.count == 1 and isinstance(value, dict) and len(value) == 1 and self.single:
            if self.known and what != "sample_weight" and not set(value) <= {*self.names, *self._aliases}:
                raise self.unknown(value, what)
            return list(value.values())
        if isinstance(value, dict) and (named := self._by_name(value)) is not None:
            return named
        if self._match(self.places, value, found):
            return found
        if isinstance(value, dict):
            raise self.unknown(value, what)
        if isinstance(value, (list, tuple)):
            if len(value) == self.count:
                return list(value)
            raise ValueError(
                f"Invalid `{what}`: it has {len(value)} entries for {self.count} output(s) {self.names}. Give one for "
                "each output, nested as the outputs, or a dict by output name."
            )
        if self.count == 1 or repeat:
            return [value] * self.count
        raise ValueError(
            f"Invalid `{what}`: it must be a list or a dict with an entry for each of the outputs {self.names}."
        )

    def unknown(self, value: dict, what: str) -> UnknownOutput:
        """Return the error for a dict key that is not the name of an output."""
        keys = {*self.names, *self._aliases, *(self.places if isinstance(self.places, dict) else ())}
        wrong = next((k for k in value if k not in keys), next(iter(value)))
        return UnknownOutput(
            f"Invalid `{what}`: The path: {(wrong,)} in the `{what}` argument, can't be found in either the model's "
            f"output, nested as {self._shown()}, or the names of its outputs. Expected keys: "
            f"{sorted(str(k) for k in keys)}.{suggest(str(wrong), self.names)}"
        )

    def _by_name(self, value: dict) -> list | None:
        known = {k if k in self.names else self._aliases.get(k, k): v for k, v in value.items()}
        return [known.get(n) for n in self.names] if all(k in self.names for k in known) else None

    def _match(self, place: Any, value: Any, found: list) -> bool:
        """Write the parts of a value into ``found``. Return whether the value is nested as the outputs."""
        if place is None or isinstance(place, int):
            if place is not None:
                found[place] = value
            return True
        if isinstance(place, dict) and isinstance(value, dict):
            return set(value) <= set(place) and all(self._match(place[k], v, found) for k, v in value.items())
        children = children_of(place)
        if not isinstance(value, (list, tuple)) or len(value) != len(children):
            return False
        return all(self._match(child, v, found) for child, v in zip(children, value, strict=True))

    def _shown(self) -> str:
        return str(self.pick(self.places, self.names)) if not self.single else "a single tensor"


def children_of(place: Any) -> list:
    """Return the direct children of a place, in the order of the flat list."""
    return jtu.tree_leaves(place, is_leaf=lambda node: node is not place)


def _depth_of(place: Any, root: Any) -> int:
    """Return the depth of a place (leaf or not) below the root."""
    first = jtu.tree_leaves(place)[0]
    depth, node = 0, root
    while node is not place and not (isinstance(node, int) and node == place):
        node = next(c for c in children_of(node) if first in jtu.tree_leaves(c))
        depth += 1
    return depth


def _paths(place: Any) -> list[tuple]:
    """Return the path of keys and indices to each leaf. Fields of a named tuple count as indices."""
    if isinstance(place, int) or place is None:
        return [] if place is None else [()]
    pairs = jtu.tree_flatten_with_path(place, is_leaf=lambda node: node is not place)[0]
    keys = [i if isinstance(place, tuple) else _key(path[0]) for i, (path, _) in enumerate(pairs)]
    return [(key, *rest) for key, (_, child) in zip(keys, pairs, strict=True) for rest in _paths(child)]


def _key(entry: Any) -> Any:
    return next((getattr(entry, a) for a in ("key", "idx", "name") if hasattr(entry, a)), str(entry))


def _said(what: str) -> str:
    return "y_true" if what == "y" else what


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}" if isinstance(value, (list, tuple, dict)) else "a single array"
