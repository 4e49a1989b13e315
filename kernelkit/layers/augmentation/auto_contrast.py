"""AutoContrast: values stretched over their whole range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.ranges import value_range_of
from kernelkit.layers.augmentation.transform import ImageTransform, rescale_values
from kernelkit.typing import Tensor, Transformation


class AutoContrast(ImageTransform):
    """Stretch the values of each channel of an image over the whole range. Active in training and outside of it.

    Args:
        value_range: Lowest and highest value of a pixel.

    Raises:
        ValueError: If the range is not two numbers.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AutoContrast()(kk.ops.array([[[[100.0], [120.0], [200.0]]]])).ravel().tolist()
        [0.0, 51.0, 255.0]
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = value_range_of(self, value_range)

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        return self._in_compute_dtype(self._stretched(self._in_floats(images)))

    def _stretched(self, images: jax.Array) -> jax.Array:
        values = rescale_values(images, self.value_range, (0, 255))
        low = jnp.min(values, axis=self._spatial_axes, keepdims=True)
        high = jnp.max(values, axis=self._spatial_axes, keepdims=True)
        scale = 255.0 / jnp.where(high == low, 1.0, high - low)
        # A constant channel cannot be stretched.
        stretched = jnp.where(high == low, values, jnp.clip(values * scale - low * scale, 0, 255))
        return rescale_values(stretched, (0, 255), self.value_range)
