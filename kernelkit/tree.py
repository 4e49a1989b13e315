"""Nested structures (lists, tuples, named tuples, deques, dicts) of tensors.

Classes registered with :mod:`jax.tree_util` are containers too, as in jax. Everything else is a leaf, also ``None`` and
sparse arrays. A dict is visited in the order of its sorted keys, an ``OrderedDict`` in its own order.

Example:
    >>> from kernelkit import tree
    >>> tree.map_structure(lambda v: v + 1, {"a": 1, "b": (2, 3)})
    {'a': 2, 'b': (3, 4)}
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.public import names_of as _names_of
from kernelkit.sparse import is_sparse
from kernelkit.typing import Tree

MAP_TO_NONE = object()

_SEQUENCES = (tuple, list, deque)
_DICTS = (dict, OrderedDict, defaultdict)
_COMMON_LEAVES = {int, float, bool, str, np.ndarray}  # leaves without a lookup in jax's registry


def is_nested(structure: Tree) -> bool:
    """Return whether the value is a container rather than a leaf.

    Example:
        >>> from kernelkit import tree
        >>> tree.is_nested([1]), tree.is_nested({}), tree.is_nested(1)
        (True, True, False)
    """
    return _open(structure) is not None


def flatten(structure: Tree) -> list:
    """Return the leaves of a structure as a flat list, dicts in the order of their sorted keys.

    Example:
        >>> from kernelkit import tree
        >>> tree.flatten({"b": 2, "a": [1, (3,)]})
        [1, 3, 2]
    """
    leaves: list = []
    _collect(structure, leaves)
    return leaves


def _collect(structure: Tree, leaves: list) -> None:
    opened = _open(structure)
    if opened is None:
        leaves.append(structure)
    else:
        for child in opened[1]:
            _collect(child, leaves)


def flatten_with_path(structure: Tree) -> list[tuple[tuple, Any]]:
    """Return ``(path, leaf)`` pairs; a path is a tuple of keys and indices, indices for named tuples too.

    Example:
        >>> from kernelkit import tree
        >>> tree.flatten_with_path({"a": [1, 2]})
        [(('a', 0), 1), (('a', 1), 2)]
    """
    return list(_walk(structure, ()))


def _walk(structure: Tree, path: tuple) -> Iterator[tuple[tuple, Any]]:
    opened = _open(structure)
    if opened is None:
        yield path, structure
    else:
        for key, child in zip(*opened, strict=True):
            yield from _walk(child, (*path, key))


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Tree:
    """Apply a function to the matching leaves of one or more structures.

    Args:
        func: Called with one leaf of each structure.
        *structures: Structures of the same shape.
        none_is_leaf: Whether ``func`` is called with ``None`` too. If not, all structures must have ``None`` at the
            same places.

    Returns:
        The results, nested as the first structure.

    Raises:
        ValueError: If the structures are nested differently.

    Example:
        >>> map_structure(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]})
        {'x': 11, 'y': [22]}
    """
    _require_callable("map_structure", func)
    if not structures:
        raise ValueError("map_structure() needs at least one structure.")
    if len(structures) == 1:
        return _map_one(func, structures[0], none_is_leaf)
    return _map(func, structures, none_is_leaf, ())


def _map_one(func: Callable, structure: Tree, none_is_leaf: bool) -> Tree:
    opened = _open(structure)
    if opened is not None:
        return _close(structure, opened[0], [_map_one(func, child, none_is_leaf) for child in opened[1]])
    return func(structure) if structure is not None or none_is_leaf else None


def _map(func: Callable, structures: Sequence[Any], none_is_leaf: bool, path: tuple) -> Tree:
    first, *others = structures
    opened = _open(first)
    if opened is not None:
        keys, children = opened
        columns = [_matching(first, keys, other, path) for other in others]
        rows = zip(keys, zip(children, *columns, strict=True), strict=True)
        return _close(first, keys, [_map(func, row, none_is_leaf, (*path, key)) for key, row in rows])
    for other in others:
        if is_nested(other) or (not none_is_leaf and (first is None) != (other is None)):
            raise ValueError(f"{_DIFFERENT}{_at(path)}: expected {_kind(first)}, got {_kind(other)}.")
    return None if first is None and not none_is_leaf else func(*structures)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Tree:
    """Apply a function to the sub-structures at the leaves of ``shallow_structure``.

    Example:
        >>> map_structure_up_to({"a": 0, "b": 0}, len, {"a": [1, 2], "b": [3]})
        {'a': 2, 'b': 1}
    """
    _require_callable("map_structure_up_to", func)
    return _map_up_to(shallow_structure, func, structures, ())


def _map_up_to(shallow: Any, func: Callable, structures: Sequence[Any], path: tuple) -> Tree:
    opened = _open(shallow)
    if opened is None:
        return func(*structures)
    keys, children = opened
    columns = [_matching(shallow, keys, other, path) for other in structures]
    results = [
        _map_up_to(child, func, [column[i] for column in columns], (*path, keys[i])) for i, child in enumerate(children)
    ]
    return _close(shallow, keys, results)


def assert_same_structure(a: Tree, b: Tree, check_types: bool | None = None) -> None:
    """Raise ``ValueError`` unless both values have the same nesting; all dict classes count as equal.

    Args:
        a: A structure.
        b: A structure.
        check_types: Without effect, as in Keras: types of containers are always compared.

    Example:
        >>> from kernelkit import tree
        >>> tree.assert_same_structure([1, (2, 3)], ["a", ("b", "c")])
    """
    if check_types is not None:
        warnings.warn(
            "assert_same_structure(check_types=...) has no effect: the types of containers are always compared. "
            "assert_same_paths() treats lists and tuples as equal.",
            DeprecationWarning,
            stacklevel=2,
        )
    _map(lambda *_: None, (a, b), True, ())


def assert_same_paths(a: Tree, b: Tree) -> None:
    """Raise ``ValueError`` unless both values have the same leaf paths, whatever their containers are.

    Example:
        >>> from kernelkit import tree
        >>> tree.assert_same_paths({"a": [1]}, {"a": (2,)})
    """
    first, second = ({p: None for p, _ in _walk(s, ())} for s in (a, b))
    if first.keys() != second.keys():
        raise ValueError(
            "The two structures don't have the same paths. Only the first has "
            f"{[p for p in first if p not in second]}, only the second {[p for p in second if p not in first]}."
        )


def pack_sequence_as(structure: Tree, flat_sequence: Any) -> Tree:
    """Nest a flat list of leaves like ``structure``.

    Example:
        >>> pack_sequence_as({"a": 0, "b": (0, 0)}, [1, 2, 3])
        {'a': 1, 'b': (2, 3)}
    """
    if not isinstance(flat_sequence, Iterable):
        raise TypeError(f"pack_sequence_as() takes an iterable of leaves, got {flat_sequence!r}.")
    leaves, expected = list(flat_sequence), len(flatten(structure))
    if expected != len(leaves):
        raise ValueError(f"Wrong number of leaves: expected {expected}, as in {structure!r}, got {len(leaves)}.")
    remaining = iter(leaves)
    return _map_one(lambda _: next(remaining), structure, True)


def lists_to_tuples(structure: Tree) -> Tree:
    """Return the structure with every list replaced by a tuple.

    Example:
        >>> from kernelkit import tree
        >>> tree.lists_to_tuples([1, [2, 3]])
        (1, (2, 3))
    """
    return traverse(lambda s: tuple(s) if isinstance(s, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable, structure: Tree) -> Tree:
    """Apply a function to the shapes in a structure, where a tuple or list of ints is one leaf.

    Example:
        >>> from kernelkit import tree
        >>> tree.map_shape_structure(lambda shape: len(shape), {"image": (28, 28, 1), "label": ()})
        {'image': 3, 'label': 0}
    """
    _require_callable("map_shape_structure", func)
    opened = None if is_shape(structure) else _open(structure)
    if opened is None:
        return func(structure)
    return _close(structure, opened[0], [map_shape_structure(func, child) for child in opened[1]])


def is_shape(value: Any) -> bool:
    """Return whether a value is a shape: a tuple or list of ints and ``None``.

    Example:
        >>> from kernelkit import tree
        >>> tree.is_shape((None, 3)), tree.is_shape([(2, 3)])
        (True, False)
    """
    return isinstance(value, (tuple, list)) and all(d is None or isinstance(d, int) for d in value)


def traverse(func: Callable, structure: Tree, top_down: bool = True) -> Tree:
    """Visit every node of a structure and replace those for which ``func`` returns a value.

    Args:
        func: Called with each node; ``None`` keeps the node, ``MAP_TO_NONE`` replaces it by ``None``.
        structure: The structure to walk through.
        top_down: Whether a node is visited before its children, which are then skipped if it was replaced.

    Returns:
        The structure with the replaced nodes.

    Example:
        >>> traverse(lambda s: sum(s) if isinstance(s, tuple) else None, [(1, 2), (3, 4)])
        [3, 7]
    """
    _require_callable("traverse", func)
    if top_down:
        replaced = func(structure)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    opened = _open(structure)
    if opened is not None:
        structure = _close(structure, opened[0], [traverse(func, child, top_down) for child in opened[1]])
    if not top_down:
        replaced = func(structure)
        if replaced is not None:
            return None if replaced is MAP_TO_NONE else replaced
    return structure


# One level ------------------------------------------------------------------------------------------------------------


def _open(node: Any) -> tuple[Sequence, Sequence] | None:
    """Return the keys and the children of a container, ``None`` for a leaf."""
    kind = type(node)
    if kind is list or kind is tuple:
        return range(len(node)), node
    if kind in _DICTS:
        keys = _order(node)
        return keys, [node[key] for key in keys]
    if node is None or kind in _COMMON_LEAVES:
        return None
    if kind is deque or _is_namedtuple(node):
        return range(len(node)), tuple(node)
    if is_sparse(node):
        return None
    pairs = jtu.tree_flatten_with_path(node, is_leaf=lambda part: part is not node)[0]
    if len(pairs) == 1 and not pairs[0][0]:  # jax returns a leaf as its own only child
        return None
    return [_plain(i, path[0]) for i, (path, _) in enumerate(pairs)], [child for _, child in pairs]


def _close(node: Any, keys: Sequence, children: list) -> Tree:
    """Return a container like ``node`` with other children, in the order of :func:`_open`."""
    kind: Any = type(node)
    if kind is list:
        return children
    if kind is tuple:
        return tuple(children)
    if kind in _DICTS:
        values = dict(zip(keys, children, strict=True))
        entries = [(key, values[key]) for key in node]
        return defaultdict(node.default_factory, entries) if isinstance(node, defaultdict) else kind(entries)
    if kind is deque:
        return deque(children, node.maxlen)
    if _is_namedtuple(node):
        return kind(*children)
    treedef: Any = jtu.tree_structure(node, is_leaf=lambda s: s is not node)
    return treedef.unflatten(children)


def _order(node: dict) -> list:
    if type(node) is OrderedDict:
        return list(node)
    try:
        return sorted(node)
    except TypeError:  # keys of different classes cannot be compared: sort class by class
        return sorted(node, key=lambda key: (type(key).__qualname__, key))


def _is_namedtuple(node: Any) -> bool:
    return isinstance(node, tuple) and hasattr(node, "_fields")


def _plain(position: int, key: Any) -> Any:
    for attribute in ("key", "name"):
        if hasattr(key, attribute):
            return getattr(key, attribute)
    return position


def _matching(first: Tree, keys: Sequence, other: Any, path: tuple) -> Sequence:
    """Return the children of ``other`` in the order of ``keys``, the keys of ``first``; raise if the keys differ."""
    opened = _open(other)
    both_dicts = type(first) in _DICTS and type(other) in _DICTS
    why = None
    if opened is None or (type(first) is not type(other) and not both_dicts):
        why = ""
    elif len(opened[0]) != len(keys):
        why = f" (Node arity mismatch: the number of entries is {len(keys)} in one and {len(opened[0])} in the other)"
    elif both_dicts and any(key not in other for key in keys):
        why = f" (Node keys mismatch: {keys} and {opened[0]})"
    elif not both_dicts and type(first) not in _SEQUENCES and list(keys) != list(opened[0]):
        why = f" (Node context mismatch: the keys are {keys} and {opened[0]})"
    if opened is None or why is not None:
        raise ValueError(f"{_DIFFERENT}{_at(path)}: expected {_kind(first)}, got {_kind(other)}{why}.")
    return [other[key] for key in keys] if both_dicts else opened[1]


# Texts of errors ------------------------------------------------------------------------------------------------------

_DIFFERENT = "The structures don't have the same nested structure"


def _require_callable(who: str, func: Any) -> None:
    if not callable(func):
        raise TypeError(f"{who}() takes a callable first, then the structure; got {func!r}.")


def _at(path: tuple) -> str:
    return f" at {'/'.join(map(str, path))!r}" if path else ""


def _kind(value: Any) -> str:
    opened = _open(value)
    if opened is None:
        return f"the leaf {type(value).__name__}"
    kind = "namedtuple " if _is_namedtuple(value) else ""
    return f"{kind}{type(value).__name__} of {len(opened[0])}"


__dir__ = _names_of(globals())
