"""Resizing single images with NumPy: files have many sizes, and jax would compile a program for each."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

_WHOLE = 2**24
"""Numbers of an image that are converted to floats at once; larger images are converted in bands of rows."""


def resize(image: np.ndarray, size: tuple[int, int], interpolation: str = "bilinear") -> np.ndarray:
    """Return an image in another size; pixels are averaged over the kernel's own width only (no antialiasing).

    Args:
        image: Numbers (height, width, channels).
        size: ``(height, width)`` of the result.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"area"``, ``"lanczos3"``, ``"lanczos5"``,
            ``"gaussian"`` or ``"mitchellcubic"``.

    Returns:
        float32 (height, width, channels).

    Raises:
        ValueError: If the interpolation is not known.

    Example:
        >>> resize(np.array([[[0.0], [4.0]]]), (1, 4)).ravel()
        array([0., 1., 3., 4.], dtype=float32)
    """
    if interpolation not in ("nearest", "area", *_KERNELS):
        raise ValueError(f"interpolation must be one of {['nearest', 'area', *_KERNELS]}, got {interpolation!r}.")
    image = np.asarray(image)
    height, width, channels = image.shape
    if interpolation == "nearest":
        rows, columns = (((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(size, (height, width), strict=True))
        return image[rows][:, columns].astype("float32")
    if (height, width) == tuple(size):
        return image.astype("float32")
    down = _rows_weighed(_weights(height, size[0], interpolation), image.reshape(height, width * channels))
    across = down.reshape(size[0], width, channels).transpose(1, 0, 2).reshape(width, size[0] * channels)
    across = _weights(width, size[1], interpolation) @ across
    return np.ascontiguousarray(across.reshape(size[1], size[0], channels).transpose(1, 0, 2))


def _rows_weighed(weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the product of weights (new, old) and rows (old, n); rows of a large image are small integers."""
    if rows.size <= _WHOLE:
        return weights @ rows.astype("float32")
    used = np.flatnonzero(weights.any(axis=0))  # few rows, if the image becomes much smaller
    total = np.zeros((len(weights), rows.shape[1]), "float32")
    band = max(1, _WHOLE // rows.shape[1])
    for first in range(0, len(used), band):
        some = used[first : first + band]
        total += weights[:, some] @ rows[some].astype("float32")
    return total


@functools.lru_cache(maxsize=256)
def _weights(old: int, new: int, interpolation: str) -> np.ndarray:
    """Return the matrix (new, old) that resizes a line of pixels."""
    if interpolation == "area":
        edges = np.arange(new + 1) * old / new
        lows, highs = edges[:-1, None], edges[1:, None]
        overlap = np.minimum(highs, np.arange(1, old + 1)) - np.maximum(lows, np.arange(old))
        weights = np.maximum(overlap, 0)
    else:
        places = (np.arange(new) + 0.5) * old / new - 0.5
        weights = _KERNELS[interpolation](np.abs(places[:, None] - np.arange(old)))
    return (weights / weights.sum(1, keepdims=True)).astype("float32")


def _cubic(x: np.ndarray, b: float, c: float) -> np.ndarray:
    """Source: Mitchell and Netravali, 1988, Reconstruction filters in computer graphics."""
    near = ((12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + (6 - 2 * b)) / 6
    far = ((-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x + (8 * b + 24 * c)) / 6
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos(x: np.ndarray, radius: int) -> np.ndarray:
    return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0.0)


_KERNELS: dict[str, Any] = {
    "bilinear": lambda x: np.maximum(1 - x, 0),
    "bicubic": lambda x: _cubic(x, 0.0, 0.5),
    "lanczos3": lambda x: _lanczos(x, 3),
    "lanczos5": lambda x: _lanczos(x, 5),
    "gaussian": lambda x: np.where(x < 1.5, np.exp(-2 * x**2), 0.0),
    "mitchellcubic": lambda x: _cubic(x, 1 / 3, 1 / 3),
}
