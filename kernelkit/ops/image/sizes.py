"""Resizing, cropping and padding images, and moving them between grids."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.inference import eval_spec
from kernelkit.known_sizes import as_ints
from kernelkit.ops.image._layout import in_floats, on_batches, one_of
from kernelkit.ops.rows import as_array
from kernelkit.ops.unknown_sizes import with_spec
from kernelkit.typing import Shapes, Tensor

_INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_METHODS = ("linear", "bilinear", "trilinear", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


@op
def resize(
    images: Tensor,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> jax.Array:
    """Return images in another size.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        size: ``(height, width)`` in pixels.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        antialias: Whether to blur images before making them smaller.
        crop_to_aspect_ratio: Whether to first cut out the middle part with the new proportions.
        pad_to_aspect_ratio: Whether to first pad to the new proportions.
        fill_mode: Must be ``"constant"``.
        fill_value: Value of the padding.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Images of the same dtype; integers are rounded.

    Raises:
        ValueError: If an argument is not allowed.

    Example:
        >>> from kernelkit import ops
        >>> ops.image.resize(ops.ones((2, 8, 8, 3)), (4, 6)).shape
        (2, 4, 6, 3)
    """
    one_of("interpolation", interpolation, _INTERPOLATIONS)
    one_of("fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("resize() takes either crop_to_aspect_ratio or pad_to_aspect_ratio, not both.")
    size = as_ints(size)
    if not hasattr(size, "__len__") or len(size) != 2:
        raise ValueError(f"`size` must be (height, width), got {size!r}.")
    height, width = (int(s) for s in size)
    if height < 1 or width < 1:
        raise ValueError(f"resize(): `size` must have positive height and width, got {tuple(size)}.")

    def scaled(x: jax.Array) -> jax.Array:
        if crop_to_aspect_ratio:
            x = _cropped_to(x, height, width)
        elif pad_to_aspect_ratio:
            x = _padded_to(x, height, width, fill_value)
        shape = (x.shape[0], height, width, x.shape[-1])
        return jax.image.resize(x, shape, method=interpolation, antialias=antialias)

    exact = interpolation == "nearest"
    return on_batches(images, data_format, lambda x: scaled(x) if exact else in_floats(x, scaled))


def _cropped_to(x: jax.Array, height: int, width: int) -> jax.Array:
    """Cut out the middle part with the proportions height : width."""
    rows = max(1, min(x.shape[1], int(x.shape[2] * height / width)))
    columns = max(1, min(x.shape[2], int(x.shape[1] * width / height)))
    top, left = int((x.shape[1] - rows) / 2), int((x.shape[2] - columns) / 2)
    return x[:, top : top + rows, left : left + columns]


def _padded_to(x: jax.Array, height: int, width: int, fill_value: float) -> jax.Array:
    """Pad to the proportions height : width."""
    rows = max(x.shape[1], int(x.shape[2] * height / width))
    columns = max(x.shape[2], int(x.shape[1] * width / height))
    down, across = int((rows - x.shape[1]) / 2), int((columns - x.shape[2]) / 2)
    around = ((0, 0), (down, down), (across, across), (0, 0))
    return jnp.pad(x, around, constant_values=fill_value)


def _margins(total: Any, name: str, before: Any, after: Any, target: Any, verb: str, axis: str) -> tuple[int, int]:
    """Return the sizes to cut off or add before and after, from two of ``before``, ``after`` and ``target``."""
    sides = ("top", "bottom") if axis == "height" else ("left", "right")
    names = (f"{sides[0]}_{verb}", f"{sides[1]}_{verb}", f"target_{axis}")
    if sum(v is None for v in (before, after, target)) != 1:
        raise ValueError(
            f"{name}(): Must specify exactly two of {', '.join(names)}. Got {before}, {after} and {target}."
        )
    for own, value in zip(names, (before, after, target), strict=True):
        if value is not None and value < 0:
            raise ValueError(f"{name}(): {own} must be >= 0, got {value}.")
    margin = total - target if verb == "cropping" and target is not None else None
    if verb == "padding" and target is not None:
        margin = target - total
    before = margin - after if before is None else before
    after = margin - before if after is None else after
    for own, value in zip(names, (before, after), strict=False):
        if value < 0:
            raise ValueError(
                f"{name}(): {own} must be >= 0, but the other arguments make it {value} for images of {axis} {total}."
            )
    return before, after


def _margins_spec(verb: str) -> Callable:
    """Return the shape rule for symbolic images; the arguments are assumed to fit an unknown size."""

    def spec(row: Callable, images: Tensor, *args: Any, **kwargs: Any) -> Any:
        given = inspect.signature(row).bind(images, *args, **kwargs).arguments
        first = config.standardize_data_format(given.get("data_format")) == "channels_first"
        sizes = list(images.shape)
        for axis, side, target in ((-3, "top", "target_height"), (-2, "left", "target_width")):
            place = axis + 1 if first else axis
            if len(sizes) in (3, 4) and sizes[place] is None and given.get(target) is not None:
                before = given.get(f"{side}_{verb}")
                after = given.get(f"{'bottom' if side == 'top' else 'right'}_{verb}")
                margin = next((m for m in (before, after) if m is not None), 0)
                sizes[place] = max(given[target] + (margin if verb == "cropping" else -margin), 0)
        return eval_spec(row, images.like(sizes) if None in images.shape else images, *args, **kwargs)

    return spec


@with_spec(_margins_spec("cropping"))
@op
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> jax.Array:
    """Cut a rectangle out of images. Two of top, bottom and height are given, and two of left, right and width.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        top_cropping: Rows to cut off at the top.
        left_cropping: Columns to cut off at the left.
        bottom_cropping: Rows to cut off at the bottom.
        right_cropping: Columns to cut off at the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Raises:
        ValueError: If not exactly two of each three are given, or they don't fit the images.

    Example:
        >>> from kernelkit import ops
        >>> x = ops.zeros((2, 9, 9, 3))
        >>> ops.image.crop_images(x, top_cropping=1, left_cropping=2, target_height=4, target_width=5).shape
        (2, 4, 5, 3)
    """

    def crop(x: jax.Array) -> jax.Array:
        height, width = x.shape[1], x.shape[2]
        top, bottom = _margins(
            height, "crop_images", top_cropping, bottom_cropping, target_height, "cropping", "height"
        )
        left, right = _margins(width, "crop_images", left_cropping, right_cropping, target_width, "cropping", "width")
        return x[:, top : height - bottom, left : width - right]

    return on_batches(images, data_format, crop)


@with_spec(_margins_spec("padding"))
@op
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> jax.Array:
    """Pad images with zeros. Two of top, bottom and height are given, and two of left, right and width.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        top_padding: Rows to add at the top.
        left_padding: Columns to add at the left.
        bottom_padding: Rows to add at the bottom.
        right_padding: Columns to add at the right.
        target_height: Height of the result.
        target_width: Width of the result.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Raises:
        ValueError: If not exactly two of each three are given, or they don't fit the images.

    Example:
        >>> from kernelkit import ops
        >>> x = ops.zeros((2, 3, 3, 3))
        >>> ops.image.pad_images(x, top_padding=1, left_padding=2, target_height=9, target_width=9).shape
        (2, 9, 9, 3)
    """

    def pad(x: jax.Array) -> jax.Array:
        rows = _margins(x.shape[1], "pad_images", top_padding, bottom_padding, target_height, "padding", "height")
        columns = _margins(x.shape[2], "pad_images", left_padding, right_padding, target_width, "padding", "width")
        return jnp.pad(x, ((0, 0), rows, columns, (0, 0)))

    return on_batches(images, data_format, pad)


@op
def scale_and_translate(
    images: Tensor,
    output_shape: Shapes,
    scale: Tensor,
    translation: Tensor,
    spatial_dims: Any,
    method: str,
    antialias: bool = True,
) -> jax.Array:
    """Resample images on another grid: scaled, then shifted.

    Args:
        images: Array-like of any shape.
        output_shape: Shape of the result; ``None`` keeps the size of ``images`` on that axis.
        scale: Factor for each of the spatial axes.
        translation: Shift for each of the spatial axes, in pixels of the result.
        spatial_dims: The spatial axes.
        method: ``"linear"``, ``"cubic"``, ``"lanczos3"`` or ``"lanczos5"``, or a synonym (``"bilinear"``,
            ``"bicubic"``, ``"trilinear"``, ``"tricubic"``).
        antialias: Whether to blur images before making them smaller.

    Raises:
        ValueError: If the method is unknown.

    Example:
        >>> from kernelkit import ops
        >>> x = ops.ones((4, 4))
        >>> ops.image.scale_and_translate(x, (8, 8), [2.0, 2.0], [0.0, 0.0], (0, 1), "linear").shape
        (8, 8)
    """
    one_of("method", method, _METHODS)
    images, scale, translation = as_array(images), as_array(scale), as_array(translation)
    shape = tuple(images.shape[i] if size is None else size for i, size in enumerate(output_shape))
    return jax.image.scale_and_translate(images, shape, tuple(spatial_dims), scale, translation, method, antialias)
