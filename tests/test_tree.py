"""Nested structures: what is a container, in which order it is walked, what is told of a difference."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import jax.tree_util as jtu
import keras
import numpy as np
import pytest

from kernelkit import tree

Point = namedtuple("Point", ["x", "y"])

STRUCTURES = {
    "leaf": 3,
    "none": None,
    "empty": [(), {}, [], deque()],
    "sorted": {"b": 1, "a": [2, None]},
    "ordered": OrderedDict([("b", 1), ("a", 2)]),
    "default": defaultdict(list, {"b": 1, "a": 2}),
    "unsortable": {"b": 1, 2: 2},
    "deque": deque([1, (2, 3)], maxlen=5),
    "named": Point(y=1, x=(2, 3)),
    "set": [{1, 2}],
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_walks_as_keras_does(name):
    structure = STRUCTURES[name]
    leaves = tree.flatten(structure)
    assert leaves == keras.tree.flatten(structure)
    assert tree.flatten_with_path(structure) == keras.tree.flatten_with_path(structure)
    assert tree.is_nested(structure) == keras.tree.is_nested(structure)
    mapped = tree.map_structure(str, structure)
    assert repr(mapped) == repr(keras.tree.map_structure(str, structure))  # the order of keys too
    packed = tree.pack_sequence_as(structure, range(len(leaves)))
    assert repr(packed) == repr(keras.tree.pack_sequence_as(structure, list(range(len(leaves)))))


def test_registered_classes_are_walked():
    class Pair:
        def __init__(self, *items):
            self.items = items

    jtu.register_pytree_node(Pair, lambda pair: (pair.items, None), lambda _, items: Pair(*items))
    assert tree.is_nested(Pair(1, 2))
    assert tree.flatten_with_path(Pair(1, [2])) == [((0,), 1), ((1, 0), 2)]
    assert tree.map_structure(lambda a, b: a + b, Pair(1, 2), Pair(10, 20)).items == (11, 22)


def test_kinds_of_dicts_match_and_the_first_gives_the_kind_and_the_order():
    first, second = OrderedDict([("b", 2), ("a", 1)]), {"a": 10, "b": 20}
    assert tree.map_structure(lambda a, b: a + b, first, second) == OrderedDict([("b", 22), ("a", 11)])
    tree.assert_same_structure(defaultdict(int, second), first)


def test_none_is_a_leaf_unless_told_otherwise():
    both = lambda *leaves: leaves  # noqa: E731
    assert tree.map_structure(both, (None, 1), (2, None)) == ((None, 2), (1, None))
    assert tree.map_structure(both, (None, 1), (None, 3), none_is_leaf=False) == (None, (1, 3))
    with pytest.raises(ValueError, match="at '0': expected the leaf NoneType, got the leaf int"):
        tree.map_structure(both, (None, 1), (2, 3), none_is_leaf=False)


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ((1,), [1], "expected tuple of 1, got list of 1"),
        ({"k": [1, 2]}, {"k": [1]}, "at 'k': expected list of 2, got list of 1 .Node arity mismatch"),
        ({"a": 1}, {"b": 1}, "Node keys mismatch"),
        ([1], [(1,)], "at '0': expected the leaf int, got tuple of 1"),
        (Point(1, 2), namedtuple("Other", "x y")(1, 2), "expected namedtuple Point of 2, got namedtuple Other of 2"),
    ],
)
def test_differences_say_where(a, b, text):
    with pytest.raises(ValueError, match=text):
        tree.assert_same_structure(a, b)
    with pytest.raises(ValueError, match="same nested structure"):
        tree.map_structure(max, a, b)


def test_paths_are_compared_whatever_the_containers_are():
    tree.assert_same_paths({"a": (1, 2)}, {"a": deque([1, 2])})
    with pytest.raises(ValueError, match=r"Only the first has \[\(0, 0\)\], only the second \[\(0,\)\]"):
        tree.assert_same_paths([(1,)], [1])


def test_map_structure_up_to_hands_over_what_stands_below():
    got = tree.map_structure_up_to({"b": 0, "a": 0}, lambda x, y: (x, y), {"a": 1, "b": [2]}, {"b": 3, "a": 4})
    assert got == {"b": ([2], 3), "a": (1, 4)}


def test_traverse_replaces_nodes_by_none():
    drop = lambda node: tree.MAP_TO_NONE if isinstance(node, tuple) else None  # noqa: E731
    assert tree.traverse(drop, [(1, 2), {"a": (3,)}]) == [None, {"a": None}]
    assert tree.traverse(drop, [(1, 2)], top_down=False) == [None]


def test_shapes_are_leaves_of_map_shape_structure():
    assert tree.map_shape_structure(len, [(1, None), {"a": (3,)}]) == [2, {"a": 1}]


def test_wrong_arguments_are_told():
    with pytest.raises(TypeError, match="callable"):
        tree.map_structure([1], len)
    with pytest.raises(TypeError, match="iterable"):
        tree.pack_sequence_as([1, 2], 5)
    with pytest.raises(ValueError, match="expected 2, as in"):
        tree.pack_sequence_as([1, 2], np.zeros(3))
