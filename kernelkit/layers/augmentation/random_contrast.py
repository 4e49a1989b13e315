"""RandomContrast: contrast raised at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.typing import Factor, Seed, Transformation, Tree


class RandomContrast(ColorTransform):
    """Multiply the distances of each channel's values from their mean by a random number.

    Args:
        factor: Two numbers ``(lower, upper)`` in [0, 1]: the multiplier is drawn from ``1 - lower`` to ``1 + upper``.
            One number is ``upper``, with ``lower`` 0.
        value_range: Lowest and highest value of a pixel; results are clipped to it.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.ops.reshape(kk.ops.array([100.0, 200.0]), (1, 1, 2, 1))
        >>> y = kk.layers.RandomContrast(0.5, seed=0)(x).ravel().tolist()
        >>> y[0] <= 100 and y[1] >= 200
        True
    """

    def __init__(
        self, factor: Factor, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range, seed, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        low, high = 1.0 - self.factor[0], 1.0 + self.factor[1]
        shape = self._one_per_image(data)
        return {"contrast_factor": random.uniform(shape, low, high, dtype="float32", seed=self._source(seed))}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        mean = jnp.mean(images, axis=self._spatial_axes, keepdims=True)
        factor = per_image(transformation["contrast_factor"], images)
        return self._clip((images - mean) * factor + mean)
