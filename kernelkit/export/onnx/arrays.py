"""Rules of primitives that move numbers without changing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.onnx.builder import Graph, Value
from kernelkit.export.onnx.types import onnx_type
from kernelkit.typing import Equation

FAR = np.iinfo(np.int64).max


def out(g: Graph, equation: Equation, name: str) -> Value:
    """Return a named result of the equation's shape."""
    aval = equation.outvars[0].aval
    return g.value(name, aval.shape, aval.dtype)


def broadcast_in_dim(g: Graph, equation: Equation, x: Value, *_: Value) -> Value:
    """`broadcast_in_dim`: only the axes move; the array is not broadcast before a rule needs its whole shape."""
    shape, places = equation.params["shape"], equation.params["broadcast_dimensions"]
    aval = equation.outvars[0].aval
    kept = (1,) * (len(x.shape) - len(x.thin)) + tuple(x.thin)
    if all(isinstance(size, int) and size == 1 for size in kept):
        kept, x = (), _scalar(g, x)
    if not kept:
        return x._replace(shape=tuple(aval.shape), thin=())
    thin = [1] * len(shape)
    for place, size in zip(places, kept, strict=True):
        thin[place] = size
    first = next((i for i, size in enumerate(thin) if size != 1), len(thin))
    trailing = tuple(places) == tuple(range(len(shape) - len(places), len(shape)))
    if trailing and first >= len(shape) - len(places):
        own = tuple(x.thin)
        return x._replace(shape=tuple(aval.shape), thin=own)
    if x.const is not None:
        const = x.const.reshape([int(size) for size in thin])
        return Value(tuple(aval.shape), x.dtype, tuple(thin), None, const)
    axes = [axis for axis in range(len(shape)) if axis not in places]
    name = g.thin(x)
    if len(x.thin) < len(x.shape):
        name = g.node("Unsqueeze", [name, g.ints(range(len(x.shape) - len(x.thin)))])
    if axes:
        name = g.node("Unsqueeze", [name, g.ints(axes)])
    return g.value(name, aval.shape, aval.dtype, thin)


def _scalar(g: Graph, x: Value) -> Value:
    if not x.thin:
        return x
    if x.const is not None:
        return Value(x.shape, x.dtype, (), None, x.const.reshape(()))
    return g.value(g.node("Reshape", [g.thin(x), g.array(np.zeros(0), np.int64)]), x.shape, x.dtype, ())


def reshape(g: Graph, equation: Equation, x: Value, *_: Value) -> Value:
    """`reshape`: the runtime may compute one open size."""
    aval = equation.outvars[0].aval
    if not x.thin:
        return x._replace(shape=tuple(aval.shape))
    sizes = list(aval.shape)
    if sum(not isinstance(s, int) for s in sizes) == 1:
        shape = g.ints([size if isinstance(size, int) else -1 for size in sizes])
        if 0 in sizes:
            shape = g.shape(sizes)
    else:
        shape = g.shape(sizes)
    return out(g, equation, g.node("Reshape", [g.full(x), shape]))


def squeeze(g: Graph, equation: Equation, x: Value) -> Value:
    """`squeeze`."""
    axes = equation.params["dimensions"]
    if not x.thin:
        return x._replace(shape=tuple(equation.outvars[0].aval.shape))
    return out(g, equation, g.node("Squeeze", [g.full(x), g.ints(axes)]))


def expand_dims(g: Graph, equation: Equation, x: Value) -> Value:
    """`expand_dims`."""
    return out(g, equation, g.node("Unsqueeze", [g.full(x), g.ints(equation.params["dimensions"])]))


def transpose(g: Graph, equation: Equation, x: Value) -> Value:
    """`transpose` of the thin array."""
    order = equation.params["permutation"]
    aval = equation.outvars[0].aval
    if not x.thin:
        return x._replace(shape=tuple(aval.shape))
    if len(x.thin) < len(x.shape):
        return out(g, equation, g.node("Transpose", [g.full(x)], perm=list(order)))
    thin = [x.thin[axis] for axis in order]
    return g.value(g.node("Transpose", [g.thin(x)], perm=list(order)), aval.shape, aval.dtype, thin)


def concatenate(g: Graph, equation: Equation, *operands: Value) -> Value:
    """`concatenate`."""
    return out(g, equation, g.node("Concat", map(g.full, operands), axis=int(equation.params["dimension"])))


def stack(g: Graph, equation: Equation, *operands: Value) -> Value:
    """`stack`: arrays side by side along a new axis."""
    axis = int(equation.params["axis"])
    parts = [g.node("Unsqueeze", [g.full(x), g.ints([axis])]) for x in operands]
    return out(g, equation, g.node("Concat", parts, axis=axis))


def tile(g: Graph, equation: Equation, x: Value) -> Value:
    """`tile`."""
    return out(g, equation, g.node("Tile", [g.full(x), g.shape(equation.params["reps"])]))


def pad(g: Graph, equation: Equation, x: Value, value: Value) -> Value:
    """`pad`: borders, negative ones (which crop), and gaps between the numbers."""
    config = equation.params["padding_config"]
    name, sizes = g.full(x), list(x.shape)
    for axis, (_, _, gap) in enumerate(config):
        if gap:
            name = spread(g, name, sizes, axis, gap, g.thin(value))
            sizes[axis] = sizes[axis] + (sizes[axis] - 1) * gap
    lows, highs = [low for low, _, _ in config], [high for _, high, _ in config]
    grown = [max(low, 0) for low in lows] + [max(high, 0) for high in highs]
    if any(grown):
        name = g.node("Pad", [name, g.ints(grown), g.thin(value)])
    if any(low < 0 for low in lows) or any(high < 0 for high in highs):
        starts = [max(-low, 0) for low in lows]
        ends = [high if high < 0 else FAR for high in highs]
        name = g.node("Slice", [name, g.ints(starts), g.ints(ends), g.ints(range(len(config)))])
    return out(g, equation, name)


def spread(g: Graph, name: str, sizes: list, axis: int, gap: int, value: str) -> str:
    """Put ``gap`` padding numbers between neighbors along an axis."""
    rank = len(sizes)
    name = g.node("Unsqueeze", [name, g.ints([axis + 1])])
    pads = [0] * (2 * (rank + 1))
    pads[rank + 1 + axis + 1] = gap
    name = g.node("Pad", [name, g.ints(pads), value])
    merged = [*sizes[:axis], sizes[axis] * (gap + 1), *sizes[axis + 1 :]]
    name = g.node("Reshape", [name, g.shape(merged)])
    return g.node("Slice", [name, g.ints([0]), g.ints([-gap]), g.ints([axis])])


def slice_(g: Graph, equation: Equation, x: Value) -> Value:
    """`slice`."""
    p = equation.params
    strides = p["strides"] or [1] * len(x.shape)
    parts = list(zip(p["start_indices"], p["limit_indices"], strides, x.shape, strict=True))
    axes = [
        i for i, (start, end, step, size) in enumerate(parts) if not (_is(start, 0) and _is(end, size) and step == 1)
    ]
    if not axes:
        return x
    starts, ends = (g.shape([parts[i][k] for i in axes]) for k in (0, 1))
    steps = g.ints([int(parts[i][2]) for i in axes])
    return out(g, equation, g.node("Slice", [g.full(x), starts, ends, g.ints(axes), steps]))


def split(g: Graph, equation: Equation, x: Value) -> list[Value]:
    """`split`."""
    sizes, axis = equation.params["sizes"], equation.params["axis"]
    avals = [v.aval for v in equation.outvars]
    if len(sizes) == 1:
        return [x]
    names = g.node("Split", [g.full(x), g.shape(sizes)], outputs=len(sizes), axis=int(axis))
    return [g.value(name, aval.shape, aval.dtype) for name, aval in zip(names, avals, strict=True)]


def rev(g: Graph, equation: Equation, x: Value) -> Value:
    """`rev`: slices that run backward."""
    axes = list(equation.params["dimensions"])
    n = len(axes)
    if not axes:
        return x
    ends = g.ints([-FAR] * n)
    return out(g, equation, g.node("Slice", [g.full(x), g.ints([-1] * n), ends, g.ints(axes), g.ints([-1] * n)]))


def iota(g: Graph, equation: Equation, *_: Value) -> Value:
    """`iota`: a range along one axis."""
    aval = equation.outvars[0].aval
    axis = equation.params["dimension"]
    scalar = g.array(np.array([], np.int64))
    end = g.node("Reshape", [g.size(aval.shape[axis]), scalar])
    name = g.node("Range", [g.array(0, np.int64), end, g.array(1, np.int64)])
    name = g.node("Cast", [name], to=onnx_type(aval.dtype))
    after = len(aval.shape) - axis - 1
    if after:
        name = g.node("Unsqueeze", [name, g.ints(range(1, after + 1))])
    return g.value(name, aval.shape, aval.dtype, (aval.shape[axis],) + (1,) * after)


def dim_as_value(g: Graph, equation: Equation, *_: Value) -> Value:
    """`dim_as_value`: an open size as a number."""
    name = g.node("Reshape", [g.size(equation.params["dim"]), g.array(np.array([], np.int64))])
    return out(g, equation, g.node("Cast", [name], to=onnx_type(equation.outvars[0].aval.dtype)))


def _is(a: Any, b: Any) -> bool:
    return (isinstance(a, type(b)) and a == b) or a is b or str(a) == str(b)


RULES: dict[str, Callable] = {
    "broadcast_in_dim": broadcast_in_dim,
    "reshape": reshape,
    "squeeze": squeeze,
    "expand_dims": expand_dims,
    "transpose": transpose,
    "concatenate": concatenate,
    "stack": stack,
    "tile": tile,
    "pad": pad,
    "slice": slice_,
    "split": split,
    "rev": rev,
    "iota": iota,
    "dim_as_value": dim_as_value,
}
