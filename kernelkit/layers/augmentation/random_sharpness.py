"""RandomSharpness: images blurred or sharpened at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.ops.image.filters import convolve
from kernelkit.typing import Factor, Seed, Transformation, Tree


class RandomSharpness(ColorTransform):
    """Blend images with a smoothed version: 0 gives the smoothed images, 0.5 changes nothing, 1 sharpens.

    Args:
        factor: Range of the blend: two numbers in [0, 1], or one number x for [0, x].
        value_range: Lowest and highest value of a pixel; results are clipped to it.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.ops.ones((1, 3, 3, 1)) * 13
        >>> kk.layers.RandomSharpness((0.5, 0.5))(x)[0, 0, :, 0].tolist()
        [13.0, 13.0, 13.0]
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
        return {"factor": random.uniform((batch,), *self.factor, dtype="float32", seed=self._source(seed))}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        strength = 2 * per_image(transformation["factor"], images)
        return self._clip(images + (1 - strength) * (_smoothed(images, self.data_format) - images))


def _smoothed(images: jax.Array, data_format: str) -> jax.Array:
    """Return each pixel averaged with its neighbors; the pixel itself has weight 5, pixels outside are zero."""
    kernel = jnp.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], images.dtype) / 13
    if data_format == "channels_first":
        return jnp.moveaxis(convolve(jnp.moveaxis(images, 1, -1), kernel, "SAME"), -1, 1)
    return convolve(images, kernel, "SAME")
