"""Solarization: bright pixels turned into their negatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.typing import Seed, Transformation, Tree


class Solarization(ColorTransform):
    """Add a number to all pixels, then replace each pixel above a threshold by its negative.

    Args:
        addition_factor: The number to add, as a share of the range of values: two numbers in [0, 1] to draw from, or
            one number x for [0, x].
        threshold_factor: The threshold, likewise. Without a threshold, all pixels are inverted.
        value_range: Lowest and highest value of a pixel; results are clipped to it.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Source: Cubuk et al., 2019, AutoAugment: learning augmentation strategies from data.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.Solarization(threshold_factor=(0.5, 0.5))
        >>> layer(kk.ops.array([[[[10.0], [200.0]]]])).ravel().tolist()
        [10.0, 55.0]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, **kwargs)
        self.addition_factor = factor_range(self, addition_factor, "addition_factor", (0, 1))
        self.threshold_factor = factor_range(self, threshold_factor, "threshold_factor", (0, 1))

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        shape, seed = self._one_per_image(data), self._source(seed)
        span = self.value_range[1] - self.value_range[0]

        def draw(factor: tuple) -> jax.Array:
            return random.uniform(shape, span * factor[0], span * factor[1], dtype="float32", seed=seed)

        return {"additions": draw(self.addition_factor), "thresholds": draw(self.threshold_factor)}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        additions, thresholds = (per_image(transformation[k], images) for k in ("additions", "thresholds"))
        images = self._clip(images + additions)
        return jnp.where(images < thresholds, images, self.value_range[1] - images + self.value_range[0])
