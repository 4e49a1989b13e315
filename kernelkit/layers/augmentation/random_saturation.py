"""RandomSaturation: colors made stronger or paler at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.ops.image import hsv_to_rgb, rgb_to_hsv
from kernelkit.typing import Factor, Seed, Transformation, Tree

_TINY = 1e-7


class RandomSaturation(ColorTransform):
    """Multiply the saturation of RGB images by ``f / (1 - f)`` with a random f: 0 gives gray, 0.5 changes nothing.

    Args:
        factor: Range of f: two numbers in [-1, 1], or one number x for [-x, x]. Below 0 the result is gray, as at 0.
        value_range: Lowest and highest value of a pixel.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> red = kk.ops.array([[[[200.0, 100.0, 100.0]]]])
        >>> kk.layers.RandomSaturation((0.0, 0.0))(red).ravel().tolist()
        [200.0, 200.0, 200.0]
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
        self.factor = factor_range(self, factor)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, _, _ = self._shape_of(data)
        draws = random.uniform((batch,), *self.factor, dtype="float32", seed=self._source(seed))
        return {"factor": draws / (1 - draws + _TINY)}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        low, high = self.value_range
        hsv = rgb_to_hsv((images - low) / (high - low), self.data_format)
        hue, saturation, value = jnp.split(hsv, 3, axis=self._channel_axis)
        saturation = jnp.clip(saturation * per_image(transformation["factor"], images), 0, 1)
        rgb = hsv_to_rgb(jnp.concatenate([hue, saturation, value], axis=self._channel_axis), self.data_format)
        return rgb * (high - low) + low
