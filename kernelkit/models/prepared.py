"""The host stage of a graph: the calls that may need it, and its prepared inputs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, Protocol

import jax.tree_util as jtu

from kernelkit.recording import Node


class Stage(Hashable, Protocol):
    """The interface of a host stage for its graph.

    Attributes:
        tensors: The tensors where the compiled part begins.
        rest: The calls of the compiled part.
        nested: Those among them that are models with their own host stage.
    """

    tensors: list[Any]
    rest: list[Node]
    nested: list[Node]


@jtu.register_pytree_node_class
class Prepared:
    """The inputs of a model after its host stage: a tree of arrays.

    Attributes:
        stage: The stage that made it.
        values: Arrays for the tensors where the compiled part begins.
        nested: Prepared inputs of nested models with their own host stage.
    """

    def __init__(self, stage: Stage, values: tuple, nested: tuple) -> None:
        self.stage, self.values, self.nested = stage, values, nested

    def tree_flatten(self) -> tuple:
        return (self.values, self.nested), self.stage

    @classmethod
    def tree_unflatten(cls, stage: Stage, children: tuple) -> Prepared:
        return cls(stage, *children)


def may_need_host(nodes: Iterable[Node]) -> bool:
    """Return whether some calls of a graph need a host stage, now or after an `adapt`."""
    return any(
        touches_strings(node) or hasattr(node.operation, "host_only") or model_may_need_host(node.operation)
        for node in nodes
    )


def model_may_need_host(operation: Any) -> bool:
    """Return whether an operation is a model with such calls."""
    graph = getattr(operation, "_graph", None)
    return graph is not None and graph.may_need_host


def touches_strings(node: Node) -> bool:
    """Return whether a call takes or returns strings."""
    return any(t.dtype == "string" for t in [*node.input_tensors, *node.output_tensors])
