"""A functional model's wiring as plain JSON, in Keras's format, and back."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu

from kernelkit import serialize
from kernelkit.layers.input_layer import InputLayer
from kernelkit.models.graph import Graph, is_leaf
from kernelkit.symbolic import FunctionOperation, KerasTensor, Node, Operation


def graph_config(model: Any) -> dict:
    """Return the layers, the calls on each, and which tensors are inputs and outputs."""
    graph: Graph = model._graph
    own = {id(node) for node in graph.nodes}
    numbers: dict[int, int] = {}
    for operation in graph.operations:
        kept = [n for n in operation._inbound_nodes if id(n) in own or isinstance(operation, InputLayer)]
        numbers.update({id(node): i for i, node in enumerate(kept)})

    def place(tensor: KerasTensor) -> list:
        operation, index, position = tensor._keras_history  # type: ignore[misc]
        return [operation.name, numbers[id(operation._inbound_nodes[index])], position]

    layers = []
    for operation in graph.operations:
        calls = [
            _call_config(node, place)
            for node in operation._inbound_nodes
            if id(node) in own and not isinstance(operation, InputLayer)
        ]
        layers.append(_operation_config(operation) | {"name": operation.name, "inbound_nodes": calls})
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": _map(place, graph.inputs_struct),
        "output_layers": _map(place, graph.outputs_struct),
    }


def _map(function: Any, tensors: Any) -> Any:
    return jtu.tree_map(function, tensors, is_leaf=is_leaf)


def _operation_config(operation: Operation) -> dict:
    if isinstance(operation, FunctionOperation):
        function = serialize.serialize_keras_object(operation.function)
        return {
            "module": "kernelkit",
            "class_name": "FunctionOperation",
            "config": {"name": operation.name, "function": function},
            "registered_name": None,
        }
    return serialize.serialize_keras_object(operation)


def _call_config(node: Node, place: Any) -> dict:
    def of(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            described = serialize.serialize_keras_object(value)
            described["config"]["keras_history"] = place(value)
            return described
        if isinstance(value, dict):
            return {k: of(v) for k, v in value.items()}
        if isinstance(value, list):
            return [of(v) for v in value]
        if isinstance(value, tuple):
            return {"class_name": "__tuple__", "config": {"value": [of(v) for v in value]}}
        return serialize.serialize_keras_object(value)

    return {"args": [of(v) for v in node.args], "kwargs": {k: of(v) for k, v in node.kwargs.items()}}


def graph_from_config(cls: type, config: dict, replacements: dict[str, Operation] | None = None) -> Any:
    """Make a functional model from :func:`graph_config`'s result.

    Args:
        cls: The model's class.
        config: The wiring.
        replacements: Layers to put in place of those with the given names.

    Raises:
        ValueError: If a call refers to a tensor that nothing makes.
    """
    given = replacements or {}
    operations = {e["name"]: given.get(e["name"]) or _operation_from(e) for e in config["layers"]}
    # Layers that were called before this model was wired must not count those calls.
    begin = {name: len(op._inbound_nodes) if not isinstance(op, InputLayer) else 0 for name, op in operations.items()}
    waiting = [(entry["name"], call) for entry in config["layers"] for call in entry.get("inbound_nodes", [])]

    def tensor(history: Any) -> KerasTensor | None:
        name, index, position = history[:3]
        if name not in operations:
            raise ValueError(f"The model's config refers to the layer {name!r}, which it doesn't hold.")
        nodes = operations[name]._inbound_nodes[begin[name] :]
        return nodes[index].output_tensors[position] if index < len(nodes) else None

    while waiting:
        left = []
        blocked: set[str] = set()
        for name, call in waiting:
            # The calls of one layer must be made in their order: later ones are found by number.
            arguments = None if name in blocked else _arguments(call, tensor)
            if arguments is None:
                blocked.add(name)
                left.append((name, call))
            else:
                operations[name](*arguments[0], **arguments[1])
        if len(left) == len(waiting):
            raise ValueError(f"The model's config is broken: nothing makes the inputs of layer {left[0][0]!r}.")
        waiting = left
    inputs, outputs = (_map_places(tensor, config[key]) for key in ("input_layers", "output_layers"))
    model = cls(inputs=inputs, outputs=outputs, name=config.get("name"))
    if not config.get("trainable", True):
        model.trainable = False
    return model


def _operation_from(entry: dict) -> Operation:
    if entry["class_name"] == "FunctionOperation":
        function = serialize.deserialize_keras_object(entry["config"]["function"])
        return FunctionOperation(function, name=entry["config"]["name"])
    return serialize.deserialize_keras_object(entry)


class _NotYet(Exception):
    pass


def _arguments(call: dict, tensor: Any) -> tuple | None:
    def of(value: Any) -> Any:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            found = tensor(value["config"]["keras_history"])
            if found is None:
                raise _NotYet
            return found
        if isinstance(value, dict) and value.get("class_name") == "__tuple__":
            return tuple(of(v) for v in value["config"]["value"])
        if isinstance(value, dict) and "class_name" not in value:
            return {k: of(v) for k, v in value.items()}
        if isinstance(value, list):
            return [of(v) for v in value]
        return serialize.deserialize_keras_object(value)

    try:
        return [of(v) for v in call["args"]], {k: of(v) for k, v in call["kwargs"].items()}
    except _NotYet:
        return None


def _map_places(tensor: Any, places: Any) -> Any:
    """Return the tensors of places ``[name, node, tensor]``, nested in lists and dicts."""
    if isinstance(places, dict):
        return {k: _map_places(tensor, v) for k, v in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        return tensor(places)
    return [_map_places(tensor, p) for p in places]
