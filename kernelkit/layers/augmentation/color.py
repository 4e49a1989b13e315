"""The base of layers that change pixel values: the range of values, and the seed of random factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from kernelkit.layers.augmentation.ranges import value_range_of
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.random import SeedGenerator
from kernelkit.typing import Tensor, Transformation


class ColorTransform(ImageTransform):
    """The base of layers that change pixel values only: labels, boxes and masks are unchanged.

    A subclass overrides :meth:`_recolor`. Outside of training, images are only cast.

    Args:
        value_range: Lowest and highest value of a pixel.
        seed: Int, or ``None`` for a random one.
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_of(self, value_range)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _recolor(self, images: Tensor, transformation: Transformation) -> Tensor:
        """Return the changed images, floats (batch, height, width, channels); subclasses override it."""
        raise NotImplementedError

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        if not training or transformation is None:
            return self._in_compute_dtype(images)
        return self._in_compute_dtype(self._recolor(self._in_floats(images), transformation))

    def _clip(self, images: Tensor) -> Tensor:
        return jnp.clip(images, *self.value_range)
