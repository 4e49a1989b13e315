"""MixUp: images blended in pairs."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.mixing import BatchMix
from kernelkit.typing import Seed, Tensor, Transformation, Tree


class MixUp(BatchMix):
    """Blend each image with another image of the batch by a random weight, and the labels by the same weight.

    Args:
        alpha: Concentration of the beta distribution of the weights. A smaller one mixes less.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Call arguments: a dict of images, one-hot labels and more, or images; and ``training``: when false, nothing is
    changed. A blended image gets the boxes of both images. Masks are blended, so they should be one-hot.

    Source: Zhang et al., 2018, mixup: Beyond empirical risk minimization.

    Example:
        >>> import kernelkit as kk
        >>> data = {"images": kk.ops.ones((2, 4, 4, 3)), "labels": kk.ops.eye(2)}
        >>> kk.layers.MixUp(seed=0)(data)["labels"].sum(axis=1).round(3).tolist()
        [1.0, 1.0]
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.alpha = alpha

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, seed = self._shape_of(data)[0], self._source(seed)
        order = random.shuffle(jnp.arange(batch, dtype="int32"), seed=seed)
        weight = random.beta((batch,), self.alpha, self.alpha, dtype="float32", seed=seed)
        return {"mix_weight": weight, "permutation_order": order}

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        images = self._in_compute_dtype(images)
        if not training or transformation is None:
            return images
        batch = images if images.ndim == 4 else images[None]
        return self._weighed(batch, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool | None = True
    ) -> Tensor:
        if not training or transformation is None:
            return segmentation_masks
        return self._weighed(self._in_compute_dtype(segmentation_masks), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training or transformation is None:
            return bounding_boxes
        order = jnp.asarray(transformation["permutation_order"])
        both = {
            k: jnp.concatenate([jnp.asarray(v), jnp.take(jnp.asarray(v), order, axis=0)], axis=1)
            for k, v in bounding_boxes.items()
            if k in ("boxes", "labels")
        }
        return {**bounding_boxes, **both}
