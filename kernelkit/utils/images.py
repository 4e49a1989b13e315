"""Conversion of images between files, Pillow and arrays."""

from __future__ import annotations

import io
import os
import warnings
from typing import Any

import numpy as np

from kernelkit import config
from kernelkit.typing import DType, PathLike, Tree

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_FILTERS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")


def pillow() -> Any:
    """Return the module `PIL.Image`.

    Raises:
        ImportError: If Pillow is not installed; the message says how to install it.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("Reading and writing images needs Pillow: pip install pillow.") from error
    return Image


def load_img(
    path: PathLike,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Return the image in a file as a Pillow image.

    Args:
        path: Path, or an open file.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        target_size: ``(height, width)`` to resize to.
        interpolation: ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos"``, ``"box"`` or ``"hamming"``.
        keep_aspect_ratio: Whether the image is first cropped around its center to the aspect ratio of ``target_size``.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If the color mode or the interpolation is not known.
        TypeError: If ``path`` is neither a path nor a file.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> array_to_img(np.zeros((2, 3, 1))).save(file, "PNG")
        >>> load_img(file, target_size=(4, 4)).size
        (4, 4)
    """
    image_module = pillow()
    if color_mode not in _MODES:
        raise ValueError(f'color_mode must be "grayscale", "rgb", or "rgba". Received: color_mode={color_mode}')
    if not isinstance(path, (str, os.PathLike, io.IOBase)):
        raise TypeError(f"path should be a path-like object or io.BytesIO, not {type(path)}.")
    with image_module.open(path) as file:
        image = file if color_mode == "grayscale" and file.mode.startswith("I") else file.convert(_MODES[color_mode])
        image.load()
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    if interpolation not in _FILTERS:
        raise ValueError(
            f"Invalid interpolation method {interpolation!r}. Supported methods are {', '.join(_FILTERS)}."
        )
    height, width = target_size
    box = _central_box(image.size, (width, height)) if keep_aspect_ratio else None
    return image.resize((width, height), getattr(image_module.Resampling, interpolation.upper()), box=box)


def _central_box(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest central box with the target's aspect ratio; sizes are (width, height)."""
    width, height = size
    crop_width = min(width, height * target[0] // target[1])
    crop_height = min(height, width * target[1] // target[0])
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height


def img_to_array(img: Any, data_format: str | None = None, dtype: DType = None) -> np.ndarray:
    """Return a Pillow image as an array.

    Args:
        img: Pillow image, or an array (height, width) or (height, width, channels).
        data_format: ``"channels_last"``, ``"channels_first"``; the setting by default.
        dtype: Dtype; the setting ``floatx`` by default.

    Returns:
        Array of three axes.

    Raises:
        ValueError: If the image has another number of axes.

    Example:
        >>> img_to_array(array_to_img(np.ones((2, 3, 3)))).shape
        (2, 3, 3)
    """
    layout = config.standardize_data_format(data_format)
    array = np.array(img, dtype=dtype or config.floatx())
    if array.ndim == 2:
        return array[None] if layout == "channels_first" else array[..., None]
    if array.ndim != 3:
        raise ValueError(f"Unsupported image shape: {array.shape}. An image has two or three axes.")
    return array.transpose(2, 0, 1) if layout == "channels_first" else array


def array_to_img(x: Tree, data_format: str | None = None, scale: bool = True, dtype: DType = None) -> Any:
    """Return an array as a Pillow image.

    Args:
        x: Numbers (height, width, channels) with 1, 3 or 4 channels.
        data_format: ``"channels_last"``, ``"channels_first"``; the setting by default.
        scale: Whether values are stretched to the range from 0 to 255; otherwise they must lie in it.
        dtype: Dtype to compute in; the setting ``floatx`` by default.

    Raises:
        ImportError: If Pillow is not installed.
        ValueError: If the array doesn't have the shape of an image.

    Example:
        >>> array_to_img(np.zeros((2, 3, 1))).size
        (3, 2)
    """
    image_module = pillow()
    layout = config.standardize_data_format(data_format)
    x = np.asarray(x, dtype=dtype or config.floatx())
    if x.ndim != 3:
        raise ValueError(
            f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}. For a batch, call "
            "this for each image."
        )
    if layout == "channels_first":
        x = x.transpose(1, 2, 0)
    if scale:
        x = x - x.min()
        largest = x.max()
        x = x / largest * 255 if largest != 0 else x
    channels = x.shape[2]
    if channels in (3, 4):
        return image_module.fromarray(x.astype("uint8"), "RGB" if channels == 3 else "RGBA")
    if channels != 1:
        raise ValueError(f"Unsupported channel number: {channels}. An image has 1, 3 or 4 channels.")
    if x.max() > 255:
        return image_module.fromarray(x[:, :, 0].astype("int32"), "I")
    return image_module.fromarray(x[:, :, 0].astype("uint8"), "L")


def save_img(
    path: PathLike,
    x: Tree,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as an image file.

    Args:
        path: Path, or an open file.
        x: Numbers (height, width, channels).
        data_format: ``"channels_last"``, ``"channels_first"``; the setting by default.
        file_format: Format such as ``"png"``; by default that of the path's ending.
        scale: Whether values are stretched to the range from 0 to 255.
        **kwargs: Passed to Pillow's ``Image.save``.

    Raises:
        ImportError: If Pillow is not installed.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> save_img(file, np.zeros((2, 3, 3)), file_format="png")
    """
    image = array_to_img(x, data_format, scale)
    name = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    kind = (file_format or os.path.splitext(name)[1].lstrip(".")).lower()
    if image.mode == "RGBA" and kind in ("jpg", "jpeg"):
        warnings.warn("The JPG format does not support RGBA images, converting to RGB.", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format="jpeg" if file_format and kind == "jpg" else file_format, **kwargs)
