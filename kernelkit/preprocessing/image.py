"""Images between files, Pillow and arrays, under the old name ``keras.preprocessing.image``."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit import ops
from kernelkit.preprocessing.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)
from kernelkit.preprocessing.image_data_generator import ImageDataGenerator
from kernelkit.preprocessing.iterators import DataFrameIterator, DirectoryIterator, Iterator, NumpyArrayIterator
from kernelkit.typing import Tensor
from kernelkit.utils.images import array_to_img, img_to_array, load_img, save_img

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]


def smart_resize(
    x: Tensor,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Return images in another size without distortion; images with other proportions are cropped.

    Args:
        x: Image or batch of images.
        size: ``(height, width)`` in pixels.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        **kwargs: Not supported.

    Returns:
        Images; a NumPy array, if ``x`` is a NumPy array.

    Raises:
        ValueError: If ``size`` is not a pair, or ``x`` does not have the shape of images.

    Example:
        >>> smart_resize(np.ones((8, 12, 3)), (4, 4)).shape
        (4, 4, 3)
    """
    if kwargs:
        raise TypeError(f"smart_resize() got unknown arguments {sorted(kwargs)}.")
    if not hasattr(size, "__len__") or len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, (height, width), but got: {size}.")
    if len(x.shape) not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, width, "
            f"channels)`, but got input with incorrect rank, of shape {tuple(x.shape)}."
        )
    result = ops.image.resize(x, size, interpolation=interpolation, data_format=data_format, crop_to_aspect_ratio=True)
    return np.asarray(result) if isinstance(x, np.ndarray) else result
