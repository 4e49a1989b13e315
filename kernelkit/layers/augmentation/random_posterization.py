"""RandomPosterization: fewer shades at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image, rescale_values
from kernelkit.typing import Factor, Seed, Transformation, Tree

_BITS = 8


class RandomPosterization(ColorTransform):
    """Keep only the highest bits of each value, so that few shades are left.

    Args:
        factor: Number of bits to keep: two numbers in [1, 8] to draw from, the upper one excluded; or one number x for
            [1, x].
        value_range: Lowest and highest value of a pixel.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Source: Cubuk et al., 2019, AutoAugment: learning augmentation strategies from data.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomPosterization((1, 2))(kk.ops.array([[[[100.0], [200.0]]]])).ravel().tolist()
        [0.0, 128.0]
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
        self.factor = factor_range(self, factor, bounds=(1, _BITS))

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        low, high = (int(f) for f in self.factor)
        bits = random.randint((self._shape_of(data)[0],), low, max(high, low + 1), seed=self._source(seed))
        return {"shift_factor": (_BITS - bits).astype("uint8")}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        values = rescale_values(images, self.value_range, (0, 255)).astype("uint8")
        shift = per_image(transformation["shift_factor"], images).astype("uint8")
        kept = jnp.left_shift(jnp.right_shift(values, shift), shift)
        return rescale_values(kept.astype("float32"), (0, 255), self.value_range)
