"""RandomRotation: images turned at random."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation import boxes
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.warp import Warp, transform_rows
from kernelkit.typing import Factor, Seed, Transformation, Tree


class RandomRotation(Warp):
    """Rotate each image around its middle by a random angle.

    Args:
        factor: Angle in full turns, counter-clockwise: two numbers in [-1, 1] to draw from, or one number x for
            [-x, x].
        fill_mode: Outside of the image: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        seed: Int, or ``None`` for a random one.
        fill_value: Value outside of the image in the mode ``"constant"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If the factor is invalid.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.ops.reshape(kk.ops.arange(9.0), (1, 3, 3, 1))
        >>> kk.layers.RandomRotation((0.25, 0.25))(x)[0, :, :, 0].round().astype("int32").tolist()
        [[2, 5, 8], [1, 4, 7], [0, 3, 6]]
    """

    def __init__(
        self,
        factor: Factor,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, height, width = self._shape_of(data)
        low, high = (360.0 * f for f in self.factor)
        angle = random.uniform((batch,), low, high, dtype="float32", seed=self._source(seed))
        return {
            "angle": angle,
            "rotation_matrix": _rotation(angle, height, width),
            "image_height": height,
            "image_width": width,
            "batch_size": batch,
        }

    def _warp(self, images: jax.Array, transformation: Transformation, interpolation: str) -> jax.Array:
        return self._affine(images, transformation["rotation_matrix"], interpolation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training or transformation is None:
            return bounding_boxes
        size = transformation["image_height"], transformation["image_width"]
        angle = jnp.asarray(transformation["angle"])
        zero, one = jnp.zeros_like(angle), jnp.ones_like(angle)

        def turn(corners: jax.Array) -> jax.Array:
            return boxes.affine_transform(corners, angle, zero, zero, one, zero, zero, *size)

        return self._move_boxes(bounding_boxes, turn, size)


def _rotation(angle: jax.Array, height: int, width: int) -> jax.Array:
    """Return the transforms (batch, 8) that rotate images around their middle by degrees (batch,)."""
    center_x, center_y = (width - 1) / 2, (height - 1) / 2
    cosine, sine = jnp.cos(jnp.deg2rad(angle)), jnp.sin(jnp.deg2rad(angle))
    return transform_rows(
        cosine,
        -sine,
        center_x - center_x * cosine + center_y * sine,
        sine,
        cosine,
        center_y - center_x * sine - center_y * cosine,
    )
