"""Fashion-MNIST: 70,000 pictures of clothes."""

from __future__ import annotations

import gzip
import math
import zlib

import numpy as np

from kernelkit.datasets.files import fetch

_LARGEST = 1 << 30


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return Fashion-MNIST, downloaded the first time.

    The classes, from 0 to 9: T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``: uint8 images (60000, 28, 28) and (10000, 28, 28) from 0 to 255, and
        uint8 classes.

    Source: Xiao et al., 2017, Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> y_test.shape  # doctest: +SKIP
        (10000,)
    """
    parts = [
        _read_idx(fetch(f"fashion_{part}_{what}", folder="datasets/fashion-mnist"))
        for part in ("train", "test")
        for what in ("images", "labels")
    ]
    return (parts[0], parts[1]), (parts[2], parts[3])


def _read_idx(path: str) -> np.ndarray:
    """Return the array of a compressed IDX file: two zeros, type, rank, sizes (big-endian), bytes."""
    try:
        with gzip.open(path) as file:
            kind = file.read(4)
            if len(kind) < 4 or kind[:3] != b"\0\0\x08" or not 1 <= kind[3] <= 4:
                raise ValueError("its first bytes are not those of an IDX file.")
            shape = [int.from_bytes(file.read(4), "big") for _ in range(kind[3])]
            if math.prod(shape) > _LARGEST:
                raise ValueError(f"its header declares the shape {shape}.")
            data = file.read(math.prod(shape) + 1)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if len(data) != math.prod(shape):
        raise ValueError(f"{path} declares the shape {shape}, but does not hold as many bytes.")
    return np.frombuffer(data, "uint8").reshape(shape).copy()
