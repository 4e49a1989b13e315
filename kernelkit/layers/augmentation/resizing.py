"""Resizing: images in another size."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.ranges import positive_size
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.ops.image import resize
from kernelkit.typing import Seed, Tensor, Transformation, Tree


class Resizing(ImageTransform):
    """Resize images. Active in training and outside of it.

    Args:
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        interpolation: ``"bilinear"``, ``"nearest"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.
        crop_to_aspect_ratio: Whether to first cut out the middle part with the new proportions.
        pad_to_aspect_ratio: Whether to first pad to the new proportions.
        fill_mode: Must be ``"constant"``.
        fill_value: Value of the padding.
        antialias: Whether to blur images before making them smaller.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Integer images are rounded and keep their dtype. Bounding boxes and segmentation masks are resized too; masks by the
    nearest pixel.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Resizing(4, 6)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 6, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = positive_size(self, "height", height)
        self.width = positive_size(self, "width", width)
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = antialias

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        return self._size(self._images_shape(data))

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        return self._resize(images, self.interpolation, self.antialias)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        return self._resize(segmentation_masks, "nearest", False)

    def _resize(self, images: Tensor, interpolation: str, antialias: bool) -> jax.Array:
        return resize(
            jnp.asarray(images),
            (self.height, self.width),
            interpolation,
            antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
            self.data_format,
        )

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        height, width = transformation
        scale_y, scale_x = self.height / height, self.width / width
        if self.pad_to_aspect_ratio:
            scale_y = scale_x = min(scale_y, scale_x)
        elif self.crop_to_aspect_ratio:
            scale_y = scale_x = max(scale_y, scale_x)
        left, top = _margin(scale_x * width, self.width), _margin(scale_y * height, self.height)
        scale, shift = jnp.array([scale_x, scale_y] * 2), jnp.array([left, top] * 2)
        boxes = jnp.asarray(bounding_boxes["boxes"])
        padding = jnp.all(boxes == -1, axis=-1, keepdims=True) | jnp.all(boxes == 0, axis=-1, keepdims=True)
        moved = self._move_boxes(
            bounding_boxes, lambda corners: corners * scale + shift, (height, width), (self.height, self.width)
        )
        return {**moved, "boxes": jnp.where(padding, 0.0, moved["boxes"])}


def _margin(scaled: float, size: int) -> float:
    """Return the number of whole pixels to pad before an image of a scaled size; negative to cut off."""
    return (size - scaled) // 2 if scaled < size else -((scaled - size) // 2)
