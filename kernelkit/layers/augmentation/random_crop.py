"""RandomCrop: a random part of images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.center_crop import crop_window, cut_boxes
from kernelkit.layers.augmentation.ranges import positive_size
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.ops.image import resize
from kernelkit.random import SeedGenerator, make_default_seed
from kernelkit.typing import Seed, Tensor, Transformation, Tree


class RandomCrop(ImageTransform):
    """Cut a part out of images, at one random place for each batch.

    Outside of training, or if an image is too small, it is resized instead: first its largest central part with the new
    proportions is cut out, then that part is resized.

    Args:
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        name: Name of the layer.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomCrop(4, 6, seed=0)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 6, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, name=name, **kwargs)
        self.height = positive_size(self, "height", height)
        self.width = positive_size(self, "width", width)
        self.seed = make_default_seed() if seed is None else seed
        self.generator = SeedGenerator(seed)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        shape = self._images_shape(data)
        height, width = self._size(shape)
        drawn = None
        if training and height >= self.height and width >= self.width:
            drawn = tuple(
                random.uniform((), 0, most + 1, dtype="float32", seed=self._source(seed)).astype("int32")
                for most in (height - self.height, width - self.width)
            )
        return {"start": drawn, "input_shape": shape}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        return self._crop(images, transformation, "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool | None = True
    ) -> Tensor:
        return self._crop(segmentation_masks, transformation, "nearest")

    def _crop(self, images: Tensor, transformation: Transformation, interpolation: str) -> jax.Array:
        images = self._in_compute_dtype(images)
        if transformation["start"] is not None:
            top, left = transformation["start"]
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
        size, new_size = self._size(transformation["input_shape"]), (self.height, self.width)

        def move(corners: jax.Array) -> jax.Array:
            if transformation["start"] is None:
                return cut_boxes(corners, size, new_size, resized=True)
            top, left = transformation["start"]
            return corners - jnp.stack([left, top, left, top]).astype("float32")

        return self._move_boxes(bounding_boxes, move, size, new_size)
