"""Convert batches of images to bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit import config


def as_bytes(
    images: Any, data_format: str | None, who: str, value_range: tuple[float, float] | None = None
) -> np.ndarray:
    """Return a copy of images as uint8 (batch, height, width, channels).

    Args:
        images: An array of numbers with four axes.
        data_format: The layout of the images. Default: the global setting.
        who: The public function, for error messages.
        value_range: Values of black and white. ``None`` infers them: floats up to 1 are scaled.

    Raises:
        ValueError: If the images do not have four axes.
    """
    layout = config.standardize_data_format(data_format)
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(f"{who}(): `images` must be batched 4D tensor. Received: images.shape={images.shape}")
    if layout == "channels_first":
        images = images.transpose(0, 2, 3, 1)
    if value_range is None:
        stretched = images.dtype.kind == "f" and images.max(initial=0) <= 1
        value_range = (0, 1) if stretched else (0, 255)
    if images.dtype == np.uint8 and tuple(value_range) == (0, 255):
        return images.copy()
    low, high = value_range
    values = (images.astype("float32") - low) / (high - low) * 255
    return np.clip(np.round(values), 0, 255).astype("uint8")


def as_given(images: np.ndarray, data_format: str | None) -> np.ndarray:
    """Return images (batch, height, width, channels) in the layout ``data_format``."""
    first = config.standardize_data_format(data_format) == "channels_first"
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if first else images
