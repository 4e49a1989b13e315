"""Rotate, move, shear, zoom and recolor images: NumPy arrays, one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.utils.images import array_to_img, img_to_array

__all__ = [
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
]


def apply_affine_transform(
    x: np.ndarray,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Return an image that is rotated, moved, sheared and zoomed about its middle.

    Args:
        x: Image (channels, height, width), or with its axes in the order of the axis arguments.
        theta: Angle, in degrees.
        tx: Shift to the left, in columns.
        ty: Shift upward, in rows.
        shear: Angle of the shear, in degrees.
        zx: Zoom along the columns; a factor below 1 makes the image larger.
        zy: Zoom along the rows.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns, the next one after the rows.
        channel_axis: Axis of the channels.
        fill_mode: Filling outside of the image: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        cval: Value outside of the image, for ``"constant"``.
        order: Degree of the spline: 0 for the nearest pixel, 1 for linear interpolation.

    Returns:
        Image of the shape and dtype of ``x``.

    Raises:
        ImportError: If SciPy is not installed.
        ValueError: If the axes are not those of an image.

    Example:
        >>> image = np.array([[[1.0, 2.0], [3.0, 4.0]]])
        >>> apply_affine_transform(image, tx=1, fill_mode="constant")[0].tolist()
        [[2.0, 0.0], [4.0, 0.0]]
    """
    if sorted((row_axis, col_axis, channel_axis)) != [0, 1, 2] or col_axis != row_axis + 1:
        raise ValueError(
            "apply_affine_transform() takes one image, whose columns follow its rows: row_axis, col_axis and "
            f"channel_axis are (1, 2, 0) or (0, 1, 2), got ({row_axis}, {col_axis}, {channel_axis})."
        )
    try:
        from scipy import ndimage  # imported here: few programs need it
    except ImportError:
        raise ImportError("Images are transformed by SciPy: `pip install scipy`.") from None
    if (theta, tx, ty, shear, zx, zy) == (0, 0, 0, 0, 1, 1):
        return x
    turn, slant = np.deg2rad(theta), np.deg2rad(shear)
    # A map from pixel positions of the result to those of the image.
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    offset = matrix @ np.array([ty, tx], "float64")
    matrix = matrix @ np.array([[np.cos(slant), 0], [-np.sin(slant), 1]]) @ np.diag([zy, zx])
    middle = (np.array([x.shape[row_axis], x.shape[col_axis]]) - 1) / 2
    channels = [
        ndimage.affine_transform(
            channel, matrix, offset + middle - matrix @ middle, order=order, mode=fill_mode, cval=cval
        )
        for channel in np.moveaxis(x, channel_axis, 0)
    ]
    return np.moveaxis(np.stack(channels), 0, channel_axis)


def apply_channel_shift(x: np.ndarray, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Return an image with a number added to its values, clipped to the image's own range.

    Args:
        x: Image.
        intensity: Number to add.
        channel_axis: Accepted for compatibility with Keras: all channels get the same number.

    Example:
        >>> apply_channel_shift(np.array([[[1.0, 2.0, 5.0]]]), 2.0).tolist()
        [[[3.0, 4.0, 5.0]]]
    """
    return np.clip(x + intensity, np.min(x), np.max(x))


def apply_brightness_shift(x: np.ndarray, brightness: float, scale: bool = True) -> np.ndarray:
    """Return an image with another brightness, computed in 8 bits.

    Args:
        x: Image (height, width, channels).
        brightness: Factor: 0 gives black, 1 changes nothing.
        scale: Whether values are first stretched to the range from 0 to 255. Values out of this range always are, and
            without ``scale`` the result is scaled back.

    Raises:
        ImportError: If Pillow is not installed.

    Example:
        >>> apply_brightness_shift(np.array([[[100.0], [200.0]]]), 0.5, scale=False).ravel().tolist()
        [50.0, 100.0]
    """
    low, high = np.min(x), np.max(x)
    outside = bool(low < 0 or high > 255)
    image = array_to_img(x, scale=outside or scale)  # raises an error with a remedy if Pillow is missing
    from PIL import ImageEnhance

    result = img_to_array(ImageEnhance.Brightness(image).enhance(brightness))
    return result / 255 * (high - low) + low if outside and not scale else result


def random_rotation(
    x: np.ndarray,
    rg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Return an image that is rotated by a random angle. Uses NumPy's global random state.

    Args:
        x: Image with the axes given below.
        rg: Largest angle, in degrees, in both directions.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: Filling outside of the image: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        cval: Value outside of the image, for ``"constant"``.
        interpolation_order: Degree of the spline.

    Example:
        >>> random_rotation(np.ones((3, 8, 8)), 20).shape
        (3, 8, 8)
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, np.random.uniform(-rg, rg), 0, 0, 0, 1, 1, *axes)


def random_shift(
    x: np.ndarray,
    wrg: float,
    hrg: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Return an image that is moved at random. Uses NumPy's global random state.

    Args:
        x: Image with the axes given below.
        wrg: Largest horizontal shift, as a share of the width.
        hrg: Largest vertical shift, as a share of the height.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: Filling outside of the image: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        cval: Value outside of the image, for ``"constant"``.
        interpolation_order: Degree of the spline.

    Example:
        >>> random_shift(np.ones((3, 8, 8)), 0.1, 0.2).shape
        (3, 8, 8)
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    rows = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    columns = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(x, 0, columns, rows, 0, 1, 1, *axes)


def random_shear(
    x: np.ndarray,
    intensity: float,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Return an image that is sheared at random. Uses NumPy's global random state.

    Args:
        x: Image with the axes given below.
        intensity: Largest angle, in degrees, in both directions.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: Filling outside of the image: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        cval: Value outside of the image, for ``"constant"``.
        interpolation_order: Degree of the spline.

    Example:
        >>> random_shear(np.ones((3, 8, 8)), 10).shape
        (3, 8, 8)
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    return apply_affine_transform(x, 0, 0, 0, np.random.uniform(-intensity, intensity), 1, 1, *axes)


def random_zoom(
    x: np.ndarray,
    zoom_range: tuple[float, float],
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation_order: int = 1,
) -> np.ndarray:
    """Return an image that is zoomed at random, each axis separately. Uses NumPy's global random state.

    Args:
        x: Image with the axes given below.
        zoom_range: Smallest and largest factor; a factor below 1 makes the image larger.
        row_axis: Axis of the rows.
        col_axis: Axis of the columns.
        channel_axis: Axis of the channels.
        fill_mode: Filling outside of the image: ``"constant"``, ``"nearest"``, ``"reflect"`` or ``"wrap"``.
        cval: Value outside of the image, for ``"constant"``.
        interpolation_order: Degree of the spline.

    Raises:
        ValueError: If ``zoom_range`` is not a pair.

    Example:
        >>> random_zoom(np.ones((3, 8, 8)), (0.8, 1.2)).shape
        (3, 8, 8)
    """
    axes = (row_axis, col_axis, channel_axis, fill_mode, cval, interpolation_order)
    low, high = checked_pair("zoom_range", zoom_range)
    columns, rows = (1, 1) if low == high == 1 else np.random.uniform(low, high, 2)
    return apply_affine_transform(x, 0, 0, 0, 0, columns, rows, *axes)


def random_channel_shift(x: np.ndarray, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """Return an image with a random number added to its values. Uses NumPy's global random state.

    Args:
        x: Image.
        intensity_range: Largest number to add or to subtract.
        channel_axis: Accepted for compatibility with Keras: all channels get the same number.

    Example:
        >>> random_channel_shift(np.ones((3, 8, 8)), 5).max().item()
        1.0
    """
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def random_brightness(x: np.ndarray, brightness_range: tuple[float, float], scale: bool = True) -> np.ndarray:
    """Return an image with a random brightness. Uses NumPy's global random state.

    Args:
        x: Image (height, width, channels).
        brightness_range: Smallest and largest factor.
        scale: Whether values are first stretched to the range from 0 to 255.

    Raises:
        ValueError: If ``brightness_range`` is not a pair.

    Example:
        >>> random_brightness(np.full((4, 4, 3), 100.0), (0.5, 0.5), scale=False).max().item()
        50.0
    """
    low, high = checked_pair("brightness_range", brightness_range)
    return apply_brightness_shift(x, np.random.uniform(low, high), scale)


def checked_pair(name: str, value: Any) -> tuple[float, float]:
    """Return two numbers.

    Raises:
        ValueError: If the value is not a pair of numbers.
    """
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise ValueError(f"`{name}` should be two numbers, the smallest and the largest, got {value!r}.")
    return value[0], value[1]
