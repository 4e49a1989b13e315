"""RandomColorDegeneration: colors faded at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from kernelkit import random
from kernelkit.layers.augmentation.color import ColorTransform
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.ops.image import rgb_to_grayscale
from kernelkit.typing import Factor, Seed, Transformation, Tree


class RandomColorDegeneration(ColorTransform):
    """Blend RGB images with their gray version: 0 changes nothing, 1 gives gray.

    Args:
        factor: Range of the share of gray: two numbers in [-1, 1], or one number x for [-x, x].
            Below 0, colors become stronger.
        value_range: Lowest and highest value of a pixel; results are clipped to it.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> red = kk.ops.array([[[[100.0, 0.0, 0.0]]]])
        >>> kk.layers.RandomColorDegeneration((1.0, 1.0))(red).round(2).ravel().tolist()[0]
        29.889999389648438
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
        self.factor = factor_range(self, factor)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        shape = (self._shape_of(data)[0], 1, 1, 1)
        return {"factor": random.uniform(shape, *self.factor, dtype="float32", seed=self._source(seed))}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        gray = rgb_to_grayscale(images, self.data_format)
        return self._clip(images + per_image(transformation["factor"], images) * (gray - images))
