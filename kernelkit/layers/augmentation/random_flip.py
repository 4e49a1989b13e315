"""RandomFlip: images mirrored at random."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.transform import ImageTransform, per_image
from kernelkit.random import SeedGenerator
from kernelkit.typing import Seed, Tensor, Transformation, Tree

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


class RandomFlip(ImageTransform):
    """Mirror each image with a probability of one half.

    Args:
        mode: ``"horizontal"`` (left and right are exchanged), ``"vertical"``, or ``"horizontal_and_vertical"`` (both at
            once: a rotation by 180 degrees).
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: For another mode.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.ops.reshape(kk.ops.arange(3.0), (1, 1, 3, 1))
        >>> layer = kk.layers.RandomFlip("horizontal", seed=0)
        >>> sorted({tuple(layer(x).ravel().tolist()) for _ in range(20)})
        [(0.0, 1.0, 2.0), (2.0, 1.0, 0.0)]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if mode not in _MODES:
            raise ValueError(f"{self.who()}: `mode` must be one of {', '.join(map(repr, _MODES))}, got {mode!r}.")
        self.mode = mode
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        draws = random.uniform(self._one_per_image(data), dtype="float32", seed=self._source(seed))
        return {"flips": draws <= 0.5, "input_shape": self._images_shape(data)}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        images = self._in_compute_dtype(images)
        if not training or transformation is None:
            return images
        return self._flip(images, jnp.asarray(transformation["flips"]))

    def _flip(self, images: jax.Array, flips: jax.Array) -> jax.Array:
        down, across = self._spatial_axes
        flips = per_image(flips, images) if images.ndim == 4 else jnp.reshape(flips, (1, 1, 1))
        if "horizontal" in self.mode:
            images = jnp.where(flips, jnp.flip(images, across), images)
        if "vertical" in self.mode:
            images = jnp.where(flips, jnp.flip(images, down), images)
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training or transformation is None:
            return bounding_boxes
        height, width = self._size(transformation["input_shape"])

        def flip(boxes: jax.Array) -> jax.Array:
            flips = jnp.reshape(jnp.asarray(transformation["flips"]), (-1, 1, 1))
            x0, y0, x1, y1 = jnp.split(boxes, 4, axis=-1)
            if "horizontal" in self.mode:
                x0, x1 = jnp.where(flips, width - x1, x0), jnp.where(flips, width - x0, x1)
            if "vertical" in self.mode:
                y0, y1 = jnp.where(flips, height - y1, y0), jnp.where(flips, height - y0, y1)
            return jnp.concatenate([x0, y0, x1, y1], axis=-1)

        return self._move_boxes(bounding_boxes, flip, (height, width))

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool | None = True
    ) -> Tensor:
        return self.transform_images(segmentation_masks, transformation, training)
