"""Copies of models: the same wiring, new weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kernelkit import serialize
from kernelkit.layers.layer import Layer


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Return a model of the same layers and wiring, with weights of its own.

    Args:
        model: A Sequential or functional model, or a subclassed model with a config.
        input_tensors: Not supported; wire a new model and call the copy on the tensors.
        clone_function: Called with each layer (inputs left out), returns the layer that takes its place.
        call_function: Not supported.
        recursive: Whether ``clone_function`` is also applied inside nested models.
        **kwargs: Refused.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3)])
        >>> kk.models.clone_model(model).count_params()
        9
    """
    if kwargs:
        raise TypeError(f"clone_model() got unknown arguments {sorted(kwargs)}.")
    if input_tensors is not None or call_function is not None:
        raise NotImplementedError(
            "clone_model() supports neither input_tensors nor call_function. Clone the model, then call the copy."
        )
    if clone_function is None:
        return type(model).from_config(model.get_config())
    if model._graph is None:
        raise ValueError(
            "clone_function works with Sequential and functional models; a subclassed model has no wiring."
        )
    made: dict[str, Any] = {}
    for layer in model.layers:
        if recursive and hasattr(layer, "_graph") and layer._graph is not None:
            made[layer.name] = clone_model(layer, clone_function=clone_function, recursive=True)
        elif type(layer).__name__ != "InputLayer":
            made[layer.name] = clone_function(layer)
            if not isinstance(made[layer.name], Layer):
                raise ValueError(f"clone_function must return a layer, got {made[layer.name]!r} for {layer.name!r}.")
    from kernelkit.models.sequential import Sequential

    if isinstance(model, Sequential):
        begin = [type(model._input_layer).from_config(model._input_layer.get_config())] if model._input_layer else []
        return Sequential([*begin, *made.values()], name=model.name)
    from kernelkit.models.graph_config import graph_config, graph_from_config

    return graph_from_config(type(model), graph_config(model), replacements=made)


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Any:
    """Make a model, with new weights, from ``model.to_json()``.

    Args:
        json_string: The text.
        custom_objects: Names of classes and functions that are not registered.
    """
    with serialize.sharing():
        return serialize.deserialize_keras_object(json.loads(json_string), custom_objects)
