"""Shape rules of ops for unknown sizes, where tracing with two trial sizes is not enough.

The axes of an op's arguments get labels, as in Einstein's notation. Axes with the same label have the same size, so an
unknown size follows from a known size with the same label. The minimum of an unknown and a known size is unknown:
``x[:5]`` may be shorter than 5.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Hashable, Sequence
from itertools import zip_longest
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.inference import eval_spec
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import SizeList, Tensor, Tree

Labels = Sequence[Hashable]


def with_spec(spec: Callable) -> Callable:
    """Return a decorator that gives an op its own shape rule: ``spec(op, *args, **kwargs)``."""

    def attach(function: Any) -> Any:
        function.spec = spec
        return function

    return attach


def broadcast_spec(function: Callable, *args: Any, **kwargs: Any) -> Tensor:
    """Return the symbolic result of broadcast arguments; an unknown size with a size of 1 stays unknown."""
    values = [*args, *kwargs.values()]
    _check_broadcast(function, [_shape(v) for v in values])
    filled = _fill(values, [_broadcast(_shape(v)) for v in values])
    return eval_spec(function, *filled[: len(args)], **dict(zip(kwargs, filled[len(args) :], strict=True)))


def matmul_spec(function: Callable, x1: Tensor, x2: Tensor) -> Tensor:
    """Return the symbolic matrix product."""
    first, second = _shape(x1), _shape(x2)
    labels = [
        [*_broadcast(first[:-2]), "m", "k"] if len(first) > 1 else ["k"],
        [*_broadcast(second[:-2]), "k", "n"] if len(second) > 1 else ["k"],
    ]
    return eval_spec(function, *_fill([x1, x2], labels))


def dot_spec(function: Callable, x1: Tensor, x2: Tensor) -> Tensor:
    """Return the symbolic `dot` product."""
    return tensordot_spec(function, x1, x2, ([-1], [max(-2, -len(_shape(x2)))]), given=False)


def inner_spec(function: Callable, x1: Tensor, x2: Tensor) -> Tensor:
    """Return the symbolic inner product."""
    return tensordot_spec(function, x1, x2, ([-1], [-1]), given=False)


def cross_spec(function: Callable, x1: Tensor, x2: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return the symbolic cross product; the axes before the vectors broadcast."""
    if not args and not kwargs:  # by default, the vectors are along the last axis
        _check_broadcast(function, [_shape(x1)[:-1], _shape(x2)[:-1]])
        x1, x2 = _fill([x1, x2], [[*_broadcast(_shape(x)[:-1]), side] for side, x in (("1", x1), ("2", x2))])
    return eval_spec(function, x1, x2, *args, **kwargs)


def tensordot_spec(function: Callable, x1: Tensor, x2: Tensor, axes: Any = 2, given: bool = True) -> Tensor:
    """Return the symbolic sum of products over axes; ``given``: whether ``function`` takes the axes as an argument."""
    first, second = [("1", i) for i in range(len(_shape(x1)))], [("2", i) for i in range(len(_shape(x2)))]
    pairs = (list(range(len(first) - axes, len(first))), list(range(axes))) if isinstance(axes, int) else axes
    if first and second:  # scalars have no axes
        for a, b in zip(*(np.atleast_1d(side).tolist() for side in pairs), strict=True):
            second[b] = first[a]
    return eval_spec(function, *_fill([x1, x2], [first, second]), *([axes] if given else []))


def einsum_spec(function: Callable, subscripts: str, *operands: Any, **kwargs: Any) -> Tensor:
    """Return the symbolic result of an Einstein sum."""
    labels: list[Labels] = []
    for term, operand in zip(subscripts.replace(" ", "").split("->")[0].split(","), operands, strict=True):
        left, dots, right = term.partition("...")
        middle = _shape(operand)[len(left) : len(_shape(operand)) - len(right)] if dots else ()
        labels.append([*left, *_broadcast(middle), *right])
    return eval_spec(function, subscripts, *_fill(operands, labels), **kwargs)


def joined_spec(function: Callable, xs: Tensor, axis: int | None = 0) -> Tensor:
    """Return the symbolic result of joining arrays along an existing axis."""
    if axis is None:
        return eval_spec(function, xs, axis)
    joined = checked_axis(axis, len(_shape(xs[0])), function.__name__) if len(xs) else 0
    labels = [[(i, n) if i == joined else i for i in range(len(_shape(x)))] for n, x in enumerate(xs)]
    return eval_spec(function, _fill(xs, labels), axis)


def piled_spec(axis: int) -> Callable:
    """Return the shape rule for joining along an axis that vectors don't have; vectors become the second axis."""

    def spec(function: Callable, xs: Tensor) -> Any:
        axes = [[1] if len(_shape(x)) == 1 else range(len(_shape(x))) for x in xs]
        return eval_spec(function, _fill(xs, [[(i, n) if i == axis else i for i in own] for n, own in enumerate(axes)]))

    return spec


def stacked_spec(function: Callable, x: Tensor, axis: int = 0) -> Tensor:
    """Return the symbolic result of joining arrays along a new axis."""
    return eval_spec(function, _fill(x, [range(len(_shape(v))) for v in x]), axis)


def along_axis_spec(function: Callable, x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Return the symbolic elements picked along an axis; the other axes broadcast."""
    rank = len(_shape(x))
    if axis is not None and len(_shape(indices)) == rank:
        own = checked_axis(axis, rank, function.__name__)
        pick = [[(side, i) if i == own else label for i, label in enumerate(_broadcast(x.shape))] for side in "xi"]
        x, indices = _fill([x, indices], pick)
    return integer_spec("indices")(function, x, indices, axis)


def checked_axis(axis: int, rank: int, name: str) -> int:
    """Return an axis counted from the first; raise ``ValueError`` if there is no such axis."""
    if not -rank <= axis < rank:
        raise ValueError(f"{name}(): axis {axis} is out of bounds for an array of {rank} dimensions.")
    return axis % rank


def reshape_spec(function: Callable, x: Tensor, newshape: Any) -> Tensor:
    """Return the symbolic result of a reshape; directly from the new shape where that is enough."""
    if isinstance(newshape, KerasTensor):
        return KerasTensor((None,) * (newshape.shape[0] if newshape.shape else 1), dtype=x.dtype)
    sizes = tuple(np.atleast_1d(newshape)) if not isinstance(newshape, (tuple, list)) else tuple(newshape)
    if any(isinstance(size, KerasTensor) for size in sizes):
        whole = (isinstance(size, int) and size >= 0 for size in sizes)
        return KerasTensor([size if keep else None for size, keep in zip(sizes, whole, strict=True)], dtype=x.dtype)
    if sizes.count(None) + sizes.count(-1) > 1:
        _check_kept("reshape", sizes, [*_shape(x), *[0] * len(sizes)])
    if not _is_symbolic(x) or None in sizes or -1 in sizes:
        return eval_spec(function, x, newshape)
    count, given = math.prod(sizes), math.prod(size for size in x.shape if size is not None)
    if (count != given) if None not in x.shape else (given and count % given):  # no size fits: the error says so
        return eval_spec(function, x, newshape)
    return x.like(sizes)


def broadcast_to_spec(function: Callable, x: Tensor, shape: SizeList) -> Tensor:
    """Return the symbolic result of broadcasting to a shape."""
    _check_kept("broadcast_to", shape, [0] * (len(shape) - len(x.shape)) + list(x.shape))
    return eval_spec(
        function, *_fill([x], [_broadcast(x.shape)], dict(zip(_broadcast(shape), shape, strict=True))), shape
    )


def _check_kept(who: str, sizes: Sequence, given: Sequence) -> None:
    """Raise an error if an unknown size of a new shape is not at the place of an unknown size of the old shape."""
    for i, size in enumerate(sizes):
        if size is None and given[i] is not None:
            raise ValueError(
                f"{who}(): the size None at place {i} of {tuple(sizes)} is unknown while the model is wired. Put the "
                "code into the call() of a layer: sizes are known there when data come."
            )


def integer_spec(*names: str, rule: Callable = eval_spec) -> Callable:
    """Return a shape rule that accepts symbolic floats for integer arguments.

    `Input` makes floats by default, so indices are often floats while a model is wired.

    Args:
        *names: Names of the integer arguments.
        rule: The shape rule to apply next.
    """

    def spec(function: Callable, *args: Any, **kwargs: Any) -> Any:
        bound = inspect.signature(function).bind(*args, **kwargs)
        for name in set(names) & set(bound.arguments):
            bound.arguments[name] = jtu.tree_map(_as_integers, bound.arguments[name], is_leaf=_is_symbolic)
        return rule(function, *bound.args, **bound.kwargs)

    return spec


def segment_spec(
    function: Callable, data: Tree, segment_ids: Tensor, num_segments: int | None = None, **kwargs: Any
) -> Tensor:
    """Return the symbolic rows of segments; a number of segments that isn't given depends on values and is unknown."""
    data, ids = _fill([data, segment_ids], [["row", *range(1, len(_shape(data)))], ["row"] * len(_shape(segment_ids))])
    result = integer_spec("segment_ids")(function, data, ids, num_segments or 1, **kwargs)
    return result if num_segments is not None else KerasTensor((None, *result.shape[1:]), dtype=result.dtype)


def _as_integers(x: Tensor) -> Tensor:
    return KerasTensor(x.shape, dtype="int32") if _is_symbolic(x) and "float" in x.dtype else x


def capped_spec(function: Callable, *args: Any, **kwargs: Any) -> Tensor:
    """Return the symbolic result of an op that caps sizes: a size that changes if unknown sizes are 1 is unknown."""

    def smallest(x: Tensor) -> Tensor:
        if not isinstance(x, KerasTensor):
            return x
        return x.like([1 if size is None else size for size in x.shape])

    def merge(a: KerasTensor, b: KerasTensor) -> KerasTensor:
        return a.like([p if p == q else None for p, q in zip(a.shape, b.shape, strict=True)])

    large = eval_spec(function, *args, **kwargs)
    if not any(isinstance(v, KerasTensor) and None in v.shape for v in _leaves((args, kwargs))):
        return large
    little_args, little_kwargs = jtu.tree_map(smallest, (args, kwargs), is_leaf=_is_symbolic)
    return jtu.tree_map(merge, large, eval_spec(function, *little_args, **little_kwargs), is_leaf=_is_symbolic)


def _is_symbolic(x: Any) -> bool:
    return isinstance(x, KerasTensor)


def _leaves(structure: Tree) -> list:
    return jtu.tree_leaves(structure, is_leaf=_is_symbolic)


def _shape(x: Tensor) -> tuple:
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def _check_broadcast(function: Callable, shapes: Sequence) -> None:
    """Raise ``ValueError`` if known sizes don't broadcast."""
    for sizes in zip_longest(*(reversed(shape) for shape in shapes)):
        if len({size for size in sizes if size not in (None, 1)}) > 1:
            raise ValueError(
                f"{function.__name__}(): Cannot broadcast shapes {' and '.join(str(s) for s in shapes if s)}."
            )


class _Broadcast(int):
    """The label of a broadcast axis, counted from the last; a size of 1 does not determine the other sizes."""

    def __hash__(self) -> int:
        return hash(("broadcast", int(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Broadcast) and int(self) == int(other)


def _broadcast(shape: Sequence) -> list[_Broadcast]:
    return [_Broadcast(i) for i in range(-len(shape), 0)]


def _fill(values: Sequence, labels: Sequence[Labels], known: dict | None = None) -> list:
    """Return the values with unknown sizes filled in from known sizes with the same label."""
    known = dict(known or {})
    for value, axes in zip(values, labels, strict=True):
        for size, label in zip(_shape(value), axes, strict=True):
            if size is not None and not (size == 1 and isinstance(label, _Broadcast)):
                known.setdefault(label, size)

    def filled(value: Tensor, axes: Labels) -> Tensor:
        if not isinstance(value, KerasTensor) or None not in value.shape:
            return value
        sizes = [known.get(label) if size is None else size for size, label in zip(value.shape, axes, strict=True)]
        return value.like(sizes)

    return [filled(value, axes) for value, axes in zip(values, labels, strict=True)]
