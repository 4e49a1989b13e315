"""`model.profile()`: the cost of each layer, measured alone, and of the whole training step.

Floating-point operations and bytes are XLA's count for the traced program. XLA counts the body of a loop once. The
other rounds are added here if their number is known (`lax.scan`: recurrent layers).
"""

from __future__ import annotations

import html
import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit import distribution as distributions
from kernelkit.jaxprs import inputs_of_body, scans
from kernelkit.layers.base.call import signature_of
from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.layers.layer import Layer
from kernelkit.models.spread_cost import SpreadCost, spread_cost
from kernelkit.training.allocator import keep_freed_memory
from kernelkit.training.trainer import Trainer
from kernelkit.typing import Tree


class Cost(NamedTuple):
    """XLA's counts for a program."""

    flops: float
    bytes: float


class ProfileRow(NamedTuple):
    """The cost of one layer on one batch.

    Attributes:
        layer: Its path through nested models, with ``#2`` for its second call; ``"(whole step)"`` for the whole
            training step.
        shape: Shape of its output.
        parameters: Number of its parameters.
        forward_ms: Milliseconds of its call, compiled alone.
        train_ms: Milliseconds of its call and its gradients; ``None`` without a compiled model.
        flops: Floating-point operations, of the gradients too if they were measured.
        bytes: Bytes read and written.
    """

    layer: str
    shape: tuple
    parameters: int
    forward_ms: float
    train_ms: float | None
    flops: float
    bytes: float


class Profile:
    """The costs of a model's layers, as a table in text and HTML.

    Attributes:
        rows: List of :class:`ProfileRow`, in the order of the calls; the last one is the whole step.
            ``pandas.DataFrame(profile.rows)`` makes a frame of them.
        spread: The :class:`~kernelkit.models.spread_cost.SpreadCost` of the whole step on each of several devices,
            ``None`` for one device.
    """

    HEAD = ("layer", "output", "parameters", "forward ms", "train ms", "MFLOP", "MB", "GFLOP/s")

    def __init__(self, rows: list[ProfileRow], spread: SpreadCost | None = None) -> None:
        self.rows = rows
        self.spread = spread

    def cells(self) -> list[tuple[str, ...]]:
        """Return the table as texts, without its header."""
        return [_cells(row) for row in self.rows]

    def __str__(self) -> str:
        table = [self.HEAD, *self.cells()]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.HEAD))]
        lines = [
            "  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
            for row in table
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:], *([str(self.spread)] if self.spread else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def line(cells: tuple[str, ...], tag: str) -> str:
            sides = ["left", "left"] + ["right"] * (len(cells) - 2)
            inner = "".join(
                f'<{tag} style="text-align:{s}">{html.escape(c)}</{tag}>' for c, s in zip(cells, sides, strict=True)
            )
            return f"<tr>{inner}</tr>"

        body = "".join(line(cells, "td") for cells in self.cells())
        below = f"<p>{html.escape(str(self.spread))}</p>" if self.spread else ""
        return f"<table><thead>{line(self.HEAD, 'th')}</thead><tbody>{body}</tbody></table>{below}"


def profile(
    model: Any, x: Tree, y: Tree = None, sample_weight: Tree = None, repeats: int = 10, distribution: Any = None
) -> Profile:
    """Measure a model layer by layer on one batch. Nothing is trained.

    Args:
        model: The model; if it is compiled, the gradients are measured too.
        x: Inputs of one batch.
        y: Targets of the batch.
        sample_weight: Weights of the samples.
        repeats: Number of runs of each program; times are medians.
        distribution: A distribution to try, by default the model's own.
    """
    if jax.default_backend() == "cpu":
        keep_freed_memory()
    batch = _as_batch(x, y, sample_weight)
    trains = model.compiled and y is not None
    model._training.prepare("train" if trains else "predict", batch)
    rows = [_row(call, trains, repeats) for call in _calls(model, batch[0], trains)]
    rows.append(_whole(model, batch, trains, rows, repeats))
    own = model._training.distribution
    chosen = own if distribution is None else distributions.choose(distribution, own)
    kind = "train" if trains else "predict"
    return Profile(rows, None if chosen is None else spread_cost(model, batch, kind, chosen))


def layer_times(model: Any, batch: tuple, repeats: int = 5) -> list[tuple[Layer, float]]:
    """Measure a model's layers one by one on a batch. Nothing is trained.

    Args:
        model: The model; if it is compiled and the batch has targets, the gradients are measured too.
        batch: The batch ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``, on the device.
        repeats: Number of runs of each program; times are medians.

    Returns:
        A layer and its milliseconds for each call, in the order of the calls.
    """
    trains = model.compiled and len(batch) > 1 and batch[1] is not None
    found = []
    for call in _calls(model, batch[0], trains):
        forward, both, values = _programs(call)
        found.append((call.layer, _milliseconds(jax.jit(both if trains else forward), values, repeats)))
    return found


class _Call(NamedTuple):
    name: str
    layer: Layer
    tensors: list
    rebuild: Callable[[list], tuple[tuple, dict]]


def _as_batch(x: Tree, y: Tree, sample_weight: Tree) -> tuple:
    from kernelkit.feeds.convert import one_batch, to_arrays

    parts = (x, y) if sample_weight is None else (x, y, sample_weight)
    return jax.device_put(one_batch(tuple(to_arrays(part) for part in parts)))


def _units(model: Any, path: str = "") -> Iterator[tuple[Layer, str]]:
    """Yield the layers to measure, with paths: layers of nested models too, but not the parts of layers."""
    for layer in model.layers:
        name = path + layer.name
        if isinstance(layer, Trainer):
            yield from _units(layer, f"{name}/")
        else:
            yield layer, name


def _calls(model: Any, x: Tree, training: bool) -> list[_Call]:
    """Run the model once and return the calls of its layers, with their arguments.

    Other threads may call the same layers meanwhile: their calls are not counted.
    """
    seen: list[tuple[Layer, Any, list[bool]]] = []
    here = threading.get_ident()

    def watch(layer: Layer) -> None:
        call = layer.call

        def watched(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() == here:
                leaves, treedef = jtu.tree_flatten((args, kwargs), is_leaf=is_leaf)
                seen.append((layer, (leaves, treedef), [is_tensor(v) for v in leaves]))
            return call(*args, **kwargs)

        watched.__signature__ = signature_of(layer).signature  # type: ignore[attr-defined]
        layer.__dict__["call"] = watched

    def run(values: tuple, x: Tree) -> list:
        model.stateless_call(*values, x, training=training)
        return [[v for v, is_tensor in zip(at[0], which, strict=True) if is_tensor] for _, at, which in seen]

    paths = dict(_units(model))
    values = _values(model)
    with model._training.lock:  # one profile at a time replaces `call`
        own = {layer: layer.__dict__.get("call") for layer in paths}
        try:
            for layer in paths:
                watch(layer)
            tensors = jax.jit(run)(values, x)
        finally:
            for layer, call in own.items():
                if call is None:
                    layer.__dict__.pop("call", None)
                else:
                    layer.__dict__["call"] = call
    counts: dict[Layer, int] = {}
    found = []
    for (layer, at, which), given in zip(seen, tensors, strict=True):
        counts[layer] = counts.get(layer, 0) + 1
        name = paths[layer] + (f"#{counts[layer]}" if counts[layer] > 1 else "")
        found.append(_Call(name, layer, given, _rebuilder(at, which)))
    return found


def _rebuilder(at: tuple, which: list[bool]) -> Callable[[list], tuple[tuple, dict]]:
    leaves, treedef = at

    def rebuild(tensors: list) -> tuple[tuple, dict]:
        rest = iter(tensors)
        return jtu.tree_unflatten(
            treedef, [next(rest) if is_tensor else v for v, is_tensor in zip(leaves, which, strict=True)]
        )

    return rebuild


def _values(layer: Any) -> tuple[list, list]:
    return [v.value for v in layer.trainable_variables], [v.value for v in layer.non_trainable_variables]


def _programs(call: _Call) -> tuple[Callable, Callable, tuple]:
    """Return a layer's call, its call with gradients, and the arguments of both."""
    layer = call.layer

    def forward(trainable: list, rest: list, tensors: list) -> Tree:
        args, kwargs = call.rebuild(tensors)
        return layer.stateless_call(trainable, rest, *args, **kwargs)[0]

    def both(trainable: list, rest: list, tensors: list) -> Any:
        is_float = [jnp.issubdtype(v.dtype, jnp.floating) for v in tensors]

        def of_floats(trainable: list, floats: list) -> Any:
            left = iter(floats)
            outputs = forward(trainable, rest, [next(left) if f else v for v, f in zip(tensors, is_float, strict=True)])
            return [v for v in jtu.tree_leaves(outputs) if jnp.issubdtype(v.dtype, jnp.floating)]

        floats = [v for v, f in zip(tensors, is_float, strict=True) if f]
        outputs, gradients = jax.vjp(of_floats, trainable, floats)
        return outputs, gradients([jnp.ones_like(v) for v in outputs])

    return forward, both, (*_values(layer), call.tensors)


def _row(call: _Call, trains: bool, repeats: int) -> ProfileRow:
    layer = call.layer
    forward, both, values = _programs(call)
    shapes = [tuple(v.shape) for v in jtu.tree_leaves(jax.eval_shape(forward, *values))]
    cost = cost_of(both if trains else forward, *values)
    return ProfileRow(
        call.name,
        shapes[0] if len(shapes) == 1 else tuple(shapes),
        sum(math.prod(v.shape) for v in layer.weights),
        _milliseconds(jax.jit(forward), values, repeats),
        _milliseconds(jax.jit(both), values, repeats) if trains else None,
        *cost,
    )


def _whole(model: Any, batch: tuple, trains: bool, rows: list[ProfileRow], repeats: int) -> ProfileRow:
    values = (*_values(model), batch[0])

    def forward(trainable: list, rest: list, x: Tree) -> Tree:
        return model.stateless_call(trainable, rest, x, training=False)[0]

    train_ms, cost = None, None
    if trains:
        training = model._training
        program = training.program("train")
        with training.reading("train") as own:
            state = jtu.tree_map(jnp.copy, own)
        shapes = jtu.tree_map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), state)
        run = program.prepare(state, batch, None, len(jtu.tree_leaves(batch)[0]))
        taken = []
        for _ in range(repeats + 1):
            begin = time.perf_counter()
            state, _ = jax.block_until_ready(run(state, 0, 1))
            taken.append(1000 * (time.perf_counter() - begin))
        train_ms = float(np.median(taken[1:]))
        cost = cost_of(program.step, shapes, batch)
    parameters = sum(math.prod(v.shape) for v in model.weights)
    outputs = jtu.tree_leaves(jax.eval_shape(forward, *values))
    shape = tuple(outputs[0].shape) if len(outputs) == 1 else tuple(tuple(v.shape) for v in outputs)
    forward_ms = _milliseconds(jax.jit(forward), values, repeats)
    return ProfileRow("(whole step)", shape, parameters, forward_ms, train_ms, *(cost or cost_of(forward, *values)))


def _milliseconds(function: Any, values: tuple, repeats: int) -> float:
    jax.block_until_ready(function(*values))
    taken = []
    for _ in range(repeats):
        begin = time.perf_counter()
        jax.block_until_ready(function(*values))
        taken.append(1000 * (time.perf_counter() - begin))
    return float(np.median(taken))


def cost_of(function: Callable, *values: Any) -> Cost:
    """Return XLA's cost of a function, with every round of its scans.

    Args:
        function: A function of arrays.
        *values: Its arguments, arrays or shapes.

    Example:
        >>> import jax.numpy as jnp
        >>> round(cost_of(lambda a, b: a @ b, jnp.ones((8, 4)), jnp.ones((4, 2))).flops)
        128
    """
    return _counted(jax.jit(function).trace(*values))[1]


def _counted(traced: Any) -> tuple[Cost, Cost]:
    """Return XLA's own count, and the count with every round of the scans."""
    found = traced.lower().cost_analysis() or {}
    counted = Cost(float(found.get("flops", 0.0)), float(found.get("bytes accessed", 0.0)))
    flops, moved = counted
    for equation, scan in scans(traced.jaxpr):
        once, whole = _counted(jax.jit(scan.body).trace(*inputs_of_body(equation)))
        flops += scan.length * whole.flops - once.flops
        moved += scan.length * whole.bytes - once.bytes
    return counted, Cost(flops, moved)


def _cells(row: ProfileRow) -> tuple[str, ...]:
    last = row.forward_ms if row.train_ms is None else row.train_ms
    return (
        row.layer,
        str(row.shape),
        f"{row.parameters:,}",
        f"{row.forward_ms:.3f}",
        "" if row.train_ms is None else f"{row.train_ms:.3f}",
        f"{row.flops / 1e6:,.2f}",
        f"{row.bytes / 1e6:,.2f}",
        f"{row.flops / 1e6 / last:,.1f}" if last else "",
    )
