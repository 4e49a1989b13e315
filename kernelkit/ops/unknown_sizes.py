"""Symbolic results where unknown sizes ask for more than trying two sizes.

The axes of an op's arguments get labels, as in Einstein's notation: axes of one label have one size, so an unknown
size beside a known one is that one. And the lesser of an unknown and a known size is unknown: ``x[:5]`` may be short.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.symbolic import KerasTensor, eval_spec

Labels = Sequence[Hashable]


def with_spec(spec: Callable) -> Callable:
    """Return a decorator that gives an op its own rule for symbolic results: ``spec(op, *args, **kwargs)``."""

    def attach(row: Any) -> Any:
        row.spec = spec
        return row

    return attach


def broadcast_spec(row: Callable, *args: Any, **kwargs: Any) -> Any:
    """Return the symbolic result of arguments that broadcast; beside a 1, an unknown size stays unknown."""
    values = [*args, *kwargs.values()]
    filled = _fill(values, [_broadcast(_shape(v)) for v in values])
    return eval_spec(row, *filled[: len(args)], **dict(zip(kwargs, filled[len(args) :], strict=True)))


def matmul_spec(row: Callable, x1: Any, x2: Any) -> Any:
    """Return the symbolic matrix product."""
    first, second = _shape(x1), _shape(x2)
    labels = [
        [*_broadcast(first[:-2]), "m", "k"] if len(first) > 1 else ["k"],
        [*_broadcast(second[:-2]), "k", "n"] if len(second) > 1 else ["k"],
    ]
    return eval_spec(row, *_fill([x1, x2], labels))


def dot_spec(row: Callable, x1: Any, x2: Any) -> Any:
    """Return the symbolic `dot` product."""
    return tensordot_spec(row, x1, x2, ([-1], [max(-2, -len(_shape(x2)))]), given=False)


def inner_spec(row: Callable, x1: Any, x2: Any) -> Any:
    """Return the symbolic inner product."""
    return tensordot_spec(row, x1, x2, ([-1], [-1]), given=False)


def tensordot_spec(row: Callable, x1: Any, x2: Any, axes: Any = 2, given: bool = True) -> Any:
    """Return the symbolic sum of products over chosen axes; ``given`` tells whether ``row`` takes them."""
    first, second = [("1", i) for i in range(len(_shape(x1)))], [("2", i) for i in range(len(_shape(x2)))]
    pairs = (list(range(len(first) - axes, len(first))), list(range(axes))) if isinstance(axes, int) else axes
    if first and second:  # numbers have no axes
        for a, b in zip(*(np.atleast_1d(side).tolist() for side in pairs), strict=True):
            second[b] = first[a]
    return eval_spec(row, *_fill([x1, x2], [first, second]), *([axes] if given else []))


def einsum_spec(row: Callable, subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Return the symbolic result of an Einstein sum."""
    labels: list[Labels] = []
    for term, operand in zip(subscripts.replace(" ", "").split("->")[0].split(","), operands, strict=True):
        left, dots, right = term.partition("...")
        middle = _shape(operand)[len(left) : len(_shape(operand)) - len(right)] if dots else ()
        labels.append([*left, *_broadcast(middle), *right])
    return eval_spec(row, subscripts, *_fill(operands, labels), **kwargs)


def joined_spec(row: Callable, xs: Any, axis: int | None = 0) -> Any:
    """Return the symbolic result of joining arrays along an axis that they have."""
    if axis is None:
        return eval_spec(row, xs, axis)
    labels = [[(i, n) if i == axis % len(_shape(x)) else i for i in range(len(_shape(x)))] for n, x in enumerate(xs)]
    return eval_spec(row, _fill(xs, labels), axis)


def stacked_spec(row: Callable, x: Any, axis: int = 0) -> Any:
    """Return the symbolic result of joining arrays along a new axis."""
    return eval_spec(row, _fill(x, [range(len(_shape(v))) for v in x]), axis)


def reshape_spec(row: Callable, x: Any, newshape: Any) -> Any:
    """Return the symbolic result of a reshape: the new shape, if it says all."""
    sizes = tuple(np.atleast_1d(newshape)) if not isinstance(newshape, (tuple, list)) else tuple(newshape)
    known = None not in x.shape
    if None in sizes or -1 in sizes or (known and math.prod(sizes) != math.prod(x.shape)):
        return eval_spec(row, x, newshape)
    return KerasTensor(sizes, dtype=x.dtype)


def broadcast_to_spec(row: Callable, x: Any, shape: Any) -> Any:
    """Return the symbolic result of broadcasting to a shape."""
    return eval_spec(row, *_fill([x], [_broadcast(x.shape)], dict(zip(_broadcast(shape), shape, strict=True))), shape)


def capped_spec(row: Callable, *args: Any, **kwargs: Any) -> Any:
    """Return the symbolic result where sizes are capped: what differs if unknown sizes are 1 is unknown."""

    def smallest(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        return KerasTensor([1 if size is None else size for size in x.shape], dtype=x.dtype)

    def merge(a: KerasTensor, b: KerasTensor) -> KerasTensor:
        return KerasTensor([p if p == q else None for p, q in zip(a.shape, b.shape, strict=True)], dtype=a.dtype)

    large = eval_spec(row, *args, **kwargs)
    if not any(isinstance(v, KerasTensor) and None in v.shape for v in _leaves((args, kwargs))):
        return large
    little_args, little_kwargs = jtu.tree_map(smallest, (args, kwargs), is_leaf=_is_symbolic)
    return jtu.tree_map(merge, large, eval_spec(row, *little_args, **little_kwargs), is_leaf=_is_symbolic)


def _is_symbolic(x: Any) -> bool:
    return isinstance(x, KerasTensor)


def _leaves(structure: Any) -> list:
    return jtu.tree_leaves(structure, is_leaf=_is_symbolic)


def _shape(x: Any) -> tuple:
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


class _Broadcast(int):
    """The label of an axis that broadcasts, counted from the last; a size of 1 says nothing about the others."""

    def __hash__(self) -> int:
        return hash(("broadcast", int(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Broadcast) and int(self) == int(other)


def _broadcast(shape: Sequence) -> list[_Broadcast]:
    return [_Broadcast(i) for i in range(-len(shape), 0)]


def _fill(values: Sequence, labels: Sequence[Labels], known: dict | None = None) -> list:
    """Return the values, the unknown sizes of which are those of other axes of the same label."""
    known = dict(known or {})
    for value, axes in zip(values, labels, strict=True):
        for size, label in zip(_shape(value), axes, strict=True):
            if size is not None and not (size == 1 and isinstance(label, _Broadcast)):
                known.setdefault(label, size)

    def filled(value: Any, axes: Labels) -> Any:
        if not isinstance(value, KerasTensor) or None not in value.shape:
            return value
        sizes = [known.get(label) if size is None else size for size, label in zip(value.shape, axes, strict=True)]
        return KerasTensor(sizes, dtype=value.dtype)

    return [filled(value, axes) for value, axes in zip(values, labels, strict=True)]
