"""`keras.src.utils.tracking`: containers that Keras puts in the place of lists, dicts and sets that layers hold.

kernelkit leaves a layer's containers as they are. What Keras's tests ask of these is whether a container of a class of
one's own is walked, and told from the others; so they are plain classes that are registered with jax here.
"""

from collections import OrderedDict

import jax.tree_util as jtu


class TrackedList(list):
    """A list whose class is registered."""


class TrackedSet(set):
    """A set whose class is registered; a plain set is a leaf."""


class TrackedDict(dict):
    """A dict whose class is registered, its keys sorted."""


class TrackedOrderedDict(OrderedDict):
    """A dict whose class is registered, its keys in their own order."""


def _register_sequence(kind):
    jtu.register_pytree_node(kind, lambda node: (tuple(node), None), lambda _, children: kind(children))


def _register_dict(kind, order):
    def flatten_with_keys(node):
        keys = order(node)
        return [(jtu.DictKey(key), node[key]) for key in keys], tuple(keys)

    jtu.register_pytree_with_keys(kind, flatten_with_keys, lambda keys, children: kind(zip(keys, children)))


_register_sequence(TrackedList)
_register_sequence(TrackedSet)
_register_dict(TrackedDict, sorted)
_register_dict(TrackedOrderedDict, list)
