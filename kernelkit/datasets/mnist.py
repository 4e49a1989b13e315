"""MNIST: 70,000 handwritten digits."""

from __future__ import annotations

import numpy as np

from kernelkit.datasets import npz
from kernelkit.datasets.files import fetch


def load_data(path: str = "mnist.npz") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return MNIST, downloaded the first time.

    Args:
        path: Name of the file in the cache.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: uint8 images (60000, 28, 28) and (10000, 28, 28) from 0 to 255, and
        uint8 digits.

    Source: LeCun et al., 1998, Gradient-based learning applied to document recognition.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape  # doctest: +SKIP
        (60000, 28, 28)
    """
    found = npz.read(fetch("mnist", path), "x_train", "y_train", "x_test", "y_test")
    return (found[0], found[1]), (found[2], found[3])
