"""The base of layers that mix images of one batch: random partners, and the mixing of labels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.transform import ImageTransform, per_image
from kernelkit.random import SeedGenerator
from kernelkit.typing import Tensor, Transformation


class BatchMix(ImageTransform):
    """The base of layers that mix each image with another image of the batch. A single image is unchanged.

    Args:
        seed: Int, or ``None`` for a random one.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def transform_labels(self, labels: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        """Return labels (batch, classes), mixed with the weights of the images."""
        if not training or transformation is None:
            return labels
        labels = jnp.asarray(labels)
        if labels.ndim == 1 and not jnp.issubdtype(labels.dtype, jnp.floating):
            raise ValueError(
                f"{self.who()} mixes labels and cannot use class numbers (shape {labels.shape}, {labels.dtype}): give "
                "one-hot labels, such as keras.utils.to_categorical(labels, num_classes)."
            )
        return self._weighed(labels.astype(self.compute_dtype), transformation)

    def _weighed(self, values: jax.Array, transformation: Transformation) -> jax.Array:
        """Return the weighted sums of values (batch, ...) and the values of their partners."""
        weight = per_image(transformation["mix_weight"], values)
        partners = jnp.take(values, jnp.asarray(transformation["permutation_order"]), axis=0)
        return (weight * values + (1 - weight) * partners).astype(values.dtype)
