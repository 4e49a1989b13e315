"""Bounding boxes: formats, and transforms that follow those of the image.

Boxes are floats (boxes, 4) or (batch, boxes, 4), in pixels or, in the ``rel_`` formats, in shares of the image's size.
Where a function takes labels too, the label -1 marks a missing box: padding, or a box that has left the image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.typing import DType, Tensor

_FROM_XYXY: dict[str, Callable[[Any, Any, Any, Any], tuple]] = {
    "xyxy": lambda x0, y0, x1, y1: (x0, y0, x1, y1),
    "yxyx": lambda x0, y0, x1, y1: (y0, x0, y1, x1),
    "xywh": lambda x0, y0, x1, y1: (x0, y0, x1 - x0, y1 - y0),
    "center_xywh": lambda x0, y0, x1, y1: ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0),
    "center_yxhw": lambda x0, y0, x1, y1: ((y0 + y1) / 2, (x0 + x1) / 2, y1 - y0, x1 - x0),
}
_TO_XYXY: dict[str, Callable[[Any, Any, Any, Any], tuple]] = {
    "xyxy": lambda x0, y0, x1, y1: (x0, y0, x1, y1),
    "yxyx": lambda y0, x0, y1, x1: (x0, y0, x1, y1),
    "xywh": lambda x, y, w, h: (x, y, x + w, y + h),
    "center_xywh": lambda x, y, w, h: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
    "center_yxhw": lambda y, x, h, w: (x - w / 2, y - h / 2, x + w / 2, y + h / 2),
}
FORMATS = (*_FROM_XYXY, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def convert_format(
    boxes: Tensor, source: str, target: str, height: Any = None, width: Any = None, dtype: DType = "float32"
) -> Any:
    """Return boxes in another format.

    Args:
        boxes: Floats (..., 4), or a dict that holds them under ``"boxes"``.
        source: Format of the boxes: ``"xyxy"``, ``"yxyx"``, ``"xywh"``, ``"center_xywh"``, ``"center_yxhw"``, or one of
            the first four with ``"rel_"`` before it: in shares of the image. Case doesn't matter.
        target: Format of the result.
        height: Height of the image in pixels; needed between pixels and shares.
        width: Width of the image in pixels, likewise.
        dtype: Float dtype of the result.

    Raises:
        ValueError: For an unknown format, boxes of another shape, or a size that is missing.

    Example:
        >>> print(convert_format([[10.0, 20.0, 30.0, 60.0]], "xyxy", "xywh"))
        [[10. 20. 20. 40.]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = _known(source), _known(target)
    values = jnp.asarray(boxes, dtype)
    if values.shape[-1:] != (4,):
        raise ValueError(f"Boxes must be an array of shape (..., 4), got {values.shape}.")
    relative = source.startswith("rel_"), target.startswith("rel_")
    if relative[0] != relative[1] and (height is None or width is None):
        raise ValueError(
            f"convert_format() must receive `height` and `width` of the image to go from {source!r} to {target!r}, got "
            f"height={height} and width={width}."
        )
    corners = jnp.stack(_TO_XYXY[source.removeprefix("rel_")](*_columns(values)), axis=-1)
    if relative[0] != relative[1]:
        size = jnp.asarray([width, height, width, height], values.dtype)
        corners = corners * size if relative[0] else corners / size
    return jnp.stack(_FROM_XYXY[target.removeprefix("rel_")](*_columns(corners)), axis=-1)


def clip_to_image_size(
    bounding_boxes: dict, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict:
    """Cut boxes off at the borders of the image; a box with no area left gets the label -1.

    Args:
        bounding_boxes: ``{"boxes": (..., boxes, 4), "labels": (..., boxes)}``.
        height: Height of the image, in pixels. Not needed for ``"rel_xyxy"``.
        width: Width of the image, likewise.
        bounding_box_format: ``"xyxy"`` or ``"rel_xyxy"``.

    Example:
        >>> found = {"boxes": [[-5.0, 0.0, 5.0, 8.0], [20.0, 0.0, 30.0, 8.0]], "labels": [1, 2]}
        >>> clipped = clip_to_image_size(found, height=10, width=10)
        >>> print(clipped["boxes"][0], clipped["labels"])
        [0. 0. 5. 8.] [ 1 -1]
    """
    _only(bounding_box_format, "clip_to_image_size", "xyxy", "rel_xyxy")
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    if height is None or width is None:
        raise ValueError("clip_to_image_size() of boxes in pixels needs the image's `height` and `width`.")
    x0, y0, x1, y1 = _columns(jnp.asarray(bounding_boxes["boxes"]))
    x0, x1 = jnp.clip(x0, 0, width), jnp.clip(x1, 0, width)
    y0, y1 = jnp.clip(y0, 0, height), jnp.clip(y1, 0, height)
    labels = jnp.asarray(bounding_boxes["labels"])
    there = (x1 - x0) * (y1 - y0) > 0
    clipped = jnp.stack([x0, y0, x1, y1], axis=-1)
    return {**bounding_boxes, "boxes": clipped, "labels": jnp.where(there, labels, -1).astype(labels.dtype)}


def affine_transform(
    boxes: Tensor,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Tensor,
    shear_x: Any,
    shear_y: Any,
    height: int,
    width: int,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> jax.Array:
    """Rotate, move, scale and shear boxes; the result is the upright box around each.

    Args:
        boxes: Floats (batch, boxes, 4).
        angle: Degrees, counter-clockwise; (batch,), like the arguments below.
        translate_x: Shift to the right, in shares of the width.
        translate_y: Shift downwards, in shares of the height.
        scale: Factor of size.
        shear_x: Degrees.
        shear_y: Degrees.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        center_x: The fixed point, in shares of the width; the middle by default.
        center_y: The fixed point, in shares of the height.
        bounding_box_format: Format of the boxes.

    Example:
        >>> import numpy as np
        >>> one, zero = np.ones(1), np.zeros(1)
        >>> turned = affine_transform(
        ...     np.array([[[1.0, 2.0, 3.0, 6.0]]]), 90 * one, zero, zero, one, zero, zero, 9, 9
        ... )
        >>> print(turned.round())
        [[[2. 5. 6. 7.]]]
    """
    corners = convert_format(boxes, bounding_box_format, "xyxy", height, width)
    pivot_x = (0.5 if center_x is None else jnp.asarray(center_x)) * (width - 1)
    pivot_y = (0.5 if center_y is None else jnp.asarray(center_y)) * (height - 1)
    turn, slant_x, slant_y = (-jnp.deg2rad(jnp.asarray(v, "float32")) for v in (angle, shear_x, shear_y))
    # The inverse of turning by `turn` after shearing by the two slants.
    a = jnp.cos(turn - slant_y) / jnp.cos(slant_y)
    c = -jnp.sin(turn - slant_y) / jnp.cos(slant_y)
    b = a * jnp.tan(slant_x) + jnp.sin(turn)
    d = jnp.cos(turn) - c * jnp.tan(slant_x)
    along_x, along_y = jnp.stack([d, -b], -1) * _last(scale), jnp.stack([-c, a], -1) * _last(scale)
    start = jnp.stack(
        jnp.broadcast_arrays(
            pivot_x - jnp.asarray(translate_x) * (width - 1), pivot_y - jnp.asarray(translate_y) * (height - 1)
        ),
        axis=-1,
    )
    x0, y0, x1, y1 = _columns(corners)
    xs, ys = jnp.stack([x0, x1, x1, x0], -1), jnp.stack([y0, y0, y1, y1], -1)

    def moved(row: jax.Array, pivot: Any) -> jax.Array:
        offset = pivot - jnp.sum(row * start, -1)
        return row[..., :1, None] * xs + row[..., 1:, None] * ys + jnp.asarray(offset)[..., None, None]

    new_x, new_y = moved(along_x, pivot_x), moved(along_y, pivot_y)
    around = jnp.stack([new_x.min(-1), new_y.min(-1), new_x.max(-1), new_y.max(-1)], axis=-1)
    return convert_format(around, "xyxy", bounding_box_format, height, width)


def crop(boxes: Tensor, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> jax.Array:
    """Return boxes in the coordinates of a part cut out of the image.

    Args:
        boxes: Floats (..., 4) in pixels.
        top: First row of the part.
        left: First column of the part.
        height: Rows of the part.
        width: Columns of the part.
        bounding_box_format: Must be ``"xyxy"``.

    Example:
        >>> print(crop([[10.0, 20.0, 50.0, 60.0]], top=10, left=20, height=40, width=30))
        [[ 0. 10. 30. 40.]]
    """
    _only(bounding_box_format, "crop", "xyxy")
    x0, y0, x1, y1 = _columns(jnp.asarray(boxes, "float32"))
    across, down = (lambda x: jnp.clip(x - left, 0, width)), (lambda y: jnp.clip(y - top, 0, height))
    return jnp.stack([across(x0), down(y0), across(x1), down(y1)], axis=-1)


def pad(
    boxes: Tensor, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> jax.Array:
    """Return boxes in the coordinates of an image padded at the top and at the left.

    Args:
        boxes: Floats (..., 4) in pixels.
        top: Rows added above.
        left: Columns added at the left.
        height: Not used.
        width: Not used.
        bounding_box_format: Must be ``"xyxy"``.

    Example:
        >>> print(pad([[10.0, 20.0, 50.0, 60.0]], top=1, left=2))
        [[12. 21. 52. 61.]]
    """
    _only(bounding_box_format, "pad", "xyxy")
    return jnp.asarray(boxes, "float32") + jnp.asarray([left, top, left, top], "float32")


def dense(bounding_boxes: Tensor) -> dict:
    """Return boxes as arrays; lists of different lengths are padded with -1.

    Raises:
        ValueError: If ``"boxes"`` or ``"labels"`` is missing.
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError("Bounding boxes must be a dict with the keys 'boxes' (..., 4) and 'labels' (...).")
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, (list, tuple)):
        most = max(len(b) for b in boxes)
        boxes = jnp.stack([_filled(b, most, 2) for b in boxes])
        labels = jnp.stack([_filled(v, most, 1) for v in labels])
    return {**bounding_boxes, "boxes": jnp.asarray(boxes).astype("float32"), "labels": jnp.asarray(labels)}


def _filled(values: Tensor, size: int, ndim: int) -> jax.Array:
    values = jnp.asarray(values)
    return jnp.pad(values, [(0, size - len(values)), (0, 0)][:ndim], constant_values=-1)


def _columns(boxes: jax.Array) -> tuple:
    return boxes[..., 0], boxes[..., 1], boxes[..., 2], boxes[..., 3]


def _last(value: Tensor) -> jax.Array:
    return jnp.asarray(value)[..., None]


def _known(name: str) -> str:
    if str(name).lower() not in FORMATS:
        raise ValueError(f"Unknown format of bounding boxes {name!r}. Use one of {', '.join(FORMATS)}.")
    return str(name).lower()


def _only(name: str, function: str, *supported: str) -> None:
    if name not in supported:
        raise NotImplementedError(
            f"{function}() takes boxes in the format {' or '.join(map(repr, supported))}, got {name!r}: use "
            "convert_format() first."
        )
