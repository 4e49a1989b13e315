"""RandomGrayscale: colors removed at random."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.transform import ImageTransform, per_image
from kernelkit.ops.image import rgb_to_grayscale
from kernelkit.random import SeedGenerator
from kernelkit.typing import Seed, Tensor, Transformation, Tree


class RandomGrayscale(ImageTransform):
    """Turn RGB images gray at random. A gray image still has three channels, with equal values.

    Args:
        factor: Probability that an image becomes gray, in [0, 1].
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: images of three channels (or of one, which are gray already), or a dict of images with their labels,
    boxes and masks; and ``training``: when false, nothing is changed. Integer images keep their dtype.

    Raises:
        ValueError: If the factor is not a probability, or images have another number of channels.

    Example:
        >>> import kernelkit as kk
        >>> red = kk.ops.array([[[[100.0, 0.0, 0.0]]]])
        >>> len(set(kk.layers.RandomGrayscale(1.0)(red).ravel().tolist()))
        1
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"{self.who()}: `factor` must be a probability from 0 to 1, got {factor!r}.")
        self.factor = factor
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        draws = random.uniform((self._shape_of(data)[0],), dtype="float32", seed=self._source(seed))
        return (draws < self.factor)[:, None, None, None]

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        images = jnp.asarray(images)
        channels = images.shape[self._channel_axis]
        if channels not in (1, 3):
            raise ValueError(
                f"{self.who()} takes images of three channels (RGB) or one, got {channels} (shape {images.shape}, "
                f"data_format={self.data_format!r})."
            )
        if channels == 1 or not training or transformation is None:
            return images
        gray: jax.Array = rgb_to_grayscale(images, self.data_format)
        return jnp.where(per_image(transformation, images), gray, images)
