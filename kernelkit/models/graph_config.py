"""A functional model's wiring as plain JSON, in Keras's format, and back."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu

from kernelkit import serialize
from kernelkit.layers.input_layer import InputLayer
from kernelkit.models import keras_operations
from kernelkit.models.graph import Graph, is_leaf
from kernelkit.recording import FunctionOperation, Operation
from kernelkit.symbolic import KerasTensor, any_symbolic
from kernelkit.typing import Tensor, Tree


def graph_config(model: Any) -> dict:
    """Return the config: the layers, the calls of each, and the input and output tensors.

    Keras counts the calls of a nested functional model from 1 in the list of outputs, from 0 elsewhere.
    """
    graph: Graph = model._graph
    own = {id(node) for node in graph.nodes}
    numbers: dict[int, int] = {}
    for operation in graph.operations:
        kept = [n for n in operation._inbound_nodes if id(n) in own or isinstance(operation, InputLayer)]
        numbers.update({id(node): i for i, node in enumerate(kept)})

    begin = {id(t): graph.input_layer(t) for t in graph.inputs}

    def place(tensor: KerasTensor) -> list:
        if id(tensor) in begin:
            return [begin[id(tensor)].name, 0, 0]
        operation, index, position = tensor._keras_history  # type: ignore[misc]
        return [operation.name, numbers[id(operation._inbound_nodes[index])], position]

    def end(tensor: KerasTensor) -> list:
        name, index, position = place(tensor)
        nested = id(tensor) not in begin and _is_functional(tensor._keras_history[0])  # type: ignore[index]
        return [name, index + nested, position]

    layers = []
    for operation in graph.operations:
        entry, adapt = _operation_config(operation)
        calls = [
            _call_config(adapt(node.args, node.kwargs), place, entry["class_name"] == "FunctionOperation")
            for node in operation._inbound_nodes
            if id(node) in own and not isinstance(operation, InputLayer)
        ]
        entry |= {"name": operation.name, "inbound_nodes": calls}  # in place: the entry may be registered as shared
        layers.append(entry)
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": _map(place, graph.inputs_struct),
        "output_layers": _map(end, graph.outputs_struct),
    }


def _is_functional(operation: Any) -> bool:
    return getattr(operation, "_is_wired", False)


def _map(function: Any, tensors: Tree) -> Any:
    return jtu.tree_map(function, tensors, is_leaf=is_leaf)


def _operation_config(operation: Operation) -> tuple[dict, Any]:
    """Return an operation's entry, and a function that adapts the arguments of its calls."""
    if isinstance(operation, FunctionOperation):
        described = keras_operations.describe(operation)
        if described is not None:
            return described
        function = serialize.serialize_keras_object(operation.function)
        entry = {
            "module": "kernelkit",
            "class_name": "FunctionOperation",
            "config": {"name": operation.name, "function": function},
            "registered_name": None,
        }
        return entry, _unchanged
    return serialize.serialize_keras_object(operation), _unchanged


def _unchanged(args: Any, kwargs: Any) -> tuple:
    return args, kwargs


def _call_config(arguments: tuple, place: Any, keep_tuples: bool) -> dict:
    # Keras writes tuples as lists. Only kernelkit reads functions for which Keras has no class.
    def of(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            described = serialize.serialize_keras_object(value)
            described["config"]["keras_history"] = place(value)
            return described
        if isinstance(value, dict):
            return {k: of(v) for k, v in value.items()}
        if isinstance(value, tuple) and keep_tuples:
            return {"class_name": "__tuple__", "config": {"value": [of(v) for v in value]}}
        if isinstance(value, (list, tuple)):
            return [of(v) for v in value]
        return serialize.serialize_keras_object(value)

    args, kwargs = arguments
    return {"args": [of(v) for v in args], "kwargs": {k: of(v) for k, v in kwargs.items()}}


def graph_from_config(cls: type, config: dict, replacements: dict[str, Operation] | None = None) -> Any:
    """Make a functional model from :func:`graph_config`'s result.

    Args:
        cls: The model's class.
        config: The wiring.
        replacements: Layers by name that replace layers of the config.

    Raises:
        ValueError: If a call refers to a tensor that no call makes.
    """
    given = replacements or {}
    entries = [_named(entry) for entry in config["layers"]]
    made = {e["name"]: _operation_from(e) for e in entries if given.get(e["name"]) is None}
    operations = {e["name"]: given.get(e["name"]) or made[e["name"]][0] for e in entries}
    # Calls of layers before this wiring must not be counted.
    begin = {name: len(op._inbound_nodes) if not isinstance(op, InputLayer) else 0 for name, op in operations.items()}
    of_keras_2 = any(isinstance(call, list) for entry in entries for call in entry.get("inbound_nodes") or [])
    # Keras 2 counts the calls of nested models from 1 everywhere.
    from_1 = {name for name, op in operations.items() if of_keras_2 and getattr(op, "_graph", None) is not None}
    waiting = [(entry["name"], _today(call)) for entry in entries for call in entry.get("inbound_nodes") or []]

    def tensor(history: Any) -> KerasTensor | None:
        name, index, position = history[:3]
        if name not in operations:
            raise ValueError(f"Missing node: {name}. The model's config refers to this layer, but does not contain it.")
        nodes = operations[name]._inbound_nodes[begin[name] :]
        index -= index > 0 and name in from_1
        return nodes[index].output_tensors[position] if index < len(nodes) else None

    def end(history: Any) -> KerasTensor | None:
        name, index, position = history[:3]
        nested = not of_keras_2 and index > 0 and _is_functional(operations.get(name))
        return tensor([name, index - nested, position])

    while waiting:
        left = []
        blocked: set[str] = set()
        for name, call in waiting:
            # The calls of one layer must be made in order: configs refer to them by number.
            arguments = None if name in blocked else _arguments(call, tensor)
            if arguments is None:
                blocked.add(name)
                left.append((name, call))
            else:
                args, kwargs = made[name][1](*arguments) if name in made else arguments
                # A call without a tensor of the model would be computed at once, not wired.
                if not any_symbolic(tuple(args), kwargs):
                    raise ValueError(
                        f"The model's config is broken: it calls {name!r} on no tensor of the model. A call in a graph "
                        "takes at least one tensor."
                    )
                serialize.claim_objects(1, f"The call of {name!r}")
                operations[name](*args, **kwargs)
        if len(left) == len(waiting):
            raise ValueError(
                f"The model's config is broken: no call makes the inputs of layer {left[0][0]!r}. The layers "
                f"{[name for name, _ in left]} depend on each other in a cycle."
            )
        waiting = left
    places = [config[key] for key in ("input_layers", "output_layers")]
    if of_keras_2:
        # Keras 2 writes a list around a single tensor too.
        places = [p[0] if isinstance(p, list) and len(p) == 1 and isinstance(p[0], list) else p for p in places]
    inputs, outputs = _map_places(tensor, places[0]), _map_places(end, places[1])
    model = cls(inputs=inputs, outputs=outputs, name=config.get("name"))
    if not config.get("trainable", True):
        model.trainable = False
    return model


def _named(entry: dict) -> dict:
    config = entry["config"]
    if entry.get("class_name") == "InputLayer" and "batch_input_shape" in config:  # Keras 2's name
        config = {"batch_shape" if k == "batch_input_shape" else k: v for k, v in config.items()}
        entry = entry | {"config": config}
    return entry if "name" in entry else entry | {"name": config["name"]}


def _operation_from(entry: dict) -> tuple[Operation, Any]:
    """Return the operation of an entry, and a function that adapts the arguments of its calls."""
    if entry["class_name"] == "FunctionOperation":
        function = serialize.deserialize_keras_object(entry["config"]["function"])
        return FunctionOperation(function, name=entry["config"]["name"]), _unchanged
    if keras_operations.is_function(entry):
        return keras_operations.read(entry)
    operation = serialize.deserialize_keras_object(entry)
    if not isinstance(operation, Operation):
        raise ValueError(f"{entry['name']!r} in the model's config is a {type(operation).__name__}, not a layer.")
    return operation, _unchanged


def _today(call: Any) -> dict:
    """Return a call in Keras 3's form; Keras 2's is a list of ``[layer, node, tensor, more arguments]``."""
    if isinstance(call, dict):
        return call
    tensors = [_reference(place) for place in ([call] if isinstance(call[0], str) else call)]
    more: dict = next((place[3] for place in call if isinstance(place, list) and len(place) > 3), {})
    kwargs = {k: _reference(v) if _is_reference(v) else v for k, v in more.items()}
    return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": kwargs}


def _is_reference(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int)


def _reference(place: list) -> dict:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": place[:3]}}


class _NotYet(Exception):
    pass


def _arguments(call: dict, tensor: Tensor) -> tuple | None:
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


def _map_places(tensor: Tensor, places: Any) -> Any:
    """Return the tensors of places ``[name, node, tensor]``, nested in lists and dicts."""
    if isinstance(places, dict):
        return {k: _map_places(tensor, v) for k, v in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        return tensor(places)
    return type(places)(_map_places(tensor, p) for p in places)
