"""RandomGaussianBlur: images blurred at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.random_invert import happens
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.ops.image.filters import blur
from kernelkit.typing import Factor, Seed, Sizes, Transformation, Tree

_TINY = 1e-6


class RandomGaussianBlur(ColorTransform):
    """Blur images with a Gaussian of random width.

    Args:
        factor: Probability that an image is changed: two numbers in [0, 1] to draw from, or one number x for [0, x].
        kernel_size: Height and width of the kernel in pixels, both odd; or one number for both.
        sigma: Range of the Gaussian's standard deviations along width and height, in pixels, drawn once for a batch:
            two numbers in [0, 1], or one number x for [0, x].
        value_range: Lowest and highest value of a pixel; results are clipped to it.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomGaussianBlur(kernel_size=5, seed=0)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        kernel_size: Sizes = 3,
        sigma: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))
        self.kernel_size = self._odd_sizes(kernel_size)
        self.sigma = factor_range(self, sigma, "sigma", (0, 1))

    def _odd_sizes(self, kernel_size: Sizes) -> tuple[int, int]:
        sizes = kernel_size if isinstance(kernel_size, (list, tuple)) else (kernel_size, kernel_size)
        if len(sizes) != 2 or any(not isinstance(s, int) or s < 1 or s % 2 == 0 for s in sizes):
            raise ValueError(
                f"{self.who()}: `kernel_size` must be an odd number of pixels, or two of them, got {kernel_size!r}."
            )
        return (sizes[0], sizes[1])

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        seed = self._source(seed)
        apply = happens(self._shape_of(data)[0], self.factor, seed)
        sigma = random.uniform((2,), *self.sigma, dtype="float32", seed=seed) + _TINY
        return {"should_apply_blur": apply, "blur_factor": sigma}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        across, down = jnp.asarray(transformation["blur_factor"], images.dtype)
        batch = jnp.moveaxis(images, self._channel_axis, -1)
        size_across, size_down = self.kernel_size
        blurred = jnp.moveaxis(blur(batch, (size_down, size_across), (down, across)), -1, self._channel_axis)
        return self._clip(jnp.where(per_image(transformation["should_apply_blur"], images), blurred, images))
