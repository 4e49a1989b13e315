"""RandomBrightness: images made brighter or darker at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.typing import Factor, Seed, Tensor, Transformation, Tree


class RandomBrightness(ColorTransform):
    """Add a random number to all pixels of an image.

    Args:
        factor: The number to add, as a share of the range of values: two numbers in [-1, 1] to draw from, or one number
            x for [-x, x].
        value_range: Lowest and highest value of a pixel; results are clipped to it.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed. Integer images keep their dtype.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomBrightness((0.2, 0.2))(kk.ops.ones((1, 1, 2, 1))).ravel().tolist()
        [52.0, 52.0]
    """

    def __init__(
        self, factor: Factor, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range, seed, **kwargs)
        self.factor = factor_range(self, factor)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        shape = self._one_per_image(data)
        if not training:
            return {"rgb_delta": jnp.zeros(shape, "float32")}
        draws = random.uniform(shape, *self.factor, dtype="float32", seed=self._source(seed))
        return {"rgb_delta": draws * (self.value_range[1] - self.value_range[0])}

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        images = jnp.asarray(images)
        if not training or transformation is None:
            return images
        return self._recolor(self._in_floats(images), transformation).astype(images.dtype)

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        return self._clip(images + per_image(transformation["rgb_delta"], images))
