"""Helpers for training: data from files and arrays, downloads, images, labels, pictures of models."""

from kernelkit.config import disable_interactive_logging, enable_interactive_logging, is_interactive_logging_enabled
from kernelkit.dtypes import standardize_dtype
from kernelkit.feeds.py_dataset import PyDataset
from kernelkit.public import names_of as _names_of
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
from kernelkit.symbolic import is_keras_tensor
from kernelkit.utils import bounding_boxes, legacy
from kernelkit.utils.audio_dataset import audio_dataset_from_directory
from kernelkit.utils.config import Config
from kernelkit.utils.dataset import Dataset
from kernelkit.utils.download import get_file
from kernelkit.utils.feature_space import FeatureSpace
from kernelkit.utils.image_dataset import image_dataset_from_directory
from kernelkit.utils.images import array_to_img, img_to_array, load_img, save_img
from kernelkit.utils.labels import normalize, to_categorical
from kernelkit.utils.plotting import model_to_dot, plot_model
from kernelkit.utils.progbar import Progbar
from kernelkit.utils.sequences import pad_sequences
from kernelkit.utils.session import clear_session
from kernelkit.utils.splitting import split_dataset
from kernelkit.utils.tensors import get_source_inputs, pack_x_y_sample_weight, unpack_x_y_sample_weight
from kernelkit.utils.text_dataset import text_dataset_from_directory
from kernelkit.utils.timeseries import timeseries_dataset_from_array

Sequence = PyDataset

__all__ = [
    "Config",
    "CustomObjectScope",
    "Dataset",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "legacy",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

__dir__ = _names_of(globals())
