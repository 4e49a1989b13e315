"""Datasets from folders of images."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import numpy as np

from kernelkit import config
from kernelkit.typing import PathLike, Tensor
from kernelkit.utils import resampling
from kernelkit.utils.directory import Options, read
from kernelkit.utils.images import load_img, pillow

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")

_LARGE = 2**24
"""Images with more pixels are read one at a time: with several at once, threads would fill the memory."""

_one_large = threading.Lock()


def image_dataset_from_directory(
    directory: PathLike | None,
    labels: Tensor = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str | None = None,
    verbose: bool = True,
) -> Any:
    """Return the images in a folder (``.jpeg .jpg .png .bmp .gif``) as a dataset that reads them on demand.

    Args:
        directory: The folder; with inferred labels it has one folder for each class.
        labels: ``"inferred"``, ``None``, or a label for each file in the order of the names.
        label_mode: ``"int"``, ``"categorical"`` (one-hot), ``"binary"`` (two classes), or ``None``.
        class_names: Names of the folders, in the order of their labels; alphabetical by default.
        color_mode: ``"rgb"``, ``"rgba"`` or ``"grayscale"``.
        batch_size: Images in a batch; ``None`` for single images.
        image_size: ``(height, width)``.
        shuffle: Whether each pass has its own order.
        seed: Seed of the order and of the split into subsets.
        validation_split: Share of the files kept for validation.
        subset: ``"training"``, ``"validation"`` or ``"both"``.
        interpolation: See :func:`kernelkit.utils.resampling.resize`.
        follow_links: Whether to go into folders that are symbolic links.
        crop_to_aspect_ratio: Whether images are cropped, not distorted, to the aspect ratio of ``image_size``.
        pad_to_aspect_ratio: Whether images are padded with zeros to this aspect ratio.
        data_format: ``"channels_last"``, ``"channels_first"``; the setting by default.
        format: ``None`` or ``"tf"`` for a new order in each pass, ``"grain"`` for the same order in all passes.
        verbose: Whether to print the number of files.

    Returns:
        A :class:`~kernelkit.utils.dataset.Dataset` of float32 images (batch, height, width, channels) from 0 to 255,
        with labels ``(images, labels)``: int32 (batch,), float32 (batch, classes) or float32 (batch, 1). Two of them
        for ``subset="both"``. Its ``class_names`` and ``file_paths`` list the classes and the files.

    Raises:
        ValueError: If no file is found, or the arguments do not fit.
        ImportError: If Pillow is not installed.

    Example:
        >>> import os, tempfile
        >>> from kernelkit.utils import save_img
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cat", "dog"):
        ...         os.mkdir(f"{folder}/{name}")
        ...         save_img(f"{folder}/{name}/1.png", np.zeros((5, 4, 3)))
        ...     data = image_dataset_from_directory(folder, image_size=(8, 8), shuffle=False)
        ...     images, labels = next(iter(data))
        Found 2 files belonging to 2 classes.
        >>> images.shape, labels.tolist(), data.class_names
        ((2, 8, 8, 3), [0, 1], ['cat', 'dog'])
    """
    pillow()
    if color_mode not in ("grayscale", "rgb", "rgba"):
        raise ValueError(f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: {color_mode}')
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    check_format(format)
    size = (int(image_size[0]), int(image_size[1]))
    first = config.standardize_data_format(data_format) == "channels_first"
    resampling.resize(np.zeros((1, 1, 1)), (1, 1), interpolation)  # a wrong name raises here

    def load(path: str) -> np.ndarray:
        with _turn(path):
            return load_one(path)

    def load_one(path: str) -> np.ndarray:
        image = np.asarray(load_img(path, color_mode))
        image = image[..., None] if image.ndim == 2 else image
        if crop_to_aspect_ratio:
            image = _cropped(image, size)
        elif pad_to_aspect_ratio:
            image = _padded(image, size, path)
        image = resampling.resize(image, size, interpolation)
        return image.transpose(2, 0, 1) if first else image

    options = Options(
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        kind="images",
        order_stays=format == "grain",
    )
    return read(options, ENDINGS, load, np.stack)


def _turn(path: str) -> Any:
    """Return a context manager for reading an image: large images are read one at a time.

    Raises:
        ValueError: If the image has more pixels than Pillow's limit.
    """
    image_module = pillow()
    with image_module.open(path) as file:
        width, height = file.size
    _check_pixels(path, width, height)
    return _one_large if width * height > _LARGE else contextlib.nullcontext()


def _check_pixels(path: str, width: int, height: int) -> None:
    limit = pillow().MAX_IMAGE_PIXELS
    if limit is not None and width * height > limit:
        raise ValueError(
            f"{path} needs {width} x {height} pixels, more than {limit}. Make it smaller or remove it. To read it "
            "unchanged, raise PIL.Image.MAX_IMAGE_PIXELS."
        )


def check_format(format: str | None) -> None:
    """Raise ``ValueError`` if a dataset's format is not known to Keras."""
    if format not in (None, "tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format}')


def _cropped(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the largest central part of an image that has the aspect ratio of ``size``."""
    height, width = image.shape[:2]
    crop_height = min(height, int(width * size[0] / size[1]))
    crop_width = min(width, int(height * size[1] / size[0]))
    top, left = (height - crop_height) // 2, (width - crop_width) // 2
    return image[top : top + crop_height, left : left + crop_width]


def _padded(image: np.ndarray, size: tuple[int, int], path: str) -> np.ndarray:
    """Return an image padded with zeros to the aspect ratio of ``size``, equally on both sides."""
    height, width = image.shape[:2]
    rows = (max(height, int(width * size[0] / size[1])) - height) // 2
    columns = (max(width, int(height * size[1] / size[0])) - width) // 2
    _check_pixels(path, width + 2 * columns, height + 2 * rows)
    return np.pad(image, ((rows, rows), (columns, columns), (0, 0)))
