"""The nodes and edges of a model, before they are folded and written into columns."""

from __future__ import annotations

import contextlib
import functools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kernelkit import serialize
from kernelkit.layers.base.parts import parts, unique
from kernelkit.layers.input_layer import InputLayer
from kernelkit.layers.layer import Layer
from kernelkit.models import keras_operations
from kernelkit.models.description import schema
from kernelkit.models.description.trace import specs_for, trace
from kernelkit.models.description.wiring import Wiring, wiring_of_graph
from kernelkit.models.graph import graph_of
from kernelkit.recording import Operation
from kernelkit.symbolic import KerasTensor
from kernelkit.training.trainer import Trainer
from kernelkit.typing import Batch


@dataclass
class Item:
    """A node before it is written into columns.

    Attributes:
        kind: One of the codes in :mod:`schema`.
        name: Name of the operation.
        title: Name of its class.
        parent: Index of its group, -1 at the top.
        operation: The layer or function.
        inputs: The inputs of its first call.
        outputs: The outputs of its first call.
        arguments: The arguments of its first call.
        calls: Number of its calls in its group.
        state: One of the codes in :mod:`schema`.
    """

    kind: int
    name: str
    title: str
    parent: int
    operation: Any = None
    inputs: list[KerasTensor] = field(default_factory=list)
    outputs: list[KerasTensor] = field(default_factory=list)
    arguments: tuple[tuple, dict[str, Any]] = ((), {})
    calls: int = 0
    state: int = schema.OK

    @functools.cached_property
    def texts(self) -> dict[str, str]:
        """The arguments of a layer that differ from their defaults."""
        return serialize.shown_texts(self.operation, Layer) if isinstance(self.operation, Layer) else {}


@dataclass
class Edge:
    """One tensor that leads from one item to another in the same group."""

    source: int
    output: int
    target: int
    input: int
    call: int
    spec: KerasTensor


@dataclass
class Collected:
    """All items, parents before their children, with the edges between them.

    Attributes:
        items: The items.
        edges: The edges, each between two items of the same group.
        entries: The input items of each opened group.
        exits: ``(item, position)`` of each output of each opened group.
        error: The first failure: message, layer, shapes, item.
        note: Why the model could not be traced, or an empty text.
    """

    items: list[Item] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    entries: dict[int, list[int]] = field(default_factory=dict)
    exits: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    note: str = ""
    kept: list[Any] = field(default_factory=list)


def collect(model: Any, sample: Batch = None) -> Collected:
    """Collect the nodes and edges of a model.

    Args:
        model: A model or layer.
        sample: A batch of inputs, or their shape, for a model that was not called yet.
    """
    found = Collected()
    waiting: deque[tuple[Any, int, tuple[tuple, dict[str, Any]] | None, int]] = deque()
    given = None if graph_of(model) is not None else specs_for(model, sample)
    if graph_of(model) is None and given is None:
        found.note = (
            f"{model.name} was not called yet, so its connections are not known. Call it on a batch of data, or give "
            "graph() a batch or a shape."
        )
    waiting.append((model, -1, given, 0))
    while waiting:
        operation, at, arguments, depth = waiting.popleft()
        wiring = _wiring(operation, arguments)
        if wiring is None:
            continue
        first = len(found.items)
        _add(found, wiring, at, operation)
        for i in range(first, len(found.items)):
            item = found.items[i]
            if depth + 2 < schema.DEEPEST and is_composite(item.operation) and item.kind == schema.LAYER:
                item.kind = schema.GROUP
                inner = item.arguments if item.calls else specs_for_quietly(item.operation)
                waiting.append((item.operation, i, inner, depth + 1))
    return found


def is_composite(operation: Any) -> bool:
    """Return whether an operation is drawn with its inside: a model, or a user's layer that holds layers."""
    if graph_of(operation) is not None or isinstance(operation, Trainer):
        return True
    if not isinstance(operation, Layer) or type(operation).__module__.split(".")[0] == __name__.split(".")[0]:
        return False
    return next(iter(parts(operation, Layer)), None) is not None


def child_layers(operation: Any) -> list[Layer]:
    """Return the layers that are direct parts of a model or layer."""
    model: Any = operation if isinstance(operation, Trainer) else None
    return unique(parts(operation, Layer)) if model is None else list(model.layers)


def specs_for_quietly(operation: Any) -> tuple[tuple, dict[str, Any]] | None:
    """Return the shapes that a layer was built for, ``None`` if they are not known."""
    with contextlib.suppress(Exception):  # get_build_config may be user code
        return specs_for(operation)
    return None


def _wiring(operation: Any, arguments: tuple[tuple, dict[str, Any]] | None) -> Wiring | None:
    graph = graph_of(operation)
    if graph is not None:
        return wiring_of_graph(graph)
    children = child_layers(operation)
    if arguments is None:
        return Wiring(unconnected=children)
    wiring = trace(operation, *arguments)
    called = {id(call.operation) for call in wiring.calls}
    wiring.unconnected = [layer for layer in children if id(layer) not in called]
    return wiring


def _add(found: Collected, wiring: Wiring, at: int, owner: Any) -> None:
    """Add one group's items and edges."""
    found.kept.append(wiring)
    items = found.items
    made: dict[int, tuple[int, int]] = {}
    found.entries[at] = []
    for key, name in wiring.inputs:
        spec = wiring.specs[key]
        made[key] = (len(items), 0)
        found.entries[at].append(len(items))
        items.append(Item(schema.INPUT, name, "InputLayer", at, outputs=[spec], calls=1))
    own: dict[int, int] = {}
    last = -1
    for call in wiring.calls:
        operation = call.operation
        index = own.get(id(operation)) if isinstance(operation, Operation) else None
        if index is None:
            index = own[id(operation)] = len(items)
            kind = schema.LAYER if isinstance(operation, Layer) else schema.OP
            name = operation if isinstance(operation, str) else operation.name
            title = operation if isinstance(operation, str) else keras_operations.class_name(operation)
            items.append(Item(kind, name, title, at, operation))
            items[index].inputs = [wiring.specs[k] for k in call.takes]
            items[index].outputs = [wiring.specs[k] for k in call.gives]
            items[index].arguments = (call.args, call.kwargs)
        for position, key in enumerate(call.takes):
            if key in made:
                found.edges.append(Edge(*made[key], index, position, items[index].calls, wiring.specs[key]))
        items[index].calls += 1
        if not call.ended:
            items[index].state = schema.FAILED
            last = index
        for position, key in enumerate(call.gives):
            made[key] = (index, position)
    for layer in wiring.unconnected:
        if not isinstance(layer, InputLayer):
            items.append(Item(schema.LAYER, layer.name, type(layer).__name__, at, layer, state=schema.UNREACHED))
    if wiring.failure is not None and (found.error is None or found.error["item"] in (-1, at)):
        failure = wiring.failure
        found.error = {
            "message": failure.message,
            "layer": failure.layer,
            "in": owner.name,
            "shapes": [list(shape) for shape in failure.shapes],
            "item": last,
        }
    exits = [made[key] for key in wiring.outputs if key in made]
    if at >= 0:
        found.exits[at] = exits
        return
    for position, (key, (item, output)) in enumerate(zip([k for k in wiring.outputs if k in made], exits, strict=True)):
        spec = wiring.specs[key]
        name = f"output {position + 1}" if len(exits) > 1 else "output"
        items.append(Item(schema.OUTPUT, name, "Output", -1, inputs=[spec], calls=1))
        found.edges.append(Edge(item, output, len(items) - 1, 0, 0, spec))


def resolved(found: Collected) -> Iterator[Edge]:
    """Yield the edges between leaves: an edge of an opened group leads to an item inside it."""
    for edge in found.edges:
        source, output = edge.source, edge.output
        while source in found.exits and output < len(found.exits[source]):
            source, output = found.exits[source][output]
        target, position = edge.target, edge.input
        if found.entries.get(target):
            entries = found.entries[target]
            target, position = entries[min(position, len(entries) - 1)], 0
        yield Edge(source, output, target, position, edge.call, edge.spec)
