"""Draw bounding boxes on images."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.utils.bounding_boxes import convert_format
from kernelkit.utils.images import pillow
from kernelkit.visualization.pixels import as_bytes, as_given

_LETTER_HEIGHT = 16


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: dict,
    bounding_box_format: str,
    class_mapping: dict | None = None,
    color: tuple[int, int, int] = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Return images with boxes drawn on them.

    Args:
        images: Images (batch, height, width, 3): bytes, or floats up to 1 or up to 255.
        bounding_boxes: ``{"boxes": (batch, boxes, 4), "labels": (batch, boxes)}``, and optional ``"confidences"`` of
            the shape of the labels. Boxes with the label -1 are not drawn.
        bounding_box_format: A format such as ``"xyxy"`` or ``"rel_xywh"``; see
            :func:`kernelkit.utils.bounding_boxes.convert_format`.
        class_mapping: Dict from label to name. Names are written beside the boxes.
        color: Red, green and blue from 0 to 255.
        line_thickness: Thickness of the lines in pixels.
        text_thickness: Thickness of the letters.
        font_scale: Size of the letters; 1 is 16 pixels.
        data_format: ``"channels_last"`` or ``"channels_first"``. Default: the global setting.

    Returns:
        uint8 images of the shape of ``images``.

    Raises:
        ValueError: If the images are not a batch, or ``"boxes"`` or ``"labels"`` is missing.
        TypeError: If ``bounding_boxes`` is not a dict.
        ImportError: If Pillow is not installed.

    Example:
        >>> boxes = {"boxes": [[[2, 2, 8, 6]]], "labels": [[0]]}
        >>> drawn = draw_bounding_boxes(np.zeros((1, 9, 9, 3)), boxes, "xyxy", line_thickness=1)
        >>> int((drawn[0, ..., 0] > 0).sum())
        20
    """
    drawn = as_bytes(images, data_format, "draw_bounding_boxes")
    if not isinstance(bounding_boxes, dict):
        raise TypeError(
            f"`bounding_boxes` should be a dict. Received: bounding_boxes={bounding_boxes!r} "
            f"of type {type(bounding_boxes)}"
        )
    if not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError(
            "`bounding_boxes` should be a dict containing 'boxes' and 'labels' keys. "
            f"Received the keys {sorted(bounding_boxes)}."
        )
    height, width = drawn.shape[1:3]
    corners = np.asarray(convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", height, width))
    labels = np.asarray(bounding_boxes["labels"])
    confidences = bounding_boxes.get("confidences")
    image_module = pillow()
    for i, pixels in enumerate(drawn):
        picture = image_module.fromarray(pixels)
        for j, (box, label) in enumerate(zip(corners[i], labels[i], strict=True)):
            if label == -1:
                continue
            text = None if class_mapping is None else str(class_mapping.get(int(label), int(label)))
            if text is not None and confidences is not None:
                text = f"{text} | {float(np.asarray(confidences)[i][j]):.2f}"
            _draw_one(picture, box, text, tuple(color), line_thickness, text_thickness, font_scale)
        drawn[i] = np.asarray(picture)
    return as_given(drawn, data_format)


def _draw_one(
    picture: Any,
    box: np.ndarray,
    text: str | None,
    color: tuple,
    line_thickness: int,
    text_thickness: int,
    font_scale: float,
) -> None:
    from PIL import ImageDraw, ImageFont

    canvas = ImageDraw.Draw(picture)
    x0, y0, x1, y1 = (int(v) for v in box)
    x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
    around = line_thickness // 2
    canvas.rectangle((x0 - around, y0 - around, x1 + around, y1 + around), outline=color, width=2 * around + 1)
    if text:
        font = ImageFont.load_default(_LETTER_HEIGHT * font_scale)
        thick = max(0, text_thickness - 1)
        above = y0 - around - 2
        low = canvas.textbbox((0, 0), text, font=font, stroke_width=thick)[3]
        top = above - low if above >= low else y0 + around + 2  # inside the box if there is no room above it
        canvas.text((x0, top), text, fill=color, font=font, stroke_width=thick)
