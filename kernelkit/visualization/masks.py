"""Draw segmentation masks on images."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit import config
from kernelkit.visualization.pixels import as_bytes, as_given

# Consecutive classes get very different colors. The numbers are those of torchvision and Keras.
_PALETTE = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1]) % 255


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: dict | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Return images in which the color of each pixel shows its class.

    Args:
        images: Images (batch, height, width, 3): bytes, or floats up to 1 or up to 255.
        segmentation_masks: Ints (batch, height, width) or (batch, height, width, 1).
        num_classes: Number of classes. Larger class numbers are not drawn. Default: the largest class number plus 1.
        color_mapping: Dict from class to red, green and blue. Missing classes are not drawn.
        alpha: Weight of the colors, from 0 to 1.
        blend: Whether to mix colors and images. Otherwise colors replace the pixels.
        ignore_index: A class that is not drawn.
        data_format: ``"channels_last"`` or ``"channels_first"``. Default: the global setting.

    Returns:
        uint8 images of the shape of ``images``.

    Raises:
        ValueError: If the images are not a batch, or the masks have another shape.
        TypeError: If the masks do not hold ints.

    Example:
        >>> mask = np.array([[[0, 1]]])
        >>> draw_segmentation_masks(np.zeros((1, 1, 2, 3)), mask, blend=False, ignore_index=0)[0, 0].tolist()
        [[0, 0, 0], [1, 127, 31]]
    """
    drawn = as_bytes(images, data_format, "draw_segmentation_masks")
    masks = np.asarray(segmentation_masks)
    if masks.dtype.kind not in "iu":
        raise TypeError(
            f"`segmentation_masks` must be in integer dtype. Received: segmentation_masks.dtype={masks.dtype}"
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"draw_segmentation_masks(): alpha must lie between 0 and 1, got {alpha!r}.")
    if masks.ndim == 4:
        masks = masks.squeeze(1 if config.standardize_data_format(data_format) == "channels_first" else -1)
    if masks.shape != drawn.shape[:3]:
        raise ValueError(
            f"draw_segmentation_masks(): the masks have the shape {masks.shape}, the images {drawn.shape[:3]} (batch, "
            "height, width)."
        )
    count = int(masks.max(initial=0)) + 1 if num_classes is None else int(num_classes)
    shown = (masks >= 0) & (masks < count) & (masks != ignore_index)
    colors = np.arange(count)[:, None] * _PALETTE % 255
    if color_mapping is not None:
        colors = np.array([color_mapping.get(i, (0, 0, 0)) for i in range(count)]).reshape(-1, 3)
        shown &= np.isin(masks, list(color_mapping))
    painted = colors[np.where(shown, masks, 0)].astype("float32")
    share = np.float32(alpha if blend else 1)
    mixed = (painted * share + drawn * (1 - share)).astype("uint8")
    return as_given(np.where(shown[..., None], mixed, drawn), data_format)
