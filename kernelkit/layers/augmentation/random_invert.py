"""RandomInvert: negatives at random."""

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


class RandomInvert(ColorTransform):
    """Replace images by their negatives at random.

    Args:
        factor: Probability that an image is inverted: two numbers in [0, 1] to draw from, or one number x for [0, x].
        value_range: Lowest and highest value of a pixel.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomInvert((1.0, 1.0))(kk.ops.array([[[[0.0], [55.0]]]])).ravel().tolist()
        [255.0, 200.0]
    """

    def __init__(
        self,
        factor: Factor = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        return {"apply_inversion": happens(self._shape_of(data)[0], self.factor, self._source(seed))}

    def _recolor(self, images: jax.Array, transformation: Transformation) -> jax.Array:
        low, high = self.value_range
        return jnp.where(per_image(transformation["apply_inversion"], images), high - images + low, images)


def happens(batch: int, factor: tuple[Any, Any], seed: Seed) -> jax.Array:
    """Draw for each image whether it is changed; the probability itself is drawn from a range."""
    probability = random.uniform((batch,), *factor, dtype="float32", seed=seed)
    return random.uniform((batch,), dtype="float32", seed=seed) < probability
