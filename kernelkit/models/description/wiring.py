"""The calls inside a model or layer, and the tensors that lead from one to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kernelkit.models.graph import Graph
from kernelkit.recording import Node, Operation, producer
from kernelkit.symbolic import KerasTensor


class Call(NamedTuple):
    """One call.

    Attributes:
        operation: The called layer or function; a text for work without such an object.
        takes: The keys of its input tensors.
        gives: The keys of its output tensors.
        args: Its arguments, with symbolic tensors.
        kwargs: Its named arguments.
        ended: Whether the call returned.
    """

    operation: Operation | str
    takes: list[int]
    gives: list[int]
    args: tuple = ()
    kwargs: dict[str, Any] = {}
    ended: bool = True


@dataclass
class Failure:
    """Why a trace ended early."""

    message: str
    shapes: list[tuple]
    layer: str


@dataclass
class Wiring:
    """The inside of a model or layer.

    Attributes:
        inputs: ``(key, name)`` of each input.
        calls: The calls, in an order in which they can run.
        outputs: The keys of the outputs.
        specs: Shape and dtype of the tensor behind each key.
        unconnected: Layers whose calls are not known.
        failure: The reason why the trace ended early, or ``None``.
        kept: Objects that must stay alive: the keys are their ids.
    """

    inputs: list[tuple[int, str]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    specs: dict[int, KerasTensor] = field(default_factory=dict)
    unconnected: list[Any] = field(default_factory=list)
    failure: Failure | None = None
    kept: Any = None


def wiring_of_graph(graph: Graph) -> Wiring:
    """Return the wiring of a functional or sequential model."""
    wiring = Wiring(kept=graph)
    for tensor in graph.inputs:
        wiring.inputs.append((id(tensor), graph.input_layer(tensor).name))
        wiring.specs[id(tensor)] = tensor
    add_nodes(wiring, graph.nodes)
    wiring.outputs = [id(tensor) for tensor in graph.outputs]
    return wiring


def add_nodes(wiring: Wiring, nodes: list[Node]) -> None:
    """Add recorded calls to a wiring."""
    for node in nodes:
        takes = [id(t) for t in node.input_tensors]
        gives = [id(t) for t in node.output_tensors]
        wiring.specs.update((id(t), t) for t in (*node.input_tensors, *node.output_tensors))
        wiring.calls.append(Call(node.operation, takes, gives, node.args, node.kwargs))


def source_name(tensor: KerasTensor) -> str:
    """Return the name of the operation that made a tensor."""
    node = producer(tensor)
    return tensor.name if node is None else node.operation.name
