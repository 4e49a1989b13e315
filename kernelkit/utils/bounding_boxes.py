"""Bounding boxes: formats, overlap, and the encoding of boxes relative to anchors.

Boxes are floats (..., 4), in pixels, or as shares of the image in the ``rel_`` formats; see :func:`convert_format`.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers.augmentation.boxes import affine_transform, clip_to_image_size, convert_format, crop, pad

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: tuple | None = None,
) -> jax.Array:
    """Return the intersection over union of each box of one list with each of another.

    Args:
        boxes1: Floats (m, 4) or (batch, m, 4).
        boxes2: Floats (n, 4) or (batch, n, 4).
        bounding_box_format: Format of both.
        use_masking: Whether padding boxes, which have only negative numbers, get ``mask_val``.
        mask_val: Result for padding boxes.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        Floats (m, n), or (batch, m, n) if one of both is batched.

    Raises:
        ValueError: If the shapes or the format do not fit.

    Example:
        >>> compute_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy").round(3).tolist()
        [[0.333...]]
    """
    first, second = jnp.asarray(boxes1, "float32"), jnp.asarray(boxes2, "float32")
    for name, boxes in (("boxes1", first), ("boxes2", second)):
        if boxes.ndim not in (2, 3):
            raise ValueError(
                f"compute_iou() expects {name} to be batched, or to be unbatched: (batch, boxes, 4) or (boxes, 4), "
                f"got {boxes.shape}."
            )
    first, second = (_corners(b, bounding_box_format, image_shape)[..., None, :] for b in (first, second))
    second = jnp.swapaxes(second, -2, -3)
    shared = _area(_overlap(first, second))
    union = _area(first) + _area(second) - shared
    iou = jnp.where(union > 0, shared / jnp.where(union > 0, union, 1), 0)
    if not use_masking:
        return iou
    padding = (first.max(-1) < 0) | (second.max(-1) < 0)
    return jnp.where(padding, mask_val, iou)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: tuple | None = None) -> jax.Array:
    """Return the complete intersection over union of pairs of boxes.

    This is the intersection over union minus penalties for the distance of the centers and the difference of shapes.

    Args:
        boxes1: Floats (..., 4).
        boxes2: Floats (..., 4).
        bounding_box_format: Format of both.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        Floats (...,).

    Source: Zheng et al., 2020, Distance-IoU loss: faster and better learning for bounding box regression.

    Example:
        >>> float(compute_ciou([0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0], "xyxy").round(3))
        1.0
    """
    first, second = (_corners(jnp.asarray(b, "float32"), bounding_box_format, image_shape) for b in (boxes1, boxes2))
    tiny = config.epsilon()
    shared = _area(_overlap(first, second))
    iou = shared / (_area(first) + _area(second) - shared + tiny)
    around = jnp.maximum(first[..., 2:], second[..., 2:]) - jnp.minimum(first[..., :2], second[..., :2])
    centers = (first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) / 2
    distance = (centers**2).sum(-1) / ((around**2).sum(-1) + tiny)
    shapes = [jnp.arctan((b[..., 2] - b[..., 0]) / (b[..., 3] - b[..., 1] + tiny)) for b in (first, second)]
    unlike = 4 / math.pi**2 * (shapes[1] - shapes[0]) ** 2
    return iou - distance - unlike**2 / (unlike - iou + 1 + tiny)


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: tuple | None = None,
) -> jax.Array:
    """Return the differences between boxes and their anchors, which a detector has to predict.

    Args:
        anchors: Floats (n, 4).
        boxes: Floats (n, 4) or (batch, n, 4).
        anchor_format: Format of the anchors.
        box_format: Format of the boxes.
        encoding_format: ``"center_yxhw"`` or ``"center_xywh"``: order of the result.
        variance: Four numbers by which the result is divided.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        Floats of the shape of ``boxes``: shifts of the centers in units of the anchors' sizes, and logarithms of the
        ratios of sizes.

    Raises:
        ValueError: If the encoding format or the variance does not fit.

    Source: Girshick et al., 2014, Rich feature hierarchies for accurate object detection and semantic segmentation.

    Example:
        >>> encode_box_to_deltas([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy", "xyxy").tolist()
        [[0.0, 0.5, 0.0, 0.0]]
    """
    scale = _checked(encoding_format, variance, "encoding_format")
    height, width = _size(image_shape)
    fixed = convert_format(anchors, anchor_format, encoding_format, height, width)
    moved = convert_format(boxes, box_format, encoding_format, height, width)
    tiny = config.epsilon()
    sizes = jnp.maximum(fixed[..., 2:], tiny)
    shifts = (moved[..., :2] - fixed[..., :2]) / sizes
    return jnp.concatenate([shifts, jnp.log(jnp.maximum(moved[..., 2:], tiny) / sizes)], -1) / scale


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: tuple | None = None,
) -> Any:
    """Return the boxes that a detector predicted; the inverse of :func:`encode_box_to_deltas`.

    Args:
        anchors: Floats (n, 4), or a dict of them by level.
        boxes_delta: Floats (n, 4) or (batch, n, 4), or such a dict.
        anchor_format: Format of the anchors.
        box_format: Format of the result.
        encoded_format: ``"center_yxhw"`` or ``"center_xywh"``: order of the predictions.
        variance: Four numbers by which the predictions were divided.
        image_shape: ``(height, width, channels)``, for relative formats.

    Returns:
        Floats of the shape of ``boxes_delta``, or a dict of them.

    Raises:
        ValueError: If the encoded format or the variance does not fit.

    Example:
        >>> decode_deltas_to_boxes([[0.0, 0.0, 2.0, 2.0]], [[0.0, 0.5, 0.0, 0.0]], "xyxy", "xyxy").tolist()
        [[1.0, 0.0, 3.0, 2.0]]
    """
    if isinstance(anchors, dict):
        rest = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {level: decode_deltas_to_boxes(anchors[level], boxes_delta[level], *rest) for level in anchors}
    deltas = jnp.asarray(boxes_delta, "float32") * _checked(encoded_format, variance, "encoded_format")
    height, width = _size(image_shape)
    fixed = convert_format(anchors, anchor_format, encoded_format, height, width)
    centers = deltas[..., :2] * fixed[..., 2:] + fixed[..., :2]
    boxes = jnp.concatenate([centers, jnp.exp(deltas[..., 2:]) * fixed[..., 2:]], -1)
    return convert_format(boxes, encoded_format, box_format, height, width)


def _checked(order: str, variance: Any, name: str) -> jax.Array:
    """Return the variance as an array (ones for ``None``), after a check of the arguments."""
    scale = jnp.ones(4) if variance is None else jnp.asarray(variance, "float32")
    if scale.shape != (4,):
        raise ValueError(f"`variance` must be length 4, got {variance}")
    if order not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"`{name}` should be one of 'center_xywh' or 'center_yxhw', got {order}")
    return scale


def _size(image_shape: tuple | None) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])


def _corners(boxes: jax.Array, bounding_box_format: str, image_shape: tuple | None) -> jax.Array:
    if bounding_box_format.lower().startswith("rel") and image_shape is None:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the `image_shape` argument must be provided. "
            f"Received `image_shape`: {image_shape}"
        )
    return convert_format(boxes, bounding_box_format, "xyxy", *_size(image_shape))


def _overlap(first: jax.Array, second: jax.Array) -> jax.Array:
    low = jnp.maximum(first[..., :2], second[..., :2])
    return jnp.concatenate([low, jnp.maximum(jnp.minimum(first[..., 2:], second[..., 2:]), low)], -1)


def _area(corners: jax.Array) -> jax.Array:
    return (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])
