"""CIFAR-10: 60,000 color pictures of ten kinds of things."""

from __future__ import annotations

import os

import numpy as np

from kernelkit.datasets.cifar import arranged, read_batch
from kernelkit.datasets.files import fetch


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return CIFAR-10, downloaded the first time.

    The classes, from 0 to 9: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: uint8 images (50000, 32, 32, 3) and (10000, 32, 32, 3), channels first
        under that setting, and classes (n, 1), uint8 for training and int64 for testing as in Keras.

    Source: Krizhevsky, 2009, Learning multiple layers of features from tiny images.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (50000, 1))
    """
    folder = os.path.join(fetch("cifar10", "cifar-10-batches-py-target", extract=True), "cifar-10-batches-py")
    parts = [read_batch(folder, f"data_batch_{i}") for i in range(1, 6)]
    images, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return arranged(images, labels.astype("uint8")), arranged(*read_batch(folder, "test_batch"))
