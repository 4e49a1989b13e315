"""CIFAR-100: 60,000 color pictures of a hundred kinds of things."""

from __future__ import annotations

import os

import numpy as np

from kernelkit.datasets.cifar import arranged, read_batch
from kernelkit.datasets.files import fetch


def load_data(label_mode: str = "fine") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return CIFAR-100, downloaded the first time.

    Args:
        label_mode: ``"fine"`` for the 100 classes, ``"coarse"`` for the 20 groups of classes.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: uint8 images (50000, 32, 32, 3) and (10000, 32, 32, 3), channels first
        under that setting, and int64 classes (n, 1).

    Raises:
        ValueError: If the label mode is unknown.

    Source: Krizhevsky, 2009, Learning multiple layers of features from tiny images.

    Example:
        >>> load_data("all")
        Traceback (most recent call last):
        ValueError: `label_mode` must be one of "fine", "coarse". Received: label_mode='all'.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'`label_mode` must be one of "fine", "coarse". Received: label_mode={label_mode!r}.')
    folder = os.path.join(fetch("cifar100", "cifar-100-python-target", extract=True), "cifar-100-python")
    train, test = (arranged(*read_batch(folder, name, f"{label_mode}_labels")) for name in ("train", "test"))
    return train, test
