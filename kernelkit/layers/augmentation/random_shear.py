"""RandomShear: images slanted at random."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.warp import Warp, transform_rows
from kernelkit.typing import Factor, Seed, Transformation, Tree


class RandomShear(Warp):
    """Slant each image by random amounts along its width and its height, to either side.

    Args:
        x_factor: Shift of each row relative to the row above, in pixels: two numbers in [0, 1] to draw from, or one
            number x for [-x, x].
        y_factor: Shift of each column relative to the column on its left, likewise.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill_mode: Outside of the image: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        fill_value: Value outside of the image in the mode ``"constant"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If a factor is invalid.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomShear(0.3, 0.1, seed=0)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.x_factor = x_factor
        self.y_factor = y_factor
        self._x_range = self._shear_range(x_factor, "x_factor")
        self._y_range = self._shear_range(y_factor, "y_factor")

    def _shear_range(self, factor: Factor, name: str) -> tuple[Any, Any]:
        if isinstance(factor, (list, tuple)):
            # Keras saves one number as the pair that it made from it.
            bounds = (-1.0, 1.0) if len(factor) == 2 and factor[0] == -factor[1] else (0.0, 1.0)
            return factor_range(self, factor, name, bounds)
        _, high = factor_range(self, factor, name, (0.0, 1.0))
        return (-high, high)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, _, _ = self._shape_of(data)
        seed = self._source(seed)
        side = jnp.where(random.uniform((batch, 1), dtype="float32", seed=seed) > 0.5, -1.0, 1.0)
        down = random.uniform((batch, 1), *self._y_range, dtype="float32", seed=seed)
        right = random.uniform((batch, 1), *self._x_range, dtype="float32", seed=seed)
        return {"shear_factor": jnp.concatenate([right, down], axis=1) * side, "input_shape": self._images_shape(data)}

    def _warp(self, images: jax.Array, transformation: Transformation, interpolation: str) -> jax.Array:
        shear = jnp.asarray(transformation["shear_factor"], "float32")
        return self._affine(images, transform_rows(1, shear[:, 0], 0, shear[:, 1], 1, 0), interpolation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training or transformation is None:
            return bounding_boxes
        shear = jnp.asarray(transformation["shear_factor"], "float32")[:, :, None, None]
        return self._move_boxes(
            bounding_boxes, lambda b: _sheared(b, shear[:, 0], shear[:, 1]), self._size(transformation["input_shape"])
        )


def _sheared(boxes: jax.Array, shear_x: jax.Array, shear_y: jax.Array) -> jax.Array:
    """Return the upright boxes around boxes (batch, boxes, 4) in the image that is read at (x + sx y, sy x + y)."""
    x, y = boxes[..., jnp.array([0, 2, 2, 0])], boxes[..., jnp.array([1, 1, 3, 3])]
    determinant = 1 - shear_x * shear_y
    new_x, new_y = (x - shear_x * y) / determinant, (y - shear_y * x) / determinant
    return jnp.stack([new_x.min(-1), new_y.min(-1), new_x.max(-1), new_y.max(-1)], axis=-1)
