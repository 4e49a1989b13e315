"""Rules of loops and branches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit import jaxprs
from kernelkit.export.onnx import recurrent
from kernelkit.export.onnx.arrays import FAR
from kernelkit.export.onnx.builder import Graph, Value
from kernelkit.export.onnx.tidy import tidy
from kernelkit.export.onnx.types import onnx_type
from kernelkit.export.walk import walk
from kernelkit.jaxprs import Opened
from kernelkit.typing import Equation, SizeList


def scan(g: Graph, equation: Equation, *operands: Value) -> list[Value]:
    """`scan`: ONNX's LSTM, GRU or RNN, else a Loop that takes a row of each sequence by its number.

    Loop runs everywhere, ONNX's Scan does not.
    """
    s = jaxprs.scan_of(equation)
    assert s is not None
    first, second = s.constants, s.constants + s.carried
    consts, carry, sequences = operands[:first], operands[first:second], operands[second:]
    made = recurrent.known(g, s, equation, consts, carry, sequences)
    if made is not None:
        return made
    trips = g.node("Reshape", [g.size(s.length), g.array(np.array([], np.int64))])
    consts = tuple(_held(g, x) for x in consts)
    sequences = tuple(_held(g, x) for x in sequences)
    last = None
    if s.reverse:
        last = g.node("Sub", [trips, g.array(1, np.int64)])

    def body(inner: Graph, number: str, state: list[Value]) -> tuple[list[Value], list[Value]]:
        place = inner.node("Sub", [last, number]) if last is not None else number
        rows = [_row(inner, x, place) for x in sequences]
        made = walk(inner, s.opened, [*consts, *state, *rows], g.rules)
        return made[: s.carried], made[s.carried :]

    names, stacked = _loop(g, trips, None, list(carry), body)
    avals = [v.aval for v in equation.outvars]
    if s.reverse:
        ends, minus = g.ints([-FAR]), g.ints([-1])
        stacked = [g.node("Slice", [name, minus, ends, g.ints([0]), minus]) for name in stacked]
    return [g.value(name, a.shape, a.dtype) for name, a in zip([*names, *stacked], avals, strict=True)]


def while_loop(g: Graph, equation: Equation, *operands: Value) -> list[Value]:
    """`while`: a Loop without a maximum number of iterations."""
    w = jaxprs.while_of(equation)
    test, own = w.condition_constants, w.condition_constants + w.body_constants
    held = [_held(g, x) for x in operands[:own]]
    carry = list(operands[own:])

    def goes_on(graph: Graph, state: list[Value]) -> str:
        return graph.full(walk(graph, w.condition, [*held[:test], *state], g.rules)[0])

    def body(inner: Graph, number: str, state: list[Value]) -> tuple[list[Value], list[Value]]:
        return walk(inner, w.body, [*held[test:], *state], g.rules), []

    names, _ = _loop(g, "", (goes_on(g, carry), goes_on), carry, body)
    return [g.value(name, v.aval.shape, v.aval.dtype) for name, v in zip(names, equation.outvars, strict=True)]


def cond(g: Graph, equation: Equation, which: Value, *operands: Value) -> list[Value]:
    """`cond`: an If, or nested Ifs for several branches."""
    held = [_held(g, x) for x in operands]
    names = _choose(g, which, jaxprs.branches_of(equation), held, 0)
    return [g.value(name, v.aval.shape, v.aval.dtype) for name, v in zip(names, equation.outvars, strict=True)]


def _choose(g: Graph, which: Value, bodies: list[Opened], operands: list[Value], number: int) -> list[str]:
    if len(bodies) == 1:
        return [g.full(x) for x in walk(g, bodies[0], operands, g.rules)]
    helper = g._onnx.helper
    if which.dtype == np.bool_:
        test = g.node("Not", [g.full(which)])
    elif len(bodies) == 2 and number == 0:
        test = g.node("LessOrEqual", [g.full(which), g.array(0, which.dtype)])
    else:
        test = g.node("LessOrEqual", [g.full(which), g.array(number, which.dtype)])
    graphs = []
    for part in (bodies[:1], bodies[1:]):
        inner = g.child()
        names = [inner.node("Identity", [name]) for name in _choose(inner, which, part, operands, number + 1)]
        tidy(inner, names)
        infos = [_info(inner, name, v.dtype, None) for name, v in zip(names, _likes(bodies[0]), strict=True)]
        graphs.append(helper.make_graph(inner.nodes, inner.root.fresh("branch"), [], infos))
    made = g.node("If", [test], outputs=len(infos), then_branch=graphs[0], else_branch=graphs[1])
    return made if isinstance(made, list) else [made]


def _loop(
    g: Graph, trips: str, condition: tuple[str, Callable] | None, carry: list[Value], body: Callable
) -> tuple[list[str], list[str]]:
    helper = g._onnx.helper
    inner = g.child()
    number, going = inner.root.fresh("step"), inner.root.fresh("going")
    inputs = [inner.root.fresh("state") for _ in carry]
    state = [inner.value(name, x.shape, x.dtype) for name, x in zip(inputs, carry, strict=True)]
    after, rows = body(inner, number, state)
    again = condition[1](inner, after) if condition else going
    results = [inner.node("Identity", [again])]
    results += [inner.node("Identity", [inner.full(x)]) for x in (*after, *rows)]
    kinds = [np.dtype(np.bool_), *(x.dtype for x in carry), *(x.dtype for x in rows)]
    given = [_info(inner, number, np.dtype(np.int64), ()), _info(inner, going, np.dtype(np.bool_), ())]
    given += [_info(inner, name, x.dtype, x.shape) for name, x in zip(inputs, carry, strict=True)]
    shapes = [(), *(x.shape for x in carry), *(x.shape for x in rows)]
    infos = [_info(inner, *parts) for parts in zip(results, kinds, shapes, strict=True)]
    tidy(inner, results)
    graph = helper.make_graph(inner.nodes, inner.root.fresh("body"), given, infos)
    begin = condition[0] if condition else ""
    names = g.node("Loop", [trips, begin, *(g.full(x) for x in carry)], outputs=len(carry) + len(rows), body=graph)
    names = names if isinstance(names, list) else [names]
    return names[: len(carry)], names[len(carry) :]


def _row(g: Graph, x: Value, place: str) -> Value:
    name = g.node("Gather", [g.full(x), place], axis=0)
    return g.value(name, x.shape[1:], x.dtype)


def _held(g: Graph, x: Value) -> Value:
    """Compute a value that a body uses outside of the body, in its whole shape unless it is a constant."""
    if x.const is not None or x.thin == x.shape:
        return x if x.const is not None else g.value(g.thin(x), x.shape, x.dtype)
    return g.value(g.full(x), x.shape, x.dtype)


def _info(g: Graph, name: str, dtype: np.dtype, shape: SizeList | None) -> Any:
    sizes = None if shape is None else [size if isinstance(size, int) else None for size in shape]
    return g._onnx.helper.make_tensor_value_info(name, onnx_type(dtype), sizes)


def _likes(body: Opened) -> list[Any]:
    return [atom.aval for atom in body.jaxpr.outvars]


RULES: dict[str, Callable] = {"scan": scan, "while": while_loop, "cond": cond}
