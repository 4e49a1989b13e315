"""Nested structures (lists, tuples, dicts, named tuples) of tensors.

A thin face over :mod:`jax.tree_util` in which ``None`` counts as a leaf, as in Keras.

Example:
    >>> from kernelkit import tree
    >>> tree.map_structure(lambda v: v + 1, {"a": 1, "b": (2, 3)})
    {'a': 2, 'b': (3, 4)}
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax.tree_util as jtu

MAP_TO_NONE = object()


def _is_none(x: Any) -> bool:
    return x is None


def is_nested(structure: Any) -> bool:
    """Return whether the value is a container rather than a leaf."""
    return structure is not None and not jtu.all_leaves([structure])


def flatten(structure: Any) -> list:
    """Return the leaves of a structure as a flat list, dicts in the order of their sorted keys."""
    return jtu.tree_leaves(structure, is_leaf=_is_none)


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """Return ``(path, leaf)`` pairs; a path is a tuple of keys and indices."""
    pairs, _ = jtu.tree_flatten_with_path(structure, is_leaf=_is_none)
    return [(tuple(_key(k) for k in path), leaf) for path, leaf in pairs]


def _key(entry: Any) -> Any:
    for attribute in ("key", "idx", "name"):
        if hasattr(entry, attribute):
            return getattr(entry, attribute)
    return str(entry)


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """Apply a function to the matching leaves of one or more structures.

    Args:
        func: Called with one leaf of each structure.
        *structures: Structures of the same shape.
        none_is_leaf: Whether ``func`` also sees ``None``.

    Returns:
        The results, nested as the first structure.
    """
    if not structures:
        raise ValueError("map_structure() needs at least one structure.")
    is_leaf = _is_none if none_is_leaf else None
    for other in structures[1:]:
        assert_same_structure(structures[0], other)
    return jtu.tree_map(func, *structures, is_leaf=is_leaf)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """Apply a function to the sub-structures that stand where ``shallow_structure`` has its leaves."""
    treedef: Any = jtu.tree_structure(shallow_structure, is_leaf=_is_none)
    columns = [treedef.flatten_up_to(s) for s in structures]
    return treedef.unflatten([func(*row) for row in zip(*columns, strict=True)])


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raise ``ValueError`` unless both values nest alike.

    Args:
        a: A structure.
        b: A structure.
        check_types: Without effect, as in Keras: types of containers are always compared.
    """
    if check_types is not None:
        warnings.warn(
            "assert_same_structure(check_types=...) has no effect: the types of containers are always compared. "
            "assert_same_paths() takes lists and tuples for equal.",
            DeprecationWarning,
            stacklevel=2,
        )
    first: Any = jtu.tree_structure(a, is_leaf=_is_none)
    second: Any = jtu.tree_structure(b, is_leaf=_is_none)
    if first != second:
        raise ValueError(f"The two structures don't have the same nested structure: {first} and {second}.")


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ``ValueError`` unless both values have the same leaf paths."""
    first, second = ([p for p, _ in flatten_with_path(s)] for s in (a, b))
    if first != second:
        raise ValueError(f"The two structures don't have the same paths: {first} and {second}.")


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """Nest a flat list of leaves like ``structure``."""
    treedef: Any = jtu.tree_structure(structure, is_leaf=_is_none)
    leaves = list(flat_sequence)
    if treedef.num_leaves != len(leaves):
        raise ValueError(f"The structure has {treedef.num_leaves} leaves, but {len(leaves)} values were given.")
    return treedef.unflatten(leaves)


def lists_to_tuples(structure: Any) -> Any:
    """Return the structure with every list replaced by a tuple."""
    return traverse(lambda s: tuple(s) if isinstance(s, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """Apply a function to the shapes in a structure, where a tuple or list of ints is one leaf."""
    return jtu.tree_map(func, structure, is_leaf=lambda s: s is None or is_shape(s))


def is_shape(value: Any) -> bool:
    """Return whether a value is a shape: a tuple or list of ints and ``None``."""
    return isinstance(value, (tuple, list)) and all(d is None or isinstance(d, int) for d in value)


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """Visit every node of a structure and replace those for which ``func`` returns a value.

    Args:
        func: Called with each node; ``None`` keeps the node, ``MAP_TO_NONE`` replaces it by ``None``.
        structure: What to walk.
        top_down: Whether a node is visited before its children, which are then skipped if it was replaced.

    Returns:
        The structure with the replaced nodes.
    """
    if top_down:
        replaced = func(structure)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    if is_nested(structure):
        children, treedef = _one_level(structure)
        structure = treedef.unflatten([traverse(func, c, top_down) for c in children])
    if not top_down:
        replaced = func(structure)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    return structure


def _one_level(structure: Any) -> tuple[list, Any]:
    leaves, treedef = jtu.tree_flatten(structure, is_leaf=lambda s: s is not structure)
    return leaves, treedef
