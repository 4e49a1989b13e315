"""The host stage of a model: its work on strings, which runs in Python before the compiled step.

The host stage holds the graph's calls that take or return strings, and all calls before them. The inputs of the other
calls are the inputs of the compiled step; a :class:`~kernelkit.models.prepared.Prepared` holds them.
"""

from __future__ import annotations

import jax.tree_util as jtu

from kernelkit.layers.layer import Layer
from kernelkit.layers.preprocessing.strings import string_arrays
from kernelkit.models.graph import Graph
from kernelkit.models.prepared import Prepared, model_may_need_host, touches_strings
from kernelkit.recording import Node
from kernelkit.sparse import is_sparse
from kernelkit.typing import Tree


class HostStage:
    """The part of a graph that runs in Python.

    Args:
        graph: The graph.

    Attributes:
        nodes: The calls that run in Python, in order.
        is_empty: Whether no call runs in Python.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        wanted: set[int] = set()
        needed: set[int] = set()
        for node in reversed(graph.nodes):
            if _needs_host(node) or any(id(t) in needed for t in node.output_tensors):
                wanted.add(id(node))
                needed |= {id(t) for t in node.input_tensors}
        self._ids = frozenset(wanted)
        self.nodes = [node for node in graph.nodes if id(node) in wanted]
        self.rest = [node for node in graph.nodes if id(node) not in wanted]
        self.nested = [node for node in self.rest if _stage_of(node) is not None]
        begin = [t for node in self.rest if node not in self.nested for t in node.input_tensors]
        made = {id(t) for node in self.rest for t in node.output_tensors}
        self.tensors = list({id(t): t for t in [*begin, *graph.outputs] if id(t) not in made}.values())

    def __eq__(self, other: object) -> bool:
        # Equal stages share a compiled step.
        return isinstance(other, HostStage) and self._ids == other._ids

    def __hash__(self) -> int:
        return hash(self._ids)

    @property
    def is_empty(self) -> bool:
        return not self.nodes and not self.nested

    def obstacle(self) -> str | None:
        """Return why the graph cannot be split into two parts, ``None`` if it can."""
        for node in self.nodes:
            if isinstance(node.operation, Layer) and node.operation.trainable_variables:
                return f"makes strings from the outputs of layer {node.operation.name!r}."
        return "gives strings." if any(t.dtype == "string" for t in self.tensors) else None

    def prepare(self, inputs: Tree, who: str) -> Prepared:
        """Run the stage.

        Args:
            inputs: Arrays and strings nested as the model's inputs, or a dict by input name.
            who: How errors name the model.

        Raises:
            TypeError: If the model returns strings, or makes strings from the outputs of layers with weights.
        """
        if (obstacle := self.obstacle()) is not None:
            raise TypeError(f"{who} {obstacle} {_ADVICE}")
        flat = self._graph.match(string_arrays(inputs), who)
        values = dict(zip((id(t) for t in self._graph.inputs), flat, strict=True))
        for node in self.nodes:
            args, kwargs = node.fill_in(values)
            outputs = jtu.tree_leaves(node.operation(*args, **kwargs), is_leaf=is_sparse)
            values |= {id(t): value for t, value in zip(node.output_tensors, outputs, strict=True)}
        nested = []
        for node in self.nested:
            args, _ = node.fill_in(values)
            nested.append(_stage_of(node).prepare(args[0], f"Model {node.operation.name!r}"))  # type: ignore[union-attr]
        return Prepared(self, tuple(values[id(t)] for t in self.tensors), tuple(nested))


_ADVICE = (
    "A compiled step cannot hold strings: let the model return numbers and turn them into strings afterwards, or "
    "call the model directly: model(x)."
)


def _needs_host(node: Node) -> bool:
    stage = _stage_of(node)
    if stage is not None and stage.rest:
        return False  # a nested model with strings only at its start has its own host stage
    return stage is not None or touches_strings(node) or getattr(node.operation, "host_only", False)


def _stage_of(node: Node) -> HostStage | None:
    """Return the host stage of a call of a model, ``None`` if it has none."""
    if not model_may_need_host(node.operation):
        return None
    stage = HostStage(node.operation._graph)  # type: ignore[attr-defined]
    return None if stage.is_empty else stage
