"""Rules of reductions, products, convolutions and windows, as PyTorch code."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.torch.source import Source, Value
from kernelkit.typing import Equation


def reduce(name: str) -> Callable:
    """A reduction over several axes."""

    def rule(s: Source, equation: Equation, x: Value) -> Value:
        axes = [int(axis) for axis in equation.params["axes"]]
        aval = equation.outvars[0].aval
        if not axes:
            return x
        kind = f", dtype={s.type(aval.dtype)}" if name == "sum" else ""
        return s.put(f"torch.{name}({s.text(x)}, {axes}{kind})", aval)

    return rule


def one_by_one(name: str) -> Callable:
    """A reduction that PyTorch has for one axis only."""

    def rule(s: Source, equation: Equation, x: Value) -> Value:
        text = s.text(x)
        for axis in sorted(map(int, equation.params["axes"]), reverse=True):
            text = f"torch.{name}({text}, {axis})"
        return s.put(text, equation.outvars[0].aval)

    return rule


def place(name: str) -> Callable:
    """`argmax`, `argmin`."""

    def rule(s: Source, equation: Equation, x: Value) -> Value:
        (axis,) = equation.params["axes"]
        aval = equation.outvars[0].aval
        text = f"{s.text(x)}.to(torch.int32)" if x.dtype == np.bool_ else s.text(x)
        return s.put(f"torch.{name}({text}, {int(axis)}).to({s.type(aval.dtype)})", aval)

    return rule


def running(text: str) -> Callable:
    """`cumsum`, `cumprod` and the like."""

    def rule(s: Source, equation: Equation, x: Value) -> Value:
        axis, aval = int(equation.params["axis"]), equation.outvars[0].aval
        name = s.text(x)
        if equation.params["reverse"]:
            return s.put(f"torch.flip({text.format(f'torch.flip({name}, [{axis}])', axis)}, [{axis}])", aval)
        return s.put(text.format(name, axis), aval)

    return rule


def top_k(s: Source, equation: Equation, x: Value) -> list[Value]:
    """`top_k`."""
    values, places = (v.aval for v in equation.outvars)
    both = s.fresh()
    s.line(f"{both} = torch.topk({s.text(x)}, {int(equation.params['k'])}, {int(equation.params.get('axis', -1))})")
    return [s.put(f"{both}[0]", values), s.put(f"{both}[1].to({s.type(places.dtype)})", places)]


def sort(s: Source, equation: Equation, *operands: Value) -> list[Value]:
    """`sort`: by the first operand; the others follow it."""
    p = equation.params
    if p["num_keys"] != 1:
        raise NotImplementedError("sort by several keys is not written for PyTorch.")
    axis, both = int(p["dimension"]), s.fresh()
    s.line(f"{both} = torch.sort({s.text(operands[0])}, dim={axis}, stable=True)")
    out = [s.put(f"{both}[0]", equation.outvars[0].aval)]
    for x, variable in zip(operands[1:], equation.outvars[1:], strict=True):
        out.append(s.put(f"torch.gather({s.text(x)}, {axis}, {both}[1])", variable.aval))
    return out


def dot_general(s: Source, equation: Equation, a: Value, b: Value) -> Value:
    """`dot_general`: as a matrix product, else as einsum."""
    (ca, cb), (ba, bb) = equation.params["dimension_numbers"]
    aval = equation.outvars[0].aval
    left, right = (s.text(x) if x.dtype == aval.dtype else f"{s.text(x)}.to({s.type(aval.dtype)})" for x in (a, b))
    ra, rb = len(a.shape), len(b.shape)
    if not ba and rb == 2 and tuple(ca) == (ra - 1,) and len(cb) == 1:
        return s.put(f"{left} @ {right}" + ("" if cb[0] == 0 else ".t()"), aval)
    letters = iter(string.ascii_letters)
    first = [next(letters) for _ in range(ra)]
    second = [""] * rb
    for i, j in [*zip(ca, cb, strict=True), *zip(ba, bb, strict=True)]:
        second[j] = first[i]
    second = [letter or next(letters) for letter in second]
    result = [first[i] for i in ba]
    result += [c for i, c in enumerate(first) if i not in (*ca, *ba)]
    result += [c for j, c in enumerate(second) if j not in (*cb, *bb)]
    return s.put(f"torch.einsum('{''.join(first)},{''.join(second)}->{''.join(result)}', {left}, {right})", aval)


def convolution(s: Source, equation: Equation, x: Value, kernel: Value) -> Value:
    """`conv_general_dilated`."""
    p = equation.params
    numbers, aval = p["dimension_numbers"], equation.outvars[0].aval
    if p["batch_group_count"] != 1:
        raise NotImplementedError("Convolutions with batch groups are not written for PyTorch.")
    rank = len(p["window_strides"])
    kind = f".to({s.type(aval.dtype)})" if x.dtype != aval.dtype else ""
    data = f"{s.text(x)}{kind}.permute({_order(numbers.lhs_spec)})"
    weights = f"{s.text(kernel)}{kind}.permute({_order(numbers.rhs_spec)})"
    window = [int(kernel.shape[axis]) for axis in numbers.rhs_spec[2:]]
    pads = [(int(low), int(high)) for low, high in p["padding"]]
    dilation = [int(d) for d in p["rhs_dilation"]]
    gaps = [int(d) for d in p["lhs_dilation"]]
    if any(gap > 1 for gap in gaps):
        groups = int(p["feature_group_count"])
        if groups != 1 or any(step != 1 for step in p["window_strides"]):
            raise NotImplementedError("Grouped or strided transposed convolutions are not written for PyTorch.")
        axes = list(range(2, 2 + rank))
        turned = f"torch.flip({weights}.transpose(0, 1), {axes})"
        borders = [((k - 1) * d - lo, (k - 1) * d - hi) for k, d, (lo, hi) in zip(window, dilation, pads, strict=True)]
        name = s.fresh()
        s.line(f"{name} = F.conv_transpose{rank}d({data}, {turned}, stride={gaps}, dilation={dilation})")
        flat = ", ".join(f"{-low}, {-high}" for low, high in reversed(borders))
        return s.put(f"F.pad({name}, ({flat})).permute({_back(numbers.out_spec)})", aval)
    if any(low or high for low, high in pads):
        flat = ", ".join(f"{low}, {high}" for low, high in reversed(pads))
        data = f"F.pad({data}, ({flat}))"
    stride = [int(step) for step in p["window_strides"]]
    call = f"F.conv{rank}d({data}, {weights}, stride={stride}, dilation={dilation}, groups={p['feature_group_count']})"
    return s.put(f"{call}.permute({_back(numbers.out_spec)})", aval)


def window(kind: str) -> Callable:
    """`reduce_window_max`, `_min`, `_sum`."""

    def rule(s: Source, equation: Equation, x: Value, *_: Value) -> Value:
        p, aval = equation.params, equation.outvars[0].aval
        sizes, strides = p["window_dimensions"], p["window_strides"]
        pads = [(int(low), int(high)) for low, high in p["padding"]]
        dilation = p["window_dilation"] or (1,) * len(sizes)
        axes = [i for i in range(len(sizes)) if sizes[i] != 1 or strides[i] != 1 or pads[i] != (0, 0)]
        if not axes:
            return x
        if len(axes) > 3 or any(d != 1 for d in p["base_dilation"] or ()) or any(dilation[i] != 1 for i in axes):
            raise NotImplementedError(f"{equation.primitive.name} of this form is not written for PyTorch.")
        rest = [i for i in range(len(sizes)) if i not in axes]
        order = rest + axes
        name = s.put(f"{s.text(x)}.permute({_order(order)})", aval).text
        fill = {"max": "float('-inf')", "min": "float('inf')", "sum": "0.0"}[kind]
        flat = ", ".join(f"{pads[i][0]}, {pads[i][1]}" for i in reversed(axes))
        kept = [aval.shape[i] for i in order]
        count = _product([x.shape[i] for i in rest])
        moving = [x.shape[i] for i in axes]
        name = f"{name}.reshape({s.shape([count, 1, *moving])})"
        if any(low or high for i in axes for low, high in [pads[i]]):
            name = f"F.pad({name}, ({flat}), value={fill})"
        size, stride = [int(sizes[i]) for i in axes], [int(strides[i]) for i in axes]
        n = len(axes)
        if kind == "sum":
            text = f"F.avg_pool{n}d({name}, {size}, {stride}) * {int(np.prod(size))}"
        elif kind == "min":
            text = f"-F.max_pool{n}d(-{name}, {size}, {stride})"
        else:
            text = f"F.max_pool{n}d({name}, {size}, {stride})"
        back = ", ".join(str(order.index(axis)) for axis in range(len(order)))
        return s.put(f"({text}).reshape({s.shape(kept)}).permute({back})", aval)

    return rule


def _order(spec: Any) -> str:
    return ", ".join(str(int(axis)) for axis in spec)


def _back(spec: Any) -> str:
    return ", ".join(str(list(spec).index(axis)) for axis in range(len(spec)))


def _product(sizes: list) -> Any:
    total: Any = 1
    for size in sizes:
        total = total * size
    return total


RULES: dict[str, Callable] = {
    "reduce_sum": reduce("sum"),
    "reduce_max": reduce("amax"),
    "reduce_min": reduce("amin"),
    "reduce_prod": one_by_one("prod"),
    "reduce_and": one_by_one("all"),
    "reduce_or": one_by_one("any"),
    "argmax": place("argmax"),
    "argmin": place("argmin"),
    "cumsum": running("torch.cumsum({0}, {1})"),
    "cumprod": running("torch.cumprod({0}, {1})"),
    "cummax": running("torch.cummax({0}, {1})[0]"),
    "cummin": running("torch.cummin({0}, {1})[0]"),
    "cumlogsumexp": running("torch.logcumsumexp({0}, {1})"),
    "top_k": top_k,
    "sort": sort,
    "dot_general": dot_general,
    "conv_general_dilated": convolution,
    "reduce_window_max": window("max"),
    "reduce_window_min": window("min"),
    "reduce_window_sum": window("sum"),
}
