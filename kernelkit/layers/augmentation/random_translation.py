"""RandomTranslation: images shifted at random."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.warp import Warp, transform_rows
from kernelkit.typing import Seed, Transformation, Tree


class RandomTranslation(Warp):
    """Shift each image by random shares of its height and width.

    Args:
        height_factor: Shift downwards in shares of the height: two numbers in [-1, 1] to draw from, or one number x for
            [-x, x].
        width_factor: Shift to the right in shares of the width, likewise.
        fill_mode: Outside of the image: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        seed: Int, or ``None`` for a random one.
        fill_value: Value outside of the image in the mode ``"constant"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If a factor is invalid.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.ops.reshape(kk.ops.arange(4.0), (1, 1, 4, 1))
        >>> kk.layers.RandomTranslation(0.0, (0.25, 0.25), fill_mode="constant")(x).ravel().tolist()
        [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height_range = factor_range(self, height_factor, "height_factor")
        self._width_range = factor_range(self, width_factor, "width_factor")

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, height, width = self._shape_of(data)
        seed = self._source(seed)
        down = random.uniform((batch, 1), *self._height_range, dtype="float32", seed=seed) * height
        right = random.uniform((batch, 1), *self._width_range, dtype="float32", seed=seed) * width
        return {"translations": jnp.concatenate([right, down], axis=1), "input_shape": self._images_shape(data)}

    def _warp(self, images: jax.Array, transformation: Transformation, interpolation: str) -> jax.Array:
        shift = jnp.asarray(transformation["translations"], "float32")
        return self._affine(images, transform_rows(1, 0, -shift[:, 0], 0, 1, -shift[:, 1]), interpolation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training or transformation is None:
            return bounding_boxes
        shift = jnp.tile(jnp.asarray(transformation["translations"], "float32"), (1, 2))[:, None]
        size = self._size(transformation["input_shape"])
        return self._move_boxes(bounding_boxes, lambda corners: corners + shift, size)
