"""CenterCrop: the middle of images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.ranges import positive_size
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.ops.image import resize
from kernelkit.typing import Seed, Tensor, Transformation, Tree


class CenterCrop(ImageTransform):
    """Cut the middle out of images. Active in training and outside of it.

    An image that is too small is resized instead: first its largest part with the new proportions is cut out, then that
    part is resized.

    Args:
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.ops.reshape(kk.ops.arange(16.0), (1, 4, 4, 1))
        >>> kk.layers.CenterCrop(2, 2)(x).ravel().tolist()
        [5.0, 6.0, 9.0, 10.0]
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = positive_size(self, "height", height)
        self.width = positive_size(self, "width", width)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        return {"input_shape": self._images_shape(data)}

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        return self._crop(images, "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        return self._crop(segmentation_masks, "nearest")

    def _crop(self, images: Tensor, interpolation: str) -> jax.Array:
        images = self._in_compute_dtype(images)
        height, width = self._size(images.shape)
        if height >= self.height and width >= self.width:
            top, left = (height - self.height) // 2, (width - self.width) // 2
            return crop_window(images, top, left, self.height, self.width, self._spatial_axes)
        return resize(
            images,
            (self.height, self.width),
            interpolation,
            crop_to_aspect_ratio=True,
            data_format=self.data_format,
        )

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        size = self._size(transformation["input_shape"])
        return self._move_boxes(
            bounding_boxes,
            lambda corners: cut_boxes(corners, size, (self.height, self.width)),
            size,
            (self.height, self.width),
        )


def crop_window(images: jax.Array, top: Any, left: Any, height: int, width: int, axes: tuple[int, int]) -> jax.Array:
    """Return the window of images that starts at a place, which may be traced."""
    images = jax.lax.dynamic_slice_in_dim(images, top, height, axis=images.ndim + axes[0])
    return jax.lax.dynamic_slice_in_dim(images, left, width, axis=images.ndim + axes[1])


def cut_boxes(corners: jax.Array, size: tuple, new_size: tuple, resized: bool = False) -> jax.Array:
    """Return the boxes after a center crop, or after resizing if that is wanted or the image is too small."""
    (height, width), (new_height, new_width) = size, new_size
    if resized or height < new_height or width < new_width:
        # As in resizing: the part with the new proportions has whole numbers of pixels.
        rows = max(1, min(height, int(width * new_height / new_width)))
        columns = max(1, min(width, int(height * new_width / new_height)))
    else:
        rows, columns = new_height, new_width
    top, left = (height - rows) // 2, (width - columns) // 2
    scale = jnp.array([new_width / columns, new_height / rows] * 2)
    return (corners - jnp.array([left, top, left, top])) * scale
