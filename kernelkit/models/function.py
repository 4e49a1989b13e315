"""`Function`: a recorded computation that can run again on other inputs."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu

from kernelkit.inference import infer
from kernelkit.layers.base.shapes import is_shape
from kernelkit.models.graph import Graph, is_leaf
from kernelkit.recording import Operation, producer
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Shapes, Tree


class Function(Operation):
    """The computation between symbolic tensors. Unlike a model it owns no layers and cannot be trained.

    Args:
        inputs: Symbolic tensors, nested in lists or dicts.
        outputs: Symbolic tensors that depend on the inputs only.
        name: Name.

    Raises:
        ValueError: If an output depends on an input that is not given.

    Example:
        >>> import numpy as np
        >>> import kernelkit as kk
        >>> x = kk.KerasTensor((None, 2))
        >>> double = kk.Function(x, x * 2)
        >>> double(np.ones((1, 2))).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, inputs: Tree, outputs: Tree, name: str | None = None) -> None:
        super().__init__(name)
        bare = [t for t in jtu.tree_leaves(inputs, is_leaf=is_leaf) if isinstance(t, KerasTensor) and not producer(t)]
        self._graph = Graph(inputs, outputs)
        added = [producer(t).operation for t in bare]  # type: ignore[union-attr]
        self._operations = [o for o in self._graph.operations if o not in added]

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return self._graph.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return self._graph.outputs

    @property
    def operations(self) -> list[Operation]:
        """The layers and functions, from the inputs to the outputs."""
        return list(self._operations)

    def call(self, inputs: Tree) -> Tree:
        """Compute the outputs.

        Args:
            inputs: Arrays nested as the inputs.
        """
        return self._graph.run(inputs, f"Function {self.name!r}")

    def compute_output_spec(self, inputs: Tree) -> Any:
        """Return symbolic outputs for symbolic inputs."""
        shapes = [t.shape for t in jtu.tree_leaves(inputs, is_leaf=is_leaf)]
        if shapes == [t.shape for t in self.inputs]:
            return jtu.tree_map(lambda t: t.like(), self._graph.outputs_struct, is_leaf=is_leaf)
        return infer(self.call, inputs)

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return the shapes of the outputs for shapes nested as the inputs."""
        shapes = jtu.tree_leaves(input_shape, is_leaf=is_shape)
        flat = [t.like(shape) for shape, t in zip(shapes, self.inputs, strict=True)]
        nested: Any = jtu.tree_structure(self._graph.inputs_struct, is_leaf=is_leaf)
        inputs = nested.unflatten(flat)
        return jtu.tree_map(lambda t: t.shape, self.compute_output_spec(inputs), is_leaf=is_leaf)
