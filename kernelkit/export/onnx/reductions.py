"""Rules of reductions, running sums, sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.export.onnx.arrays import out
from kernelkit.export.onnx.builder import Graph, Value
from kernelkit.export.onnx.types import onnx_type
from kernelkit.typing import DType, Equation


def reduce(op: str) -> Callable:
    """A reduction over axes."""

    def rule(g: Graph, equation: Equation, x: Value) -> Value:
        axes = list(equation.params["axes"])
        return out(g, equation, reduced(g, op, g.full(x), axes)) if axes else x

    return rule


def reduced(g: Graph, op: str, name: str, axes: list[int]) -> str:
    """Reduce over axes; before opset 18 all but ReduceSum take them as an attribute."""
    if g.opset >= 18 or op == "ReduceSum":
        return g.node(op, [name, g.ints(axes)], keepdims=0)
    return g.node(op, [name], axes=axes, keepdims=0)


def reduce_bools(op: str) -> Callable:
    """`reduce_and`, `reduce_or`."""

    def rule(g: Graph, equation: Equation, x: Value) -> Value:
        axes = list(equation.params["axes"])
        if not axes:  # to ONNX no axes are all axes
            return x
        name = reduced(g, op, g.node("Cast", [g.full(x)], to=onnx_type(np.int32)), axes)
        return out(g, equation, g.node("Cast", [name], to=onnx_type(np.bool_)))

    return rule


def place(op: str) -> Callable:
    """`argmax`, `argmin`."""

    def rule(g: Graph, equation: Equation, x: Value) -> Value:
        (axis,) = equation.params["axes"]
        name = g.full(x)
        if x.dtype == np.bool_:
            name = g.node("Cast", [name], to=onnx_type(np.int32))
        name = g.node(op, [name], axis=int(axis), keepdims=0)
        return out(g, equation, g.node("Cast", [name], to=onnx_type(equation.params["index_dtype"])))

    return rule


def cumsum(g: Graph, equation: Equation, x: Value) -> Value:
    """`cumsum`."""
    p = equation.params
    return out(g, equation, g.node("CumSum", [g.full(x), g.array(p["axis"], np.int64)], reverse=int(p["reverse"])))


def running(op: str, neutral: Callable) -> Callable:
    """`cumprod`, `cummax`, `cummin`: each pass combines numbers twice as far apart as the one before.

    Source: Hillis and Steele, "Data parallel algorithms" (1986).
    """

    def rule(g: Graph, equation: Equation, x: Value) -> Value:
        axis, reverse = equation.params["axis"], equation.params["reverse"]
        size = x.shape[axis]
        if not isinstance(size, int):
            raise NotImplementedError(f"{equation.primitive.name} over an axis of open size cannot be written in ONNX.")
        name, rank, far = g.full(x), len(x.shape), 1
        while far < size:
            pads = [0] * (2 * rank)
            pads[axis + (rank if reverse else 0)] = far
            moved = g.node("Pad", [name, g.ints(pads), g.array(neutral(x.dtype), x.dtype)])
            start, end = (far, size + far) if reverse else (0, size)
            moved = g.node("Slice", [moved, g.ints([start]), g.ints([end]), g.ints([axis])])
            name = g.node(op, [name, moved])
            far *= 2
        return out(g, equation, name)

    return rule


def top_k(g: Graph, equation: Equation, x: Value) -> list[Value]:
    """`top_k`: of the last axis."""
    p = equation.params
    axis = p.get("axis", -1)
    names = g.node("TopK", [g.full(x), g.ints([int(p["k"])])], outputs=2, axis=int(axis), largest=1, sorted=1)
    values, places = (v.aval for v in equation.outvars)
    return [
        g.value(names[0], values.shape, values.dtype),
        g.value(g.node("Cast", [names[1]], to=onnx_type(places.dtype)), places.shape, places.dtype),
    ]


def sort(g: Graph, equation: Equation, *operands: Value) -> list[Value]:
    """`sort`: by the first operand; the others follow it."""
    p = equation.params
    if p["num_keys"] != 1:
        raise NotImplementedError("sort by several keys cannot be written in ONNX.")
    axis = p["dimension"]
    key = operands[0]
    name = g.full(key)
    if key.dtype == np.bool_:
        name = g.node("Cast", [name], to=onnx_type(np.int32))
    values, places = g.node("TopK", [name, g.size(key.shape[axis])], outputs=2, axis=int(axis), largest=0, sorted=1)
    if key.dtype == np.bool_:
        values = g.node("Cast", [values], to=onnx_type(np.bool_))
    names = [values] + [g.node("GatherElements", [g.full(x), places], axis=int(axis)) for x in operands[1:]]
    return [g.value(name, v.aval.shape, v.aval.dtype) for name, v in zip(names, equation.outvars, strict=True)]


def _lowest(dtype: DType) -> Any:
    return -np.inf if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).min


def _highest(dtype: DType) -> Any:
    return np.inf if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max


RULES: dict[str, Callable] = {
    "reduce_sum": reduce("ReduceSum"),
    "reduce_max": reduce("ReduceMax"),
    "reduce_min": reduce("ReduceMin"),
    "reduce_prod": reduce("ReduceProd"),
    "reduce_and": reduce_bools("ReduceMin"),
    "reduce_or": reduce_bools("ReduceMax"),
    "argmax": place("ArgMax"),
    "argmin": place("ArgMin"),
    "cumsum": cumsum,
    "cumprod": running("Mul", lambda dtype: 1),
    "cummax": running("Max", _lowest),
    "cummin": running("Min", _highest),
    "top_k": top_k,
    "sort": sort,
}
