"""Copies of models: the same wiring, new weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kernelkit import config, serialize, tree
from kernelkit.layers.layer import Layer
from kernelkit.recording import FunctionOperation
from kernelkit.saving.reading import reading


def clone_model(
    model: Any,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable | None = None,
    recursive: bool = False,
    **kwargs: Any,
) -> Any:
    """Return a model of the same layers and wiring, with new weights. Without other arguments, it is compiled alike.

    Args:
        model: A Sequential or functional model, or a subclassed model with a config.
        input_tensors: Symbolic tensors to wire the copy to, nested as ``model.input``.
        clone_function: Function of a layer that returns its copy; it is not called with input layers.
        call_function: Called as ``(layer, *args, **kwargs)`` in place of each layer's call in a functional model;
            returns the call's outputs.
        recursive: Whether the functions are also applied inside nested models.
        **kwargs: Not supported.

    Raises:
        ValueError: If a function is given for a model without wiring, or ``input_tensors`` don't fit.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3)])
        >>> kk.models.clone_model(model).count_params()
        9
    """
    if kwargs:
        raise TypeError(f"clone_model() got unknown arguments {sorted(kwargs)}.")
    # A model in memory is trusted already: lambdas are copied, and layers keep their learned vocabularies.
    with serialize.standing_alone(is_copy=True), serialize.loading(safe_mode=False):
        return _cloned(model, input_tensors, clone_function, call_function, recursive)


def _cloned(
    model: Any,
    input_tensors: Any,
    clone_function: Callable[[Layer], Layer] | None,
    call_function: Callable | None,
    recursive: bool,
) -> Any:
    from kernelkit.models.sequential import Sequential

    if input_tensors is None and clone_function is None and call_function is None:
        clone = type(model).from_config(model.get_config())
        if model.compiled:
            clone.compile_from_config(model.get_compile_config())
        return clone
    copy = _copier(clone_function or _again, call_function, recursive)
    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError("clone_model(call_function=...) works with functional models, not with Sequential.")
        if input_tensors is None and model._input_layer is not None:
            begin = [_again(model._input_layer)]
        else:
            begin = [] if input_tensors is None else tree.flatten(input_tensors)
        return Sequential([*begin, *(copy(layer) for layer in model.layers)], name=model.name)
    if model._graph is None:
        raise ValueError(
            "clone_model() with input_tensors or a function works with Sequential and functional models; a subclassed "
            "model has no wiring."
        )
    return _rewire(model, input_tensors, copy, call_function)


def _again(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())


def _copier(clone_function: Callable, call_function: Callable | None, recursive: bool) -> Callable:
    """Return a function that copies a layer, or a nested model layer by layer."""

    def copy(layer: Any) -> Layer:
        if recursive and hasattr(layer, "get_layer") and (layer._graph is not None or hasattr(layer, "_stack")):
            inner = None if hasattr(layer, "_stack") else call_function
            return clone_model(layer, clone_function=clone_function, call_function=inner, recursive=True)
        made = clone_function(layer)
        if not isinstance(made, Layer):
            raise ValueError(f"clone_function must return a layer, got {made!r} for {layer.name!r}.")
        return made

    return copy


def _rewire(model: Any, input_tensors: Any, copy: Callable, call_function: Callable | None) -> Any:
    """Repeat the calls of a functional model on copies of its layers."""
    graph = model._graph
    if input_tensors is None:
        inputs = tree.map_structure(lambda t: _again(graph.input_layer(t)).output, graph.inputs_struct)
    else:
        inputs = input_tensors
        single = not tree.is_nested(graph.inputs_struct) and tree.is_nested(inputs) and len(tree.flatten(inputs)) == 1
        inputs = tree.flatten(inputs)[0] if single else inputs
        try:
            tree.assert_same_structure(graph.inputs_struct, inputs)
        except ValueError as error:
            raise ValueError(f"`input_tensors` must have the same structure as model.input. {error}") from None
    values = {id(old): new for old, new in zip(graph.inputs, tree.flatten(inputs), strict=True)}
    copies: dict[int, Any] = {}
    for node in graph.nodes:
        old = node.operation
        is_layer = isinstance(old, Layer)
        if id(old) not in copies:
            copies[id(old)] = copy(old) if is_layer else FunctionOperation(old.function)
        args, kwargs = node.fill_in(values)
        call = call_function is not None and is_layer
        outputs = call_function(copies[id(old)], *args, **kwargs) if call else copies[id(old)](*args, **kwargs)  # type: ignore[misc]
        values |= {id(t): v for t, v in zip(node.output_tensors, tree.flatten(outputs), strict=True)}
    outputs = tree.map_structure(lambda t: values[id(t)], graph.outputs_struct)
    clone = type(model)(inputs=inputs, outputs=outputs, name=model.name)
    if not model.trainable:
        clone.trainable = False
    return clone


def model_from_json(json_string: str, custom_objects: dict | None = None) -> Any:
    """Make a model, with new weights, from ``model.to_json()``.

    Args:
        json_string: The text. It may be untrusted: its names, size and memory are limited, as in
            :func:`load_model`.
        custom_objects: Names of classes and functions that are not registered.

    Returns:
        The model.

    Raises:
        ValueError: If the text is not the config of a model, or exceeds the limits.

    Example:
        >>> import kernelkit as kk
        >>> text = kk.Sequential([kk.Input((3,)), kk.layers.Dense(2)]).to_json()
        >>> kk.models.model_from_json(text).output_shape
        (None, 2)
    """
    is_trusted = config.is_unsafe_deserialization_enabled()
    with reading("The text"), serialize.sharing(), serialize.loading(safe_mode=not is_trusted):
        described = serialize.parse_config(json_string, "The text", is_trusted=is_trusted)
        return serialize.deserialize_keras_object(described, custom_objects)
