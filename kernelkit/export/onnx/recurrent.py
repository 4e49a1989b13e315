"""Loops of kernelkit's LSTM, GRU and SimpleRNN as ONNX's own operations.

A loop is one of these if its body is, equation by equation, the step of such a layer with its usual activations. All
other loops, and loops with a mask, stay loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from kernelkit import activations, devices, jaxprs
from kernelkit.export.onnx.builder import Graph, Value
from kernelkit.layers.gated_rnn import fast
from kernelkit.layers.gru import GRUStep
from kernelkit.layers.lstm import LSTMStep
from kernelkit.layers.recurrence import advance
from kernelkit.layers.simple_rnn import SimpleStep
from kernelkit.typing import Equation


class Kind(NamedTuple):
    """A recurrent operation of ONNX.

    Attributes:
        op: Its name.
        step: The step of kernelkit's layer.
        order: Places of the layer's gates in ONNX's order.
        states: Number of its states.
        attributes: Its attributes.
    """

    op: str
    step: Any
    order: tuple[int, ...]
    states: int
    attributes: dict[str, Any]


_GATE, _TANH, _RELU = fast(activations.sigmoid), fast(activations.tanh), fast(activations.relu)
KINDS = (
    Kind("LSTM", LSTMStep(_TANH, _GATE), (0, 3, 1, 2), 2, {}),
    Kind("GRU", GRUStep(_TANH, _GATE), (0, 1, 2), 1, {"linear_before_reset": 1}),
    Kind("RNN", SimpleStep(_TANH), (0,), 1, {}),
    Kind("RNN", SimpleStep(_RELU), (0,), 1, {"activations": ["Relu"]}),
)


class Product(NamedTuple):
    """The product of all inputs of a loop with one kernel: ``rows`` (steps, batch, features), and its constants."""

    rows: str
    kernel: str
    bias: str | None


def known(
    g: Graph,
    s: jaxprs.Scan,
    equation: Equation,
    consts: Sequence[Value],
    carry: Sequence[Value],
    inputs: Sequence[Value],
) -> list[Value] | None:
    """Return the results of a scan by an operation of ONNX, ``None`` if ONNX has no operation for it."""
    if s.reverse or len(inputs) != 1 or len(consts) not in (1, 2) or any(x.const is None for x in consts):
        return None
    if any(x.dtype != np.float32 for x in (*consts, *carry, *inputs)):
        return None
    kind = _kind(s, len(inputs[0].shape))
    product = kind and _product(g, inputs[0])
    if kind is None or product is None:
        return None
    units = int(carry[0].shape[-1])

    def by_gate(array: np.ndarray) -> np.ndarray:
        """Return an array with the gates (the last axis) in ONNX's order, as the first axis."""
        parts = [array[..., i * units : (i + 1) * units] for i in kind.order]
        return np.ascontiguousarray(np.concatenate(parts, -1).T)[None]

    kernel, recurrent = g.known(product.kernel), g.whole(consts[0])
    assert kernel is not None and recurrent is not None
    zeros = np.zeros(len(kind.order) * units, np.float32)
    given = g.known(product.bias) if product.bias else zeros
    own = g.whole(consts[1]) if len(consts) == 2 else zeros
    assert given is not None and own is not None
    operands = [
        product.rows,
        g.array(by_gate(kernel), hint=f"{product.kernel}/by_gate"),
        g.array(by_gate(recurrent), hint=f"{consts[0].weight or kind.op}/by_gate"),
        g.array(
            np.concatenate([by_gate(given.reshape(-1)), by_gate(own)], 1), hint=f"{product.bias or kind.op}/by_gate"
        ),
        "",
        *(_initial(g, x) for x in carry),
    ]
    while not operands[-1]:
        operands.pop()
    names = g.node(kind.op, operands, outputs=1 + kind.states, hidden_size=units, **kind.attributes)
    squeezed = [g.node("Squeeze", [name, g.ints([0])]) for name in names[1:]]
    if len(equation.outvars) > kind.states:
        squeezed.append(g.node("Squeeze", [names[0], g.ints([1])]))
    return [g.value(name, v.aval.shape, v.aval.dtype) for name, v in zip(squeezed, equation.outvars, strict=True)]


def _kind(s: jaxprs.Scan, rank: int) -> Kind | None:
    """Return the operation that has the body of a loop as its step."""
    inner: list[Any] = [v.aval for v in s.opened.jaxpr.invars]
    avals = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in inner]
    if rank != 3 or any(len(a.shape) != 2 for a in avals[s.constants :]):
        return None
    text = str(s.opened.jaxpr)
    gates = avals[-1].shape[-1] // avals[s.constants].shape[-1]
    for kind in KINDS:
        if kind.states == s.carried and len(kind.order) == gates and text in _texts(kind, avals, s):
            return kind
    return None


def _texts(kind: Kind, avals: list[jax.ShapeDtypeStruct], s: jaxprs.Scan) -> Iterator[str]:
    """Yield the jaxprs of a step as text, without and with an output for each step."""
    for collect in (False, True):

        def body(*flat: Any, collect: bool = collect) -> list[Any]:
            bias = flat[1] if s.constants == 2 else None
            state, _ = advance(kind.step, flat[0], bias, flat[s.constants : -1], (flat[-1], None))
            return [*state, *([state[0]] if collect else [])]

        with devices.portable():
            yield str(jaxprs.opened(jax.make_jaxpr(body)(*avals)).jaxpr)


def _product(g: Graph, x: Value) -> Product | None:
    """Return the product whose result a loop reads: ``reshape(reshape(rows) @ kernel + bias)``."""
    made = {name: node for node in g.nodes for name in node.output}
    if x.name is None or x.thin != x.shape:
        return None
    outer = made.get(x.name)
    inner = outer and outer.op_type == "Reshape" and made.get(outer.input[0])
    bias = None
    if inner and inner.op_type == "Add":
        first, bias = inner.input
        inner = made.get(first)
    if not inner or inner.op_type != "MatMul":
        return None
    first, kernel = inner.input
    flat = made.get(first)
    if not flat or flat.op_type != "Reshape" or g.known(kernel) is None or (bias and g.known(bias) is None):
        return None
    rows = flat.input[0]
    shape = g.shape_of(rows)
    fits = shape is not None and len(shape) == 3 and [str(n) for n in shape[:2]] == [str(n) for n in x.shape[:2]]
    return Product(rows, kernel, bias) if fits else None


def _initial(g: Graph, x: Value) -> str:
    """Return the name of an initial state with ONNX's axis of directions, an empty text if the state is zero."""
    if x.const is not None and not x.const.any():
        return ""
    return g.node("Unsqueeze", [g.full(x), g.ints([0])])
