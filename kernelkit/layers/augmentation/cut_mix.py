"""CutMix: rectangles of images replaced by rectangles of other images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.mixing import BatchMix
from kernelkit.layers.augmentation.patches import random_interval, rectangle_masks
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.typing import Factor, Seed, Tensor, Transformation, Tree

_TINY = 1e-6


class CutMix(BatchMix):
    """Replace a random rectangle of each image by the same rectangle of another image; mix the labels by area.

    Args:
        factor: Range of the concentration of the beta distribution of areas: two numbers in [0, 1], or one number x for
            [0, x].
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: a dict of images, one-hot labels and masks, or images; and ``training``: when false, nothing is
    changed. Bounding boxes are not supported.

    Raises:
        ValueError: If the factor is invalid, or labels are not one-hot.
        NotImplementedError: If the dict has bounding boxes.

    Source: Yun et al., 2019, CutMix: regularization strategy to train strong classifiers with localizable features.

    Example:
        >>> import kernelkit as kk
        >>> data = {"images": kk.ops.ones((2, 4, 4, 3)), "labels": kk.ops.eye(2)}
        >>> kk.layers.CutMix(seed=0)(data)["labels"].sum(axis=1).round(3).tolist()
        [1.0, 1.0]
    """

    def __init__(
        self, factor: Factor = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training or len(self._images_shape(data)) == 3:
            return None
        batch, height, width = self._shape_of(data)
        seed = self._source(seed)
        alpha = random.uniform((), *self.factor, dtype="float32", seed=seed) + _TINY
        weight = random.beta((batch,), alpha, alpha, dtype="float32", seed=seed)
        share = jnp.sqrt(1 - weight)
        across = random_interval(batch, width, share, seed)
        down = random_interval(batch, height, share, seed)
        return {
            "permutation_order": random.shuffle(jnp.arange(batch, dtype="int32"), seed=seed),
            "batch_masks": rectangle_masks((batch, height, width), across, down, self.data_format),
            "mix_weight": weight[:, None, None, None],
        }

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        images = self._in_compute_dtype(images)
        if not training or transformation is None:
            return images
        return _exchanged(images, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool | None = True
    ) -> Tensor:
        if not training or transformation is None:
            return segmentation_masks
        return _exchanged(jnp.asarray(segmentation_masks), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training:
            return bounding_boxes
        raise NotImplementedError(
            f"{self.who()} cannot cut bounding boxes: leave them out of the dict, or use MixUp, which takes them."
        )


def _exchanged(images: jax.Array, transformation: Transformation) -> jax.Array:
    partners = jnp.take(images, jnp.asarray(transformation["permutation_order"]), axis=0)
    return jnp.where(jnp.asarray(transformation["batch_masks"]), partners, images)
