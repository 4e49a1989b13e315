"""`keras.src.saving.saving_lib` and `.legacy_h5_format`: reading and writing by the names of Keras's inside."""

import os

from kernelkit import saving, serialize
from kernelkit.saving import deserialize_keras_object, load_model, save_model, serialize_keras_object  # noqa: F401

_METADATA_FILENAME, _CONFIG_FILENAME, _VARS_FNAME = "metadata.json", "config.json", "model.weights"


def save_weights_only(model, filepath, max_shard_size=None, objects_to_skip=None):
    """Write weights."""
    saving.save_weights(model, filepath, max_shard_size=max_shard_size, objects_to_skip=objects_to_skip or ())


def load_weights_only(model, filepath, skip_mismatch=False, objects_to_skip=None):
    """Read weights."""
    saving.load_weights(model, filepath, skip_mismatch=skip_mismatch, objects_to_skip=objects_to_skip or ())


def save_model_to_hdf5(model, filepath, overwrite=True, include_optimizer=True):
    """Write a whole model in the format of Keras 2."""
    model.save(filepath, overwrite=overwrite, include_optimizer=include_optimizer)


def load_model_from_hdf5(filepath, custom_objects=None, compile=True, safe_mode=None):
    """Read a whole model in the format of Keras 2."""
    trusted = safe_mode is False
    return saving.load_model(os.fspath(filepath), custom_objects=custom_objects, compile=compile, safe_mode=not trusted)


def SafeModeScope(safe_mode):
    """The block in which configs are read, for somebody who trusts them or not."""
    return serialize.loading(safe_mode=safe_mode)
