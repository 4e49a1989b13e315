"""The config of a whole model: made, read, and turned into a model with its optimizer."""

from __future__ import annotations

from typing import Any

from kernelkit import serialize
from kernelkit.layers.layer import Layer
from kernelkit.saving.reading import Wishes

KERAS_VERSION = "3.15.1"
"""The version of Keras in whose format files are written."""
# A model may take four times the bytes of the weights in its file, plus this: room for variables that aren't saved.
_MEMORY_PER_BYTE = 4
_FREE_MEMORY = 64 << 20


def described(model: Any) -> dict[str, Any]:
    """Return a model's config, with the arguments of `compile`."""
    with serialize.sharing():
        config = serialize.serialize_keras_object(model)
        compiled = model.get_compile_config() if hasattr(model, "get_compile_config") else None
        config["compile_config"] = compiled or {}
    return config


def parsed(who: str, text: bytes, weights_size: int, wishes: Wishes) -> dict[str, Any]:
    """Return a model's config from its text.

    Raises:
        ValueError: If the text is not JSON, too large, or not the config of a model.
    """
    config = serialize.parse_config(text, who, weights_size, is_trusted=not wishes.safe_mode)
    if not isinstance(config, dict) or "class_name" not in config or not isinstance(config.get("config"), dict):
        raise ValueError(f"{who}: its config describes no model.")
    return config


def memory_for(weights_size: int) -> int:
    """Return the bytes that the model of a file may take."""
    return _FREE_MEMORY + _MEMORY_PER_BYTE * weights_size


def model_from(who: str, config: dict[str, Any], wishes: Wishes, weights_size: int) -> Any:
    """Make the model of a config, with new weights; compiled if the config and the caller say so.

    Args:
        who: Name of the file in errors.
        config: Result of :func:`described`.
        wishes: The arguments of ``load_model``.
        weights_size: Bytes of the weights in the file.

    Raises:
        ValueError: If the config describes no model, or a model larger than the weights in the file.
    """
    compile_config = config.pop("compile_config", None)
    names = serialize.CustomObjectScope(wishes.custom_objects)
    with names, serialize.loading(wishes.safe_mode, memory_for(weights_size)), serialize.sharing():
        model = serialize.deserialize_keras_object(config)
        if not isinstance(model, Layer):
            raise ValueError(f"{who} holds a {type(model).__name__}, not a model.")
        if wishes.compile and compile_config and hasattr(model, "compile_from_config"):
            try:
                model.compile_from_config(compile_config)
            except (ValueError, TypeError) as error:
                error.add_note("load_model(..., compile=False) loads the model without its loss and optimizer.")
                raise
    build_optimizer(model)
    return model


def build_optimizer(model: Any) -> None:
    """Make the variables of a model's optimizer, if the model has weights."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built and model.built:
        optimizer.build(model.trainable_variables)
