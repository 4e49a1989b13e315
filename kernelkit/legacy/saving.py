"""Keras 2's format of configs, under the name ``keras.legacy.saving``."""

from kernelkit.utils.legacy import deserialize_keras_object, serialize_keras_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]
