"""Equalization: values spread so that each is about as frequent as the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.ranges import value_range_of
from kernelkit.layers.augmentation.transform import ImageTransform, rescale_values
from kernelkit.typing import Tensor, Transformation


class Equalization(ImageTransform):
    """Spread the values of each channel so that all are about equally frequent.

    Frequencies are counted over all images of the batch, as Keras counts them.

    Args:
        value_range: Lowest and highest value of a pixel.
        bins: Number of histogram bins.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If the range is not two numbers.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Equalization()(kk.ops.array([[[[100.0], [101.0], [102.0]]]])).ravel().tolist()
        [0.0, 128.0, 255.0]
    """

    def __init__(
        self, value_range: Sequence[float] = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        self.bins = bins

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        if not training:
            return self._in_compute_dtype(images)
        values = jnp.moveaxis(
            rescale_values(self._in_floats(images), self.value_range, (0, 255)), self._channel_axis, 0
        )
        equalized = jnp.moveaxis(jax.vmap(self._equalized)(values), 0, self._channel_axis)
        return self._in_compute_dtype(rescale_values(equalized, (0, 255), self.value_range))

    def _equalized(self, values: jax.Array) -> jax.Array:
        """Return one channel's values in [0, 255] equalized."""
        bins = jnp.clip((values / 255 * (self.bins - 1)).astype("int32"), 0, self.bins - 1)
        counts = jnp.bincount(bins.ravel(), length=self.bins)
        total = jnp.cumsum(counts)
        first = total[jnp.argmax(total > 0)]
        span = total[-1] - first
        spread = (total - first) * 255 / jnp.where(span == 0, 1, span)
        table = jnp.clip(jnp.round(spread), 0, 255)
        return jnp.where(jnp.sum(counts > 0) <= 1, values, table[bins])
