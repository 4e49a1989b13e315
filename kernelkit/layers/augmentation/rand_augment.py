"""RandAugment: a few augmentations, chosen at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from kernelkit import random
from kernelkit.layers.augmentation.policy import augmentations, choose
from kernelkit.layers.augmentation.ranges import factor_range, value_range_of
from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.random import SeedGenerator
from kernelkit.typing import Factor, Seed, Tensor, Transformation, Tree


class RandAugment(ImageTransform):
    """Apply a few random augmentations to each batch.

    The choices are shear, translation, rotation, brightness, color, contrast, sharpness, posterization, solarization,
    auto-contrast and equalization. The choice is the same for the whole batch; each image has its own strength.

    Args:
        value_range: Lowest and highest value of a pixel.
        num_ops: Number of augmentations, applied one after the other.
        factor: Strength of the augmentations: two numbers in [0, 1] to draw from, or one number x for [0, x].
        interpolation: ``"bilinear"`` or ``"nearest"``.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.

    Source: Cubuk et al., 2020, RandAugment: practical automated data augmentation with a reduced search space.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandAugment(seed=0)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        self.num_ops = num_ops
        self.factor = factor_range(self, factor, bounds=(0, 1))
        self.interpolation = interpolation
        self.seed = seed
        self.generator = SeedGenerator(seed)
        self._names = []
        for name, layer in augmentations(self).items():
            self._names.append(name)
            setattr(self, name, layer)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        seed = self._source(seed)
        chosen = random.randint((self.num_ops,), 0, len(self._names), seed=seed)
        drawn = {n: getattr(self, n).get_random_transformation(data, training, seed) for n in self._names}
        return {"transforms": drawn, "layer_idxes": chosen}

    def _apply(self, method: str, values: Tensor, transformation: Transformation, training: bool | None) -> Any:
        if not training or transformation is None:
            return values

        def branch(name: str) -> Any:
            apply = getattr(getattr(self, name), method)
            return lambda v: apply(v, transformation["transforms"][name], training=training)

        branches = [branch(name) for name in self._names]
        chosen = transformation["layer_idxes"]
        if isinstance(chosen, jax.core.Tracer):  # traced: the branches are compiled once
            return jax.lax.scan(lambda v, index: (choose(index, branches, v), None), values, chosen)[0]
        for index in chosen:
            values = choose(index, branches, values)
        return values

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        return self._apply("transform_images", self._in_compute_dtype(images), transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        return self._apply("transform_bounding_boxes", bounding_boxes, transformation, training)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool | None = True
    ) -> Tensor:
        return self._apply("transform_segmentation_masks", segmentation_masks, transformation, training)
