"""Small helpers around training: seeds, labels, sequences."""

from kernelkit.random import set_random_seed
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
from kernelkit.utils.labels import normalize, to_categorical
from kernelkit.utils.sequences import pad_sequences
from kernelkit.utils.session import clear_session

__all__ = [
    "CustomObjectScope",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
]
