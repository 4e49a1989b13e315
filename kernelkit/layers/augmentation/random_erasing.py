"""RandomErasing: rectangles of images wiped out at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.patches import random_interval, rectangle_masks
from kernelkit.layers.augmentation.random_invert import happens
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.typing import Factor, Seed, Tensor, Transformation, Tree


class RandomErasing(ColorTransform):
    """Erase a random rectangle of each image. Labels, boxes and masks are unchanged.

    Args:
        factor: Probability that an image is changed: two numbers in [0, 1] to draw from, or one number x for [0, x].
        scale: Range of the rectangle's share of the image's area: two numbers in [0, 1], or one number x for [0, x].
        fill_value: Value inside the rectangle; noise for ``None``.
        value_range: Lowest and highest value of a pixel; noise is clipped to it.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Source: Zhong et al., 2020, Random erasing data augmentation.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0, seed=0)
        >>> float(layer(kk.ops.ones((1, 8, 8, 1))).sum())
        48.0
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Tensor = (0.02, 0.33),
        fill_value: float | None = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))
        self.scale = factor_range(self, scale, "scale", (0, 1))
        self.fill_value = fill_value

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, height, width = self._shape_of(data)
        seed = self._source(seed)
        shares = jnp.sqrt(random.uniform((batch, 2), *self.scale, dtype="float32", seed=seed))
        across = random_interval(batch, width, shares[:, 0], seed)
        down = random_interval(batch, height, shares[:, 1], seed)
        return {
            "apply_erasing": happens(batch, self.factor, seed),
            "batch_masks": rectangle_masks((batch, height, width), across, down, self.data_format),
            "fill_value": self._fill(self._images_shape(data), seed),
        }

    def _fill(self, shape: tuple, seed: Seed) -> Any:
        if self.fill_value is not None:
            return self.fill_value
        noise = random.normal(shape, dtype="float32", seed=seed)
        return jnp.clip(noise * self.value_range[1], *self.value_range)

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        erased = jnp.where(jnp.asarray(transformation["batch_masks"]), transformation["fill_value"], images)
        return jnp.where(per_image(transformation["apply_erasing"], images), erased, images)
