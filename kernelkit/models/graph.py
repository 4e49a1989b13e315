"""The graph of a functional model: the recorded calls from its inputs to its outputs, and running them."""

from __future__ import annotations

import functools
import warnings
from collections import Counter
from typing import Any

import jax.numpy as jnp
import jax.tree_util as jtu

from kernelkit import config, dtypes
from kernelkit.layers.input_layer import InputLayer
from kernelkit.layers.layer import Layer
from kernelkit.layers.preprocessing.strings import string_arrays
from kernelkit.models.prepared import Prepared, may_need_host
from kernelkit.recording import Node, Operation, producer
from kernelkit.sparse import is_sparse
from kernelkit.symbolic import KerasTensor
from kernelkit.tracebacks import users_level
from kernelkit.typing import Tensor, Tree


def is_leaf(x: Any) -> bool:
    """Return whether a value is a leaf of nested inputs."""
    return x is None or isinstance(x, KerasTensor) or is_sparse(x)


class Graph:
    """The calls between given input and output tensors.

    Args:
        inputs: Symbolic tensors, nested in lists or dicts.
        outputs: Symbolic tensors, in any nested structure.

    Raises:
        ValueError: If an output depends on an input that is not among ``inputs``.
    """

    def __init__(self, inputs: Tree, outputs: Tree) -> None:
        # jax sorts dicts by key. A dict that is not sorted cannot be matched with unnamed data.
        self._sorted = not isinstance(inputs, dict) or list(inputs) == sorted(inputs)
        self.inputs_struct = jtu.tree_map(_as_input, inputs, is_leaf=is_leaf)
        self.outputs_struct = outputs
        self._warned = False
        # Which axes must have the sizes of the tensors: "all", the "first" or "last" one, "none". Batches may be of any
        # size.
        self.fixed_sizes = "all"
        self.inputs: list[KerasTensor] = jtu.tree_leaves(self.inputs_struct, is_leaf=is_leaf)
        self.outputs: list[KerasTensor] = jtu.tree_leaves(outputs, is_leaf=is_leaf)
        for what, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            wrong = [t for t in tensors if not isinstance(t, KerasTensor)]
            if wrong or not tensors:
                raise ValueError(
                    f"All `{what}` values must be KerasTensors, made by kernelkit.Input() and by calling layers on "
                    f"them. Got {wrong[0] if wrong else 'none'!r}."
                )
        if len({id(t) for t in self.inputs}) != len(self.inputs):
            raise ValueError("A model's inputs hold the same tensor twice.")
        self.nodes, self.operations = _sort(self.inputs, self.outputs, _paths(outputs))
        # A model cut out of the middle of another one gets its own input layers.
        self._cuts = {
            id(t): InputLayer(batch_shape=t.shape, dtype=t.dtype, name=t.name)
            for t in self.inputs
            if not isinstance(producer(t).operation, InputLayer)  # type: ignore[union-attr]
        }
        self.operations = [*self._cuts.values(), *self.operations]
        counts = Counter(op.name for op in self.operations)
        repeated = sorted(name for name, count in counts.items() if count > 1)
        if repeated:
            raise ValueError(
                f"The names of a model's layers must differ, but {repeated[0]!r} is used {counts[repeated[0]]} times. "
                "Give the layers other names with name=..."
            )

    @functools.cached_property
    def may_need_host(self) -> bool:
        """Whether some calls of the graph may need to run in Python."""
        return may_need_host(self.nodes)

    @property
    def layers(self) -> list[Layer]:
        """The layers, from the inputs to the outputs."""
        return [op for op in self.operations if isinstance(op, Layer)]

    def input_layer(self, tensor: KerasTensor) -> InputLayer:
        """Return the layer that stands for one of the inputs."""
        return self._cuts.get(id(tensor)) or producer(tensor).operation  # type: ignore[union-attr, return-value]

    @property
    def input_names(self) -> list[str]:
        """The name of each input."""
        return [self.input_layer(t).name for t in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """The name of the operation that makes each output."""
        return [producer(t).operation.name for t in self.outputs]  # type: ignore[union-attr]

    def run(self, inputs: Tree, who: str) -> Tree:
        """Compute the outputs for arrays (or other symbolic tensors).

        Args:
            inputs: Arrays nested as the graph's inputs, or a dict of input names.
            who: How errors name the model.
        """
        nodes, nested = self.nodes, {}
        if isinstance(inputs, Prepared):
            values = dict(zip((id(t) for t in inputs.stage.tensors), inputs.values, strict=True))
            nodes = inputs.stage.rest
            nested = dict(zip((id(node) for node in inputs.stage.nested), inputs.nested, strict=True))
        else:
            values = dict(zip((id(t) for t in self.inputs), self.match(inputs, who), strict=True))
        for node in nodes:
            if all(id(t) in values for t in node.output_tensors):
                continue
            args, kwargs = node.fill_in(values) if id(node) not in nested else ((nested[id(node)],), {})
            outputs = node.operation(*args, **kwargs)
            flat = jtu.tree_leaves(outputs, is_leaf=is_leaf)
            for tensor, value in zip(node.output_tensors, flat, strict=True):
                values[id(tensor)] = value
        return jtu.tree_map(lambda t: values[id(t)], self.outputs_struct, is_leaf=is_leaf)

    def was_wired_for(self, inputs: Tree) -> bool:
        """Return whether symbolic tensors have the shapes and dtypes of the graph's inputs."""
        given = jtu.tree_leaves(inputs, is_leaf=is_leaf)
        return len(given) == len(self.inputs) and all(
            isinstance(t, KerasTensor)
            and (t.shape, t.dtype, t.sparse) == (own.shape, own.dtype, own.sparse)
            and t._keras_mask is own._keras_mask is None
            for t, own in zip(given, self.inputs, strict=True)
        )

    @property
    def answer_struct(self) -> Any:
        """The structure of a model's result: a list of one output becomes that output, as in Keras."""
        return only_one(self.outputs_struct)

    def match(self, inputs: Tree, who: str) -> list:
        """Return the inputs as a flat list in the graph's order, each checked and cast to its Input's dtype."""
        names = self.input_names
        if any(t.dtype == "string" for t in self.inputs):
            inputs = string_arrays(inputs)
        if isinstance(inputs, dict):
            by_key = isinstance(self.inputs_struct, dict)
            keys = list(self.inputs_struct) if by_key else names
            missing = [n for n in keys if n not in inputs and not self._optional(keys.index(n))]
            if missing:
                raise ValueError(f"{who} has the inputs {keys}; {missing} are missing in the given {sorted(inputs)}.")
            if by_key and set(inputs) - set(keys):
                self._warn_of_structure(inputs)
            flat = jtu.tree_leaves({k: inputs.get(k) for k in keys}, is_leaf=is_leaf) if by_key else []
            flat = flat or [inputs.get(n) for n in names]
        else:
            flat = jtu.tree_leaves(inputs, is_leaf=is_leaf)
        if len(flat) != len(self.inputs):
            named = " named input(s) with keys" if isinstance(self.inputs_struct, dict) else " input(s)"
            raise ValueError(f"{who} expects {len(self.inputs)}{named} {names}, got {len(flat)}.")
        if isinstance(self.inputs_struct, dict) and not isinstance(inputs, dict) and len(flat) > 1:
            if not self._sorted:
                raise ValueError(f"{self._misfit(inputs)} The order of the inputs is not clear: give {who} a dict.")
            self._warn_of_structure(inputs)
        return [self._fit(t, name, x, who) for t, name, x in zip(self.inputs, names, flat, strict=True)]

    def _misfit(self, inputs: Tree) -> str:
        given = sorted(inputs) if isinstance(inputs, dict) else f"a {type(inputs).__name__} without names"
        return (
            f"The structure of `inputs` doesn't match the expected structure: expected a dict with the keys "
            f"{list(self.inputs_struct)}, got {given}."
        )

    def _warn_of_structure(self, inputs: Tree) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(self._misfit(inputs), stacklevel=users_level())

    def _optional(self, index: int) -> bool:
        return getattr(self.input_layer(self.inputs[index]), "optional", False)

    def _path_of(self, expected: KerasTensor) -> str:
        """Return where an input stands among the nested inputs, such as ``"0.left"``; ``""`` for a lone input."""
        paths, _ = jtu.tree_flatten_with_path(self.inputs_struct, is_leaf=is_leaf)
        found = next(keys for keys, leaf in paths if leaf is expected)
        return ".".join(str(getattr(key, "key", getattr(key, "idx", key))) for key in found)

    def _fit(self, expected: KerasTensor, name: str, x: Tree, who: str) -> Any:
        if x is None:
            if getattr(self.input_layer(expected), "optional", False):
                return None
            raise ValueError(f"{who}: input {name!r} is None, but it is not optional.")
        shape, rank = tuple(x.shape), len(expected.shape)
        if len(shape) == rank + 1 and shape[-1] == 1:
            x = x[..., 0]
        elif len(shape) == rank - 1 and expected.shape[-1] == 1:
            x = x[..., None]
        ranges = {"all": (1, rank), "first": (1, 2), "last": (max(1, rank - 1), rank), "none": (rank, rank)}
        fixed = slice(*ranges[self.fixed_sizes])
        if rank != len(x.shape) or not fits(expected.shape[fixed], tuple(x.shape)[fixed]):
            raise ValueError(
                f"{who}: input with name {name!r} and path {self._path_of(expected)!r}: expected "
                f"shape={expected.shape}, found shape={shape}."
                f"{_advice(expected.shape, shape)} [K02]"
            )
        dtype = dtypes.canonical(expected.dtype) if expected.dtype != "string" else None
        if isinstance(x, KerasTensor) or dtype is None or not hasattr(x, "astype") or x.dtype == dtype:
            return x
        if str(x.dtype) == expected.dtype:  # keeps 64 bits for lookups in Python; jax would cut them to 32
            return x
        # Floats keep the compute dtype of the caller, unless the Input was given a dtype.
        both_floats = jnp.issubdtype(x.dtype, jnp.floating) and jnp.issubdtype(dtype, jnp.floating)
        return x if both_floats and expected.dtype == config.floatx() else x.astype(dtype)


def graph_of(model: Any) -> Graph | None:
    """Return the graph of a built functional or sequential model; ``None`` for anything else."""
    graph = getattr(model, "_graph", None)
    return graph if isinstance(graph, Graph) else None


def _as_input(tensor: Tensor) -> Any:
    if not isinstance(tensor, KerasTensor):
        return tensor
    node = producer(tensor)
    if node is not None and not isinstance(node.operation, InputLayer):
        return tensor  # a model cut out of the middle of another one
    if node is None:
        InputLayer(input_tensor=tensor)
    return tensor


def only_one(values: Tensor) -> Any:
    """Return the item of a list or tuple of one item; any other value unchanged."""
    return values[0] if isinstance(values, (list, tuple)) and len(values) == 1 else values


def fits(expected: tuple, given: tuple) -> bool:
    """Return whether two shapes are compatible; an unknown size fits any size."""
    return len(expected) == len(given) and all(
        e is None or g is None or e == g for e, g in zip(expected, given, strict=True)
    )


def _advice(expected: tuple, given: tuple) -> str:
    if len(given) == len(expected) - 1:
        if fits(expected[1:], given):
            return " A single sample needs a batch axis: x[None]."
        if expected[-1] is not None:
            return " The last axis is missing: x[..., None] adds one of size 1."
    if len(given) > len(expected) and len(expected) == 2:
        return " Flatten the samples first: x.reshape(len(x), -1), or begin the model with a Flatten layer."
    return ""


def _sort(
    inputs: list[KerasTensor], outputs: list[KerasTensor], labels: list[str]
) -> tuple[list[Node], list[Operation]]:
    """Return the nodes in an order in which they can run, and the operations from inputs to outputs.

    The depth of a node is its longest path to an output. Deeper nodes come first; nodes of equal depth follow the order
    of a walk back from the outputs.
    """
    begin = {id(t) for t in inputs}
    order: list[Node] = []  # parents before children
    met: dict[int, int] = {}  # operation -> its place in the order of the walk
    state: dict[int, str] = {}
    for output, label in zip(outputs, labels, strict=True):
        _walk(output, begin, order, met, state, label)
    depths: dict[int, int] = {}
    for node in reversed(order):
        depth = depths.setdefault(id(node), 0)
        for tensor in node.input_tensors:
            parent = producer(tensor)
            depths[id(parent)] = max(depths.get(id(parent), 0), depth + 1)
    for tensor in inputs:  # an unused input is also a part of the model
        unused = producer(tensor)
        if unused is not None and isinstance(unused.operation, InputLayer) and id(unused) not in depths:
            order.append(unused)
            depths[id(unused)] = 0
            met.setdefault(id(unused.operation), -1)  # before other nodes with the depth of an output
    place = {id(n): i for i, n in enumerate(order)}
    nodes = sorted(order, key=lambda n: (-depths[id(n)], place[id(n)]))
    of_operation: dict[int, int] = {}
    operations: dict[int, Operation] = {}
    for node in nodes:
        key = id(node.operation)
        operations[key] = node.operation
        of_operation[key] = max(of_operation.get(key, 0), depths[id(node)])
    sorted_operations = sorted(operations.values(), key=lambda o: (-of_operation[id(o)], met[id(o)]))
    return [n for n in nodes if not isinstance(n.operation, InputLayer)], sorted_operations


def _paths(outputs: Tree) -> list[str]:
    """Return the path of each output in the nested outputs, such as `heads.0`."""
    pairs = jtu.tree_flatten_with_path(outputs, is_leaf=is_leaf)[0]
    return [jtu.keystr(path, simple=True, separator=".") for path, _ in pairs]


def _walk(
    output: KerasTensor,
    begin: set[int],
    order: list[Node],
    met: dict[int, int],
    state: dict[int, str],
    label: str,
) -> None:
    """Append the nodes that lead to a tensor, parents first; without recursion, since models may be thousands deep."""
    stack: list[tuple[KerasTensor, Node | None]] = [(output, None)]
    while stack:
        tensor, done = stack.pop()
        if done is not None:
            state[id(done)] = "done"
            order.append(done)
            continue
        node = producer(tensor)
        if node is None:
            raise ValueError(
                f"{tensor} was not made by kernelkit.Input() or by calling a layer, so it cannot be a model's output."
            )
        if id(tensor) in begin and not isinstance(node.operation, InputLayer):
            continue
        if id(node) in state:
            continue
        if isinstance(node.operation, InputLayer) and id(tensor) not in begin:
            raise ValueError(
                f"Output with path `{label}` is not connected to `inputs` alone: it depends on the input "
                f"{node.operation.name!r} (shape {tensor.shape}), which is not among them. Add it: "
                "Model(inputs=[...], outputs=...)."
            )
        state[id(node)] = "open"
        met.setdefault(id(node.operation), len(met))
        stack.append((tensor, node))
        stack.extend((t, None) for t in reversed(node.input_tensors))
