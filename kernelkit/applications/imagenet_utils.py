"""Prepare images for networks trained on ImageNet, and name ImageNet's classes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kernelkit import config, ops
from kernelkit.typing import Tensor
from kernelkit.utils.download import get_file

__all__ = ["decode_predictions", "preprocess_input"]

CLASS_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
CLASS_INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"
# The mean and the standard deviation of ImageNet's red, green and blue, from 0 to 1.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The mean that the authors of VGG subtract, in blue, green and red from 0 to 255.
CAFFE_MEAN = (103.939, 116.779, 123.68)

_classes: list[list[str]] = []


def preprocess_input(x: Tensor, data_format: str | None = None, mode: str = "caffe") -> Tensor:
    """Return images scaled as in the training of the networks.

    Args:
        x: Images (height, width, 3) or (batch, height, width, 3), from 0 to 255; a symbolic tensor, too.
        data_format: ``"channels_last"`` or ``"channels_first"``; the setting by default.
        mode: ``"caffe"``: blue, green, red, their mean subtracted; ``"tf"``: from -1 to 1; ``"torch"``: from 0 to 1,
            the mean subtracted and divided by the standard deviation.

    Returns:
        Float images; a new NumPy array, if ``x`` is a NumPy array.

    Raises:
        ValueError: If the mode is unknown.

    Example:
        >>> preprocess_input(np.full((1, 1, 3), 255.0), mode="tf").tolist()
        [[[1.0, 1.0, 1.0]]]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}")
    first = config.standardize_data_format(data_format) == "channels_first"
    is_numpy = isinstance(x, np.ndarray)
    dtype = config.floatx()
    if is_numpy:
        x = x.astype(dtype) if not np.issubdtype(x.dtype, np.floating) else x
    elif not config_is_float(x):
        x = ops.cast(x, dtype)
    if mode == "tf":
        return x / 127.5 - 1.0
    channel_axis = (-3 if first else -1) + len(x.shape)
    if mode == "caffe":
        x = np.flip(x, channel_axis) if is_numpy else ops.flip(x, channel_axis)
        return x - _along(CAFFE_MEAN, first, x)
    return (x / 255.0 - _along(MEAN, first, x)) / _along(DEVIATION, first, x)


def config_is_float(x: Tensor) -> bool:
    """Return whether an array or a symbolic tensor holds floats."""
    return "float" in str(x.dtype)


def _along(values: tuple, first: bool, x: Tensor) -> np.ndarray:
    array = np.asarray(values, dtype=str(x.dtype))
    return array.reshape(-1, 1, 1) if first else array


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Return the likeliest classes of each image.

    Args:
        preds: Array (images, 1000) of the likelihoods of ImageNet's classes.
        top: Number of classes to return for each image.

    Returns:
        For each image a list of ``(WordNet's number, name, likelihood)``, the likeliest first.

    Raises:
        ValueError: If the array has another shape.

    Example:
        >>> import numpy as np
        >>> from kernelkit.applications import convnext
        >>> convnext.decode_predictions(np.eye(1000)[[207]], top=1)  # doctest: +SKIP
        [[('n02099601', 'golden_retriever', 1.0)]]
    """
    preds = ops.convert_to_numpy(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, 1000)). Received "
            f"array with shape: {preds.shape}"
        )
    if not _classes:
        path = get_file("imagenet_class_index.json", CLASS_INDEX, cache_subdir="models", file_hash=CLASS_INDEX_MD5)
        with open(path, encoding="utf-8") as file:
            table = json.load(file)
        _classes.extend(table[str(i)] for i in range(1000))
    best = np.argsort(preds, axis=1)[:, ::-1][:, :top]
    return [[(*_classes[i], row[i]) for i in indices] for row, indices in zip(preds, best, strict=True)]
