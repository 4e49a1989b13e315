"""RandomHue: hues of colors changed at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image, rescale_values
from kernelkit.ops.image import hsv_to_rgb, rgb_to_hsv
from kernelkit.typing import Factor, Seed, Transformation, Tree


class RandomHue(ColorTransform):
    """Rotate the hues of RGB images by a random angle, in either direction.

    Args:
        factor: Angle in half turns: two numbers in [0, 1] to draw from, or one number x for [0, x].
        value_range: Lowest and highest value of a pixel.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> red = kk.ops.array([[[[255.0, 0.0, 0.0]]]])
        >>> kk.layers.RandomHue((1.0, 1.0))(red).round().ravel().tolist()
        [0.0, 255.0, 255.0]
    """

    def __init__(
        self,
        factor: Factor,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, _, _ = self._shape_of(data)
        seed = self._source(seed)
        side = jnp.where(random.uniform((batch,), dtype="float32", seed=seed) > 0.5, -1.0, 1.0)
        return {"factor": side * random.uniform((batch,), *self.factor, dtype="float32", seed=seed) * 0.5}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        hsv = rgb_to_hsv(rescale_values(images, self.value_range, (0, 1)), self.data_format)
        hue, saturation, value = jnp.split(hsv, 3, axis=self._channel_axis)
        hue = (hue + per_image(transformation["factor"], images)) % 1.0
        rgb = hsv_to_rgb(jnp.concatenate([hue, saturation, value], axis=self._channel_axis), self.data_format)
        return rescale_values(jnp.clip(rgb, 0, 1), (0, 1), self.value_range)
