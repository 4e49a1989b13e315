"""The files of CIFAR-10 and CIFAR-100."""

from __future__ import annotations

import os

import numpy as np

from kernelkit import config
from kernelkit.datasets import pickles

_SHAPE = (3, 32, 32)


def read_batch(folder: str, name: str, label_key: str = "labels") -> tuple[np.ndarray, np.ndarray]:
    """Return the images (n, 3, 32, 32), uint8, and labels (n,), int64, of a batch file.

    Args:
        folder: Folder of the file.
        name: Name of the file.
        label_key: Key of the labels in the file.

    Raises:
        ValueError: If the file is broken.
    """
    path = os.path.join(folder, name)
    with open(path, "rb") as file:
        found = pickles.loads(file.read(), path, encoding="bytes")
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds no images.")
    found = {key.decode("utf8", "replace") if isinstance(key, bytes) else key: value for key, value in found.items()}
    images, labels = pickles.numbers(found.get("data"), path), found.get(label_key)
    if not isinstance(labels, list) or images.shape != (len(labels), 3072) or images.dtype != np.uint8:
        raise ValueError(f"{path} does not hold images of {_SHAPE} with one label each.")
    if not all(type(label) is int and 0 <= label < 256 for label in labels):
        raise ValueError(f"{path} holds labels that are not integers in the range of the classes.")
    return images.reshape(-1, *_SHAPE), np.array(labels, "int64")


def arranged(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return images in the layout of the settings, and labels (n, 1)."""
    last = config.image_data_format() == "channels_last"
    return images.transpose(0, 2, 3, 1) if last else images, labels.reshape(-1, 1)
