"""Saving and loading models, and registering your own classes so that a load finds them."""

from kernelkit.public import names_of as _names_of
from kernelkit.saving.file_editor import KerasFileEditor
from kernelkit.saving.model_file import load_model, load_weights, save_model, save_weights
from kernelkit.serialize import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

__dir__ = _names_of(globals())
