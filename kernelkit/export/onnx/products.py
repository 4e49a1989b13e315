"""Rules of matrix products, convolutions and sliding windows."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.onnx.arrays import FAR, out, spread
from kernelkit.export.onnx.builder import Graph, Value
from kernelkit.export.onnx.types import onnx_type
from kernelkit.typing import DType, Equation


def dot_general(g: Graph, equation: Equation, a: Value, b: Value) -> Value:
    """`dot_general`: MatMul, with transposed operands if necessary; Einsum if that is not enough."""
    (ca, cb), (ba, bb) = equation.params["dimension_numbers"]
    wanted = equation.outvars[0].aval.dtype
    left, right = _cast(g, a, wanted), _cast(g, b, wanted)
    ra, rb = len(a.shape), len(b.shape)
    batch, one = len(ba), len(ca) == len(cb) == 1
    leading = tuple(ba) == tuple(bb) == tuple(range(batch))
    if one and not batch and rb == 2:
        if ca[0] != ra - 1 and ra == 2:
            left = g.node("Transpose", [left], perm=[1, 0])
        elif ca[0] != ra - 1:
            return _einsum(g, equation, left, right)
        if cb[0] == 1:
            right = _transposed(g, b, right, wanted)
        return out(g, equation, g.node("MatMul", [left, right]))
    if one and leading and ra == rb == batch + 2:
        if ca[0] == batch:
            left = g.node("Transpose", [left], perm=[*range(batch), batch + 1, batch])
        if cb[0] == batch + 1:
            right = g.node("Transpose", [right], perm=[*range(batch), batch + 1, batch])
        return out(g, equation, g.node("MatMul", [left, right]))
    if one and batch:
        free = [
            [axis for axis in range(len(x.shape)) if axis not in (*contracted, *shared)]
            for x, contracted, shared in ((a, ca, ba), (b, cb, bb))
        ]
        large = [[axis for axis in axes if not _is_one(x.shape[axis])] for x, axes in zip((a, b), free, strict=True)]
        large = [kept or axes[:1] for kept, axes in zip(large, free, strict=True)]
        if all(len(axes) == 1 for axes in large):
            left = _ordered(g, a, [*ba, *large[0], *ca], left)
            right = _ordered(g, b, [*bb, *cb, *large[1]], right)
            sizes = [a.shape[axis] for axis in ba]
            g.note(left, [*sizes, a.shape[large[0][0]], a.shape[ca[0]]])
            g.note(right, [*sizes, b.shape[cb[0]], b.shape[large[1][0]]])
            product = g.node("MatMul", [left, right])
            g.note(product, [*sizes, a.shape[large[0][0]], b.shape[large[1][0]]])
            places = [free[0].index(axis) + batch for axis in _rest(free[0], large[0])]
            places += [free[1].index(axis) + batch + len(free[0]) for axis in _rest(free[1], large[1])]
            return out(g, equation, g.node("Unsqueeze", [product, g.ints(places)]) if places else product)
    return _einsum(g, equation, left, right)


def _is_one(size: Any) -> bool:
    return isinstance(size, int) and size == 1


def _rest(axes: list[int], taken: list[int]) -> list[int]:
    return [axis for axis in axes if axis not in taken]


def _ordered(g: Graph, x: Value, order: list[int], name: str) -> str:
    """Move the axes of an array; other axes have size 1 and are removed."""
    rest = [axis for axis in range(len(x.shape)) if axis not in order]
    if not rest:
        return _moved(g, x, order, name)
    name = g.node("Squeeze", [name, g.ints(rest)])
    kept = sorted(order)
    g.note(name, [x.shape[axis] for axis in kept])
    return _moved(g, x, [kept.index(axis) for axis in order], name)


def _einsum(g: Graph, equation: Equation, left: str, right: str) -> Value:
    (ca, cb), (ba, bb) = equation.params["dimension_numbers"]
    letters = iter(string.ascii_letters)
    ranks = [len(v.aval.shape) for v in equation.invars]
    first = [next(letters) for _ in range(ranks[0])]
    second = [""] * ranks[1]
    for i, j in [*zip(ca, cb, strict=True), *zip(ba, bb, strict=True)]:
        second[j] = first[i]
    second = [letter or next(letters) for letter in second]
    result = [first[i] for i in ba]
    result += [c for i, c in enumerate(first) if i not in (*ca, *ba)]
    result += [c for j, c in enumerate(second) if j not in (*cb, *bb)]
    text = f"{''.join(first)},{''.join(second)}->{''.join(result)}"
    return out(g, equation, g.node("Einsum", [left, right], equation=text))


def _cast(g: Graph, x: Value, dtype: DType) -> str:
    if x.dtype == dtype:
        return g.full(x)
    if x.const is not None:
        return g.full(x._replace(const=x.const.astype(dtype), dtype=np.dtype(dtype), weight=""))
    return g.node("Cast", [g.full(x)], to=onnx_type(dtype))


def _transposed(g: Graph, x: Value, name: str, dtype: DType) -> str:
    whole = g.whole(x)
    if whole is not None:
        return g.array(
            np.ascontiguousarray(whole.astype(dtype).T), hint=f"{x.weight}_transposed" if x.weight else "const"
        )
    return g.node("Transpose", [name], perm=[1, 0])


def convolution(g: Graph, equation: Equation, x: Value, kernel: Value) -> Value:
    """`conv_general_dilated`: channels are moved to the second axis, the order of ONNX."""
    p = equation.params
    numbers = p["dimension_numbers"]
    if p["batch_group_count"] != 1:
        raise NotImplementedError("Convolutions with batch groups cannot be written in ONNX.")
    wanted = equation.outvars[0].aval.dtype
    name = _moved(g, x, list(numbers.lhs_spec), _cast(g, x, wanted))
    weights = _moved_constant(g, kernel, list(numbers.rhs_spec), wanted)
    sizes = [x.shape[axis] for axis in numbers.lhs_spec]
    window = [int(kernel.shape[axis]) for axis in numbers.rhs_spec[2:]]
    pads = [(int(low), int(high)) for low, high in p["padding"]]
    dilation, groups = [int(d) for d in p["rhs_dilation"]], int(p["feature_group_count"])
    gaps = [int(d) for d in p["lhs_dilation"]]
    if any(d > 1 for d in gaps):
        if groups == 1 and all(s == 1 for s in p["window_strides"]):
            name = _transposed_convolution(g, name, kernel, numbers, wanted, gaps, pads, window, dilation)
            return _back(g, equation, name, list(numbers.out_spec))
        name = _with_gaps(g, name, sizes, gaps, wanted)
    name, pads = _cropped(g, name, pads)
    lows, highs = [low for low, _ in pads], [high for _, high in pads]
    name = g.node(
        "Conv", [name, weights], kernel_shape=window, strides=[int(s) for s in p["window_strides"]],
        dilations=dilation, group=groups, pads=[*lows, *highs],
    )  # fmt: skip
    return _back(g, equation, name, list(numbers.out_spec))


def _transposed_convolution(
    g: Graph, name: str, kernel: Value, numbers: Any, dtype: DType, gaps: list, pads: list, window: list, dilation: list
) -> str:
    """A convolution of data with gaps is ConvTranspose with the kernel reversed."""
    whole = g.whole(kernel)
    order = [numbers.rhs_spec[1], numbers.rhs_spec[0], *numbers.rhs_spec[2:]]
    axes = list(range(2, 2 + len(window)))
    if whole is not None:
        turned = np.ascontiguousarray(np.flip(np.transpose(whole, order), tuple(axes))).astype(dtype)
        weights = g.array(turned, hint="kernel")
    else:
        n = len(axes)
        moved = g.node("Transpose", [_cast(g, kernel, dtype)], perm=order)
        ends = g.ints([-FAR] * n)
        weights = g.node("Slice", [moved, g.ints([-1] * n), ends, g.ints(axes), g.ints([-1] * n)])
    borders = [
        ((k - 1) * d - low, (k - 1) * d - high) for k, d, (low, high) in zip(window, dilation, pads, strict=True)
    ]
    # A negative border of ConvTranspose is more output, which is zero: padded afterwards.
    inner = [(max(low, 0), max(high, 0)) for low, high in borders]
    extra = [(max(-low, 0), max(-high, 0)) for low, high in borders]
    name = g.node(
        "ConvTranspose", [name, weights], kernel_shape=window, strides=gaps, dilations=dilation,
        pads=[low for low, _ in inner] + [high for _, high in inner],
    )  # fmt: skip
    if any(low or high for low, high in extra):
        grown = [0, 0, *(low for low, _ in extra), 0, 0, *(high for _, high in extra)]
        name = g.node("Pad", [name, g.ints(grown), g.array(0, dtype)])
    return name


def _with_gaps(g: Graph, name: str, sizes: list, gaps: list[int], dtype: DType) -> str:
    sizes = list(sizes)
    for axis, step in enumerate(gaps, 2):
        if step > 1:
            name = spread(g, name, sizes, axis, step - 1, g.array(0, dtype))
            sizes[axis] = sizes[axis] * step - (step - 1)
    return name


def _cropped(g: Graph, name: str, pads: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """Crop where padding is negative, which ONNX's operations refuse."""
    if all(low >= 0 and high >= 0 for low, high in pads):
        return name, pads
    starts = [max(-low, 0) for low, _ in pads]
    ends = [high if high < 0 else FAR for _, high in pads]
    name = g.node("Slice", [name, g.ints(starts), g.ints(ends), g.ints(range(2, 2 + len(pads)))])
    return name, [(max(low, 0), max(high, 0)) for low, high in pads]


def _moved(g: Graph, x: Value, order: list[int], name: str) -> str:
    return name if order == sorted(order) else g.node("Transpose", [name], perm=order)


def _moved_constant(g: Graph, x: Value, order: list[int], dtype: DType) -> str:
    whole = g.whole(x)
    if whole is None:
        return _moved(g, x, order, _cast(g, x, dtype))
    moved = np.ascontiguousarray(np.transpose(whole, order)).astype(dtype)
    return g.array(moved, hint=x.weight or "kernel")


def _back(g: Graph, equation: Equation, name: str, spec: list[int]) -> Value:
    order = [spec.index(axis) for axis in range(len(spec))]
    return out(g, equation, _moved_back(g, name, order))


def _moved_back(g: Graph, name: str, order: list[int]) -> str:
    return name if order == sorted(order) else g.node("Transpose", [name], perm=order)


def window(kind: str) -> Callable:
    """`reduce_window_max`, `_min`, `_sum`: over the axes whose window is larger than one cell."""

    def rule(g: Graph, equation: Equation, x: Value, *_: Value) -> Value:
        p = equation.params
        sizes, strides = p["window_dimensions"], p["window_strides"]
        pads = [(int(low), int(high)) for low, high in p["padding"]]
        dilation = p["window_dilation"] or (1,) * len(sizes)
        if any(d != 1 for d in p["base_dilation"] or ()):
            raise NotImplementedError("Windows over data with gaps cannot be written in ONNX.")
        axes = [i for i in range(len(sizes)) if sizes[i] != 1 or strides[i] != 1 or pads[i] != (0, 0)]
        rest = [i for i in range(len(sizes)) if i not in axes]
        if len(axes) > 3:
            raise NotImplementedError(f"{equation.primitive.name} over {len(axes)} axes cannot be written in ONNX.")
        if not axes:
            return x
        order = rest + axes
        integer = not np.issubdtype(x.dtype, np.floating)
        name = g.full(x)
        if integer:
            name = g.node("Cast", [name], to=onnx_type(np.float32))
        name = _moved(g, x, order, name)
        # ONNX needs exactly one axis of samples and one of channels in front.
        kept = [x.shape[i] for i in rest]
        folded = len(rest) != 2
        if folded:
            moving = [x.shape[i] for i in axes]
            name = g.node("Reshape", [name, g.shape([_product(kept), 1, *moving])])
        name, inner = _cropped(g, name, [pads[i] for i in axes])
        attributes = {
            "kernel_shape": [int(sizes[i]) for i in axes],
            "strides": [int(strides[i]) for i in axes],
            "pads": [low for low, _ in inner] + [high for _, high in inner],
        }
        name = _pooled(g, kind, name, attributes, [int(dilation[i]) for i in axes])
        aval = equation.outvars[0].aval
        if folded:
            name = g.node("Reshape", [name, g.shape([aval.shape[i] for i in order])])
        name = _moved_back(g, name, [order.index(axis) for axis in range(len(order))])
        if integer:
            name = g.node("Cast", [name], to=onnx_type(aval.dtype))
        return out(g, equation, name)

    return rule


def _pooled(g: Graph, kind: str, name: str, attributes: dict, dilation: list[int]) -> str:
    pooled: Any = g.node
    if kind == "sum":
        if any(d != 1 for d in dilation) and g.opset < 19:
            raise NotImplementedError("Sums over dilated windows need opset 19 or later.")
        more = {"dilations": dilation} if g.opset >= 19 else {}
        name = pooled("AveragePool", [name], count_include_pad=1, **attributes, **more)
        return g.node("Mul", [name, g.array(float(np.prod(attributes["kernel_shape"])), np.float32)])
    if kind == "min":
        return g.node("Neg", [pooled("MaxPool", [g.node("Neg", [name])], dilations=dilation, **attributes)])
    return pooled("MaxPool", [name], dilations=dilation, **attributes)


def _product(sizes: list) -> Any:
    total: Any = 1
    for size in sizes:
        total = total * size
    return total


RULES = {
    "dot_general": dot_general,
    "conv_general_dilated": convolution,
    "reduce_window_max": window("max"),
    "reduce_window_min": window("min"),
    "reduce_window_sum": window("sum"),
}
