"""Rules of gathers, scatters and slices at computed positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernelkit.export.onnx.arrays import out
from kernelkit.export.onnx.builder import Graph, Value
from kernelkit.export.onnx.elementwise import where
from kernelkit.export.onnx.types import onnx_type
from kernelkit.typing import DType, Equation


def gather(g: Graph, equation: Equation, x: Value, indices: Value) -> Value:
    """`gather`: ONNX's Gather where one axis is looked up, else GatherND."""
    p = equation.params
    d, sizes, mode = p["dimension_numbers"], p["slice_sizes"], _mode(p["mode"])
    aval = equation.outvars[0].aval
    known = g.whole(indices)
    if known is not None and known.ndim == 1 and not d.operand_batching_dims:
        sliced = _one_slice(g, x, dict(zip(d.start_index_map, map(int, known), strict=True)), sizes, mode)
        if sliced is not None:
            axes = list(d.collapsed_slice_dims)
            return out(g, equation, g.node("Squeeze", [sliced, g.ints(axes)]) if axes else sliced)
    rank, out_rank = len(x.shape), len(aval.shape)
    batch = [axis for axis in range(out_rank) if axis not in d.offset_dims]
    simple = (
        len(d.start_index_map) == 1
        and not d.operand_batching_dims
        and tuple(d.collapsed_slice_dims) == tuple(d.start_index_map)
        and all(_same(sizes[axis], x.shape[axis]) for axis in range(rank) if axis != d.start_index_map[0])
    )
    if not simple:
        return _general_gather(g, equation, x, indices)
    axis = d.start_index_map[0]
    which = g.node("Squeeze", [g.full(indices), g.ints([len(indices.shape) - 1])])
    which, valid = _in_bounds(g, which, x.shape[axis], mode, indices.dtype)
    name = g.node("Gather", [g.full(x), which], axis=axis)
    # ONNX puts the axes of the indices where the looked-up axis was.
    count = len(indices.shape) - 1
    kept = [a for a in range(rank) if a != axis]
    made: list[Any] = (
        [("x", a) for a in kept[:axis]] + [("i", k) for k in range(count)] + [("x", a) for a in kept[axis:]]
    )
    wanted: list[Any] = [None] * out_rank
    for place, a in zip(d.offset_dims, kept, strict=True):
        wanted[place] = ("x", a)
    for place, k in zip(batch, range(count), strict=True):
        wanted[place] = ("i", k)
    order = [made.index(w) for w in wanted]
    if order != sorted(order):
        name = g.node("Transpose", [name], perm=order)
    if valid is not None:
        axes = [place for place in range(out_rank) if place in d.offset_dims]
        if axes:
            valid = g.node("Unsqueeze", [valid, g.ints(axes)])
        name = where(g, valid, name, g.array(_fill(p["fill_value"], x.dtype), x.dtype), x.dtype)
    return out(g, equation, name)


def _one_slice(g: Graph, x: Value, starts: dict[int, int], sizes: Sequence, mode: str) -> str | None:
    """Return a window of an array at a known position; ``None`` if it may reach beyond the array."""
    axes = [axis for axis, size in enumerate(sizes) if not _same(size, x.shape[axis])]
    begin = [starts.get(axis, 0) for axis in axes]
    for axis, start in starts.items():
        total, size = x.shape[axis], sizes[axis]
        if axis not in axes:
            inside = start == 0 or mode != "fill"  # a window as large as the array starts at 0
        else:
            inside = start >= 0 and isinstance(size, int) and isinstance(total, int) and start + size <= total
        if not inside and mode != "promise":
            return None
    if not axes:
        return g.full(x)
    ends = g.shape([start + sizes[axis] for axis, start in zip(axes, begin, strict=True)])
    return g.node("Slice", [g.full(x), g.ints(begin), ends, g.ints(axes)])


def _general_gather(g: Graph, equation: Equation, x: Value, indices: Value) -> Value:
    p = equation.params
    d = p["dimension_numbers"]
    aval = equation.outvars[0].aval
    mode = _mode(p["mode"])
    places, valid = _places(
        g, x, indices, d.start_index_map, d.offset_dims, d.collapsed_slice_dims, d.operand_batching_dims,
        d.start_indices_batching_dims, p["slice_sizes"], aval.shape, mode,
    )  # fmt: skip
    name = g.node("GatherND", [g.full(x), places])
    if valid is not None:
        name = where(g, valid, name, g.array(_fill(p["fill_value"], x.dtype), x.dtype), x.dtype)
    return out(g, equation, name)


def scatter(reduction: str) -> Any:
    """`scatter`, `scatter-add` and the like: ScatterND with the index of each number."""

    def rule(g: Graph, equation: Equation, x: Value, indices: Value, updates: Value) -> Value:
        p = equation.params
        d = p["dimension_numbers"]
        sizes = _window_sizes(x.shape, updates.shape, d)
        mode = _mode(p["mode"])
        places, valid = _places(
            g, x, indices, d.scatter_dims_to_operand_dims, d.update_window_dims, d.inserted_window_dims,
            d.operand_batching_dims, d.scatter_indices_batching_dims, sizes, updates.shape, mode,
        )  # fmt: skip
        data, new = g.full(x), g.full(updates)
        if valid is None:
            return out(g, equation, g.node("ScatterND", [data, places, new], reduction=reduction))
        # What lies outside goes into one more slice at the end of an axis, which is cut off again.
        axis, rank = d.scatter_dims_to_operand_dims[0], len(x.shape)
        end = g.size(x.shape[axis])
        more = g.node("Expand", [g.array(0, x.dtype), g.shape([1 if a == axis else n for a, n in enumerate(x.shape)])])
        place = [end if a == axis else g.ints([0]) for a in range(rank)]
        outside = g.node("Concat", place, axis=0) if rank > 1 else end
        places = g.node("Where", [g.node("Unsqueeze", [valid, g.ints([len(updates.shape)])]), places, outside])
        made = g.node("ScatterND", [g.node("Concat", [data, more], axis=axis), places, new], reduction=reduction)
        return out(g, equation, g.node("Slice", [made, g.ints([0]), end, g.ints([axis])]))

    return rule


def _window_sizes(shape: Sequence, updates: Sequence, d: Any) -> list:
    own = [axis for axis in range(len(shape)) if axis not in (*d.inserted_window_dims, *d.operand_batching_dims)]
    sizes: list[Any] = [1] * len(shape)
    for axis, place in zip(own, d.update_window_dims, strict=True):
        sizes[axis] = updates[place]
    return sizes


def _places(
    g: Graph, x: Value, indices: Value, starts: Sequence, offsets: Sequence, collapsed: Sequence, batching: Sequence,
    index_batching: Sequence, sizes: Sequence, shape: Sequence, mode: str,
) -> tuple[str, str | None]:  # fmt: skip
    """Return the index of every number of the result, (*shape, rank of x), and which of them lie inside of x."""
    rank, n = len(x.shape), len(shape)
    batch_places = [axis for axis in range(n) if axis not in offsets]
    own = [axis for axis in range(rank) if axis not in (*collapsed, *batching)]
    wide = g.node("Cast", [g.full(indices)], to=onnx_type(np.int64))
    parts, valid = [], None
    for axis in range(rank):
        name = g.array(0, np.int64)
        if axis in starts:
            column = g.array(list(starts).index(axis), np.int64)
            start = g.node("Gather", [wide, column], axis=len(indices.shape) - 1)
            last = g.node("Sub", [_scalar(g, x.shape[axis]), _scalar(g, sizes[axis])])
            if mode == "fill" and not _all_inside(g, indices, list(starts).index(axis), x.shape[axis], sizes[axis]):
                inside = g.node(
                    "And",
                    [g.node("GreaterOrEqual", [start, g.array(0, np.int64)]), g.node("LessOrEqual", [start, last])],
                )
                inside = _on_axes(g, inside, batch_places, n)
                valid = inside if valid is None else g.node("And", [valid, inside])
            if mode != "promise":
                start = g.node("Min", [g.node("Max", [start, g.array(0, np.int64)]), last])
            name = _on_axes(g, start, batch_places, n)
        if axis in batching:
            place = batch_places[list(index_batching)[list(batching).index(axis)]]
            name = _range_on(g, shape[place], place, n)
        elif axis in own and not _same(sizes[axis], 1):
            place = list(offsets)[own.index(axis)]
            name = g.node("Add", [name, _range_on(g, sizes[axis], place, n)])
        parts.append(g.node("Unsqueeze", [g.node("Expand", [name, g.shape(shape)]), g.ints([n])]))
    return g.node("Concat", parts, axis=n), valid


def _on_axes(g: Graph, name: str, places: Sequence[int], rank: int) -> str:
    axes = [axis for axis in range(rank) if axis not in places]
    return g.node("Unsqueeze", [name, g.ints(axes)]) if axes else name


def _scalar(g: Graph, size: Any) -> str:
    return g.node("Reshape", [g.size(size), g.array(np.array([], np.int64))])


def _all_inside(g: Graph, indices: Value, column: int, total: Any, size: Any) -> bool:
    """Return whether windows of a size are known to lie inside of an axis."""
    known = g.whole(indices)
    if known is None or not isinstance(total, int) or not isinstance(size, int):
        return False
    starts = np.asarray(known)[..., column]
    return bool((starts >= 0).all() and (starts <= total - size).all())


def _range_on(g: Graph, size: Any, place: int, rank: int) -> str:
    end = _scalar(g, size)
    name = g.node("Range", [g.array(0, np.int64), end, g.array(1, np.int64)])
    axes = [axis for axis in range(rank) if axis != place]
    return g.node("Unsqueeze", [name, g.ints(axes)]) if axes else name


def _in_bounds(g: Graph, which: str, size: Any, mode: str, dtype: DType) -> tuple[str, str | None]:
    if mode == "promise":
        return which, None
    zero = g.array(0, dtype)
    last = g.node("Sub", [g.node("Cast", [g.size(size)], to=onnx_type(dtype)), g.array([1], dtype)])
    if isinstance(size, int):
        last = g.array(size - 1, dtype)
    else:
        last = g.node("Squeeze", [last, g.ints([0])])
    valid = None
    if mode == "fill":
        valid = g.node("And", [g.node("GreaterOrEqual", [which, zero]), g.node("LessOrEqual", [which, last])])
    return g.node("Min", [g.node("Max", [which, zero]), last]), valid


def _mode(mode: Any) -> str:
    text = str(mode).lower()
    return "promise" if "promise" in text else "fill" if "fill" in text else "clip"


def _fill(value: Any, dtype: np.dtype) -> Any:
    """Return jax's value for a number outside of the array: NaN, or the smallest or largest integer."""
    if value is not None:
        return value
    if np.issubdtype(dtype, np.inexact):
        return np.nan
    if dtype == np.bool_:
        return True
    return np.iinfo(dtype).min if np.issubdtype(dtype, np.signedinteger) else np.iinfo(dtype).max


def dynamic_slice(g: Graph, equation: Equation, x: Value, *starts: Value) -> Value:
    """`dynamic_slice`: starts are moved so that the slice lies inside."""
    sizes = equation.params["slice_sizes"]
    axes = [axis for axis in range(len(sizes)) if not _same(sizes[axis], x.shape[axis])]
    if not axes:
        return x
    begin, end = _bounds(g, x, [starts[axis] for axis in axes], axes, [sizes[axis] for axis in axes])
    return out(g, equation, g.node("Slice", [g.full(x), begin, end, g.ints(axes)]))


def _bounds(g: Graph, x: Value, starts: Sequence[Value], axes: Sequence[int], sizes: Sequence) -> tuple[str, str]:
    one_each = []
    for start in starts:
        name = g.node("Cast", [g.full(start)], to=onnx_type(np.int64))
        one_each.append(g.node("Reshape", [name, g.ints([1])]))
    begin = one_each[0] if len(one_each) == 1 else g.node("Concat", one_each, axis=0)
    lengths = g.shape(sizes)
    last = g.node("Sub", [g.shape([x.shape[axis] for axis in axes]), lengths])
    begin = g.node("Min", [g.node("Max", [begin, g.ints([0])]), last])
    return begin, g.node("Add", [begin, lengths])


def dynamic_update_slice(g: Graph, equation: Equation, x: Value, update: Value, *starts: Value) -> Value:
    """`dynamic_update_slice`: the part before the update, the update, and the part after it, axis by axis."""
    axes = [axis for axis in range(len(x.shape)) if not _same(update.shape[axis], x.shape[axis])]
    return out(g, equation, _updated(g, g.full(x), list(x.shape), update, starts, axes))


def _updated(g: Graph, name: str, shape: list, update: Value, starts: Sequence[Value], axes: list[int]) -> str:
    if not axes:
        return g.full(update)
    axis, size = axes[0], update.shape[axes[0]]
    kept = Value(tuple(shape), update.dtype, tuple(shape), name)
    begin, end = _bounds(g, kept, [starts[axis]], [axis], [size])
    here = g.ints([axis])
    middle = name
    if len(axes) > 1:
        middle = g.node("Slice", [name, begin, end, here])
    inner = _updated(g, middle, [*shape[:axis], size, *shape[axis + 1 :]], update, starts, axes[1:])
    before = g.node("Slice", [name, g.ints([0]), begin, here])
    behind = g.node("Slice", [name, end, g.ints([np.iinfo(np.int64).max]), here])
    return g.node("Concat", [before, inner, behind], axis=axis)


def _same(a: Any, b: Any) -> bool:
    return str(a) == str(b)


RULES: dict[str, Callable] = {
    "gather": gather,
    "scatter": scatter("none"),
    "scatter-add": scatter("add"),
    "scatter_add": scatter("add"),
    "scatter_mul": scatter("mul"),
    "scatter-mul": scatter("mul"),
    "scatter_min": scatter("min"),
    "scatter-min": scatter("min"),
    "scatter_max": scatter("max"),
    "scatter-max": scatter("max"),
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
}
