"""RandomElasticTransform: images distorted at random, as if drawn on rubber."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.random_invert import happens
from kernelkit.layers.augmentation.ranges import factor_range, value_range_of
from kernelkit.layers.augmentation.transform import per_image
from kernelkit.layers.augmentation.warp import Warp
from kernelkit.ops.image.filters import convolve
from kernelkit.ops.image.warping import pixel_grid, read_pixels
from kernelkit.typing import Factor, Seed, Tensor, Transformation, Tree

_REACH = 6  # the kernel is this many standard deviations wide


class RandomElasticTransform(Warp):
    """Move each pixel of images by a random, smooth field of shifts. Masks follow; boxes are not supported.

    Args:
        factor: Probability that an image is changed: two numbers in [0, 1] to draw from, or one number x for [0, x].
        scale: Range of the strength, drawn once for a batch: two numbers in [0, 1], or one number x for [0, x].
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill_mode: Outside of the image: ``"reflect"``, ``"wrap"``, ``"constant"``, ``"nearest"`` or ``"mirror"``.
        fill_value: Value outside of the image in the mode ``"constant"``.
        value_range: Lowest and highest value of a pixel; results are clipped to it.
        seed: Int, or ``None`` for a random one.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If an argument is invalid.
        NotImplementedError: If the dict has bounding boxes.

    Source: Simard, Steinkraus and Platt, 2003, Best practices for convolutional neural networks.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RandomElasticTransform(seed=0)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    _modes = (*Warp._modes, "mirror")

    def __init__(
        self,
        factor: Factor = 1.0,
        scale: Tensor = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.factor = factor_range(self, factor, bounds=(0, 1))
        self.scale = factor_range(self, scale, "scale", (0, 1))
        self.value_range = value_range_of(self, value_range)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        seed = self._source(seed)
        apply = happens(self._shape_of(data)[0], self.factor, seed)
        strength = random.uniform((), *self.scale, dtype="float32", seed=seed)
        # One key, so that images and masks are distorted alike.
        return {"apply_transform": apply, "distortion_factor": strength, "seed": random.draw_seed(seed)}

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        images = super().transform_images(images, transformation, training)
        if not training or transformation is None:
            return images
        return jnp.clip(images, *self.value_range).astype(images.dtype)

    def _warp(self, images: jax.Array, transformation: Transformation, interpolation: str) -> jax.Array:
        batch = jnp.moveaxis(images, self._channel_axis, -1)
        batch = batch if images.ndim == 4 else batch[None]
        apply = per_image(transformation["apply_transform"], batch)
        strength, seed = transformation["distortion_factor"], transformation["seed"]
        shift = _smooth_shifts(batch.shape[:3], strength, max(self.scale), seed)
        columns, rows = pixel_grid(batch, "float32")
        order = 0 if interpolation == "nearest" else 1
        moved = read_pixels(
            batch, columns + shift[..., 0], rows + shift[..., 1], order, self.fill_mode, self.fill_value
        )
        kept = jnp.where(apply, moved, batch)
        return jnp.moveaxis(kept if images.ndim == 4 else kept[0], -1, self._channel_axis)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training:
            return bounding_boxes
        raise NotImplementedError(
            f"{self.who()} cannot move bounding boxes, since each pixel moves on its own. Leave them out of the dict, "
            "or use RandomPerspective or RandomShear."
        )


def _smooth_shifts(shape: tuple, strength: Any, most: float, seed: Seed) -> jax.Array:
    """Draw smooth fields of shifts (batch, height, width, 2), in pixels.

    Args:
        shape: Number of images, their height and their width.
        strength: Strength of the distortion, in [0, 1]; it may be traced.
        most: The largest strength, which bounds the kernel's size.
        seed: Seed of the draws.
    """
    alpha, sigma = (jnp.asarray(strength, "float32") * v for v in (0.1 * max(shape[1:]), 0.05 * min(shape[1:])))
    half = int(_REACH * max(most, 1e-6) * 0.05 * min(shape[1:])) // 2
    places = jnp.arange(-half, half + 1, dtype="float32")
    weights = jnp.exp(-0.5 * jnp.square(places / (sigma + 1e-6)))
    weights = jnp.where(jnp.abs(places) <= _REACH * sigma // 2, weights, 0.0)
    weights = weights / jnp.sum(weights)
    noise = random.normal((*shape, 2), dtype="float32", seed=seed)
    return convolve(convolve(noise, weights[:, None], "SAME"), weights[None, :], "SAME") * alpha
