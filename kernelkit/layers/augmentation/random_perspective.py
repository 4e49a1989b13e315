"""RandomPerspective: images seen from a random point of view."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.layers.augmentation.warp import Warp
from kernelkit.ops.image import perspective_transform
from kernelkit.ops.image.warping import projection_between
from kernelkit.typing import Factor, Seed, Transformation, Tree


class RandomPerspective(Warp):
    """Change the perspective of images by moving three of their corners at random; the upper left corner is fixed.

    Args:
        factor: Probability that an image is changed: two numbers in [0, 1] to draw from, or one number x for [0, x].
        scale: Largest move of a corner: half of this share of its coordinates.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill_value: Value outside of the image.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If the factor is invalid.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomPerspective(scale=0.2, seed=0)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    _fixed_arguments = ("fill_mode",)

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(interpolation, "constant", fill_value, seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))
        self.scale = scale

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, height, width = self._shape_of(data)
        seed = self._source(seed)
        probability = random.uniform((batch,), *self.factor, dtype="float32", seed=seed)
        apply = random.uniform((batch,), dtype="float32", seed=seed) < probability
        shift = random.uniform((batch, 4, 2), -0.5 * self.scale, 0.5 * self.scale, dtype="float32", seed=seed)
        right, bottom = width - 1.0, height - 1.0
        corners = jnp.array([[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]], "float32")
        start = jnp.broadcast_to(corners, (batch, 4, 2))
        return {
            "apply_perspective": apply,
            "start_points": start,
            "end_points": start + start * shift,
            "input_shape": self._images_shape(data),
        }

    def _warp(self, images: jax.Array, transformation: Transformation, interpolation: str) -> jax.Array:
        start, end = (jnp.asarray(transformation[k], "float32") for k in ("start_points", "end_points"))
        batch = images if images.ndim == 4 else images[None]
        warped = perspective_transform(batch, start, end, interpolation, self.fill_value, self.data_format)
        kept = jnp.where(per_image(transformation["apply_perspective"], batch), warped, batch)
        return kept if images.ndim == 4 else kept[0]

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training or transformation is None:
            return bounding_boxes
        start, end = (jnp.asarray(transformation[k], "float32") for k in ("start_points", "end_points"))
        apply = jnp.reshape(jnp.asarray(transformation["apply_perspective"]), (-1, 1, 1))

        def move(boxes: jax.Array) -> jax.Array:
            return jnp.where(apply, _projected(boxes, projection_between(start, end)), boxes)

        return self._move_boxes(bounding_boxes, move, self._size(transformation["input_shape"]))


def _projected(boxes: jax.Array, rows: jax.Array) -> jax.Array:
    """Return the upright boxes around boxes (batch, boxes, 4) after projective transforms (batch, 8)."""
    x, y = boxes[..., jnp.array([0, 2, 2, 0])], boxes[..., jnp.array([1, 1, 3, 3])]
    a0, a1, a2, b0, b1, b2, c0, c1 = (rows[:, i, None, None] for i in range(8))
    depth = c0 * x + c1 * y + 1
    new_x, new_y = (a0 * x + a1 * y + a2) / depth, (b0 * x + b1 * y + b2) / depth
    return jnp.stack([new_x.min(-1), new_y.min(-1), new_x.max(-1), new_y.max(-1)], axis=-1)
