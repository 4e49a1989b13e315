"""The graph that calls on symbolic tensors record.

A call of an :class:`Operation` (a layer, or a function of :mod:`kernelkit.ops`) on a
:class:`~kernelkit.symbolic.KerasTensor` records a :class:`Node` and returns new symbolic tensors.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax.tree_util as jtu

from kernelkit import scope
from kernelkit.inference import function_spec, infer
from kernelkit.symbolic import KerasTensor, any_symbolic
from kernelkit.typing import Tensor, Tree


class Node:
    """One recorded call: an operation, its arguments, the tensors it returned."""

    def __init__(self, operation: Operation, args: tuple, kwargs: dict, outputs: Tree) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.input_tensors: list[KerasTensor] = [t for t in _leaves((args, kwargs)) if isinstance(t, KerasTensor)]
        self.outputs = outputs
        self.output_tensors: list[KerasTensor] = [t for t in _leaves(outputs) if isinstance(t, KerasTensor)]
        self.index = len(operation._inbound_nodes)
        operation._inbound_nodes.append(self)
        for tensor in self.input_tensors:
            if tensor._keras_history is not None:
                tensor._keras_history[0]._outbound_nodes.append(self)
        for position, tensor in enumerate(self.output_tensors):
            tensor._keras_history = (operation, self.index, position)
        if scope.local.recorder is not None:
            scope.local.recorder.append(self)

    @property
    def is_input(self) -> bool:
        """Whether this node is an input of a model."""
        return not self.input_tensors

    @property
    def parent_nodes(self) -> list[Node]:
        """The nodes whose outputs are inputs of this node."""
        parents = []
        for tensor in self.input_tensors:
            node = producer(tensor)
            if node is not None and node not in parents:
                parents.append(node)
        return parents

    def fill_in(self, values: dict[int, Any]) -> tuple[tuple, dict]:
        """Return the recorded arguments with each symbolic tensor replaced by ``values[id(tensor)]``."""

        def replace(leaf: Tensor) -> Tree:
            return values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf

        return jtu.tree_map(replace, (self.args, self.kwargs), is_leaf=lambda x: isinstance(x, KerasTensor))

    def __repr__(self) -> str:
        return f"<Node {self.index} of {scope.printable(self.operation.name)}>"


@contextlib.contextmanager
def recording() -> Iterator[list[Node]]:
    """Collect the nodes recorded inside the block; at its end, remove them from their operations.

    Yields:
        The list of these nodes, in the order of the calls.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.Dense(2)
        >>> with recording() as nodes:
        ...     y = layer(kk.KerasTensor((None, 3)))
        >>> nodes[-1].operation is layer, len(layer._inbound_nodes)
        (True, 0)
    """
    nodes: list[Node] = []
    before, scope.local.recorder = scope.local.recorder, nodes
    try:
        yield nodes
    finally:
        scope.local.recorder = before
        for node in reversed(nodes):
            node.operation._inbound_nodes = [n for n in node.operation._inbound_nodes if n is not node]
            for tensor in node.input_tensors:
                history = tensor._keras_history
                if history is not None:
                    history[0]._outbound_nodes = [n for n in history[0]._outbound_nodes if n is not node]


def producer(tensor: KerasTensor) -> Node | None:
    """Return the node that made a tensor."""
    if tensor._keras_history is None:
        return None
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


class Operation:
    """A callable that computes on arrays, and records a node on symbolic tensors.

    Args:
        name: Name; made from the class's name if not given.
    """

    def __init__(self, name: str | None = None) -> None:
        name = name or scope.auto_name(scope.to_snake_case(type(self).__name__))
        self.name = scope.checked_name(name, f"{type(self).__name__}: `name`")
        self._inbound_nodes: list[Node] = []
        self._outbound_nodes: list[Node] = []

    def call(self, *args: Any, **kwargs: Any) -> Tree:
        """Compute on arrays."""
        raise NotImplementedError(f"{type(self).__name__} does not have a `call` method implemented: define one.")

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors of the shapes and dtypes that :meth:`call` would return."""
        return infer(self.call, *args, **kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Tree:
        """Record a node and return its symbolic outputs."""
        outputs = self.compute_output_spec(*args, **kwargs)
        if scope.local.recording:
            Node(self, args, kwargs, outputs)
        return outputs

    def __call__(self, *args: Any, **kwargs: Any) -> Tree:
        return self.symbolic_call(*args, **kwargs) if any_symbolic(args, kwargs) else self.call(*args, **kwargs)

    def _first_node(self, what: str) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(f"{self.name!r} was never called on a symbolic tensor, so it has no {what}.")
        return self._inbound_nodes[0]

    @property
    def input(self) -> Tree:
        """The symbolic input of the first call; a list for several."""
        tensors = self._first_node("input").input_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self) -> Tree:
        """The symbolic output of the first call."""
        return self._first_node("output").outputs


class FunctionOperation(Operation):
    """A function of :mod:`kernelkit.ops` in a recorded graph."""

    def __init__(self, function: Callable, name: str | None = None) -> None:
        self.function = function
        super().__init__(name or scope.auto_name(function.__name__))

    def call(self, *args: Any, **kwargs: Any) -> Tree:
        return self.function(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        return function_spec(self.function, *args, **kwargs)


def record(function: Callable, *args: Any, **kwargs: Any) -> Tree:
    """Record the call of an op on symbolic tensors, and return its symbolic outputs."""
    if not scope.local.recording:
        return function_spec(function, *args, **kwargs)
    return FunctionOperation(function).symbolic_call(*args, **kwargs)


def _leaves(structure: Tree) -> list:
    return jtu.tree_leaves(structure, is_leaf=lambda x: isinstance(x, KerasTensor))
