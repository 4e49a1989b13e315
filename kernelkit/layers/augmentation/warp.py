"""The base of layers that move pixels: interpolation between pixels, and filling outside of the borders."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.transform import ImageTransform
from kernelkit.ops.image import affine_transform
from kernelkit.random import SeedGenerator
from kernelkit.typing import Tensor, Transformation

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


class Warp(ImageTransform):
    """The base of layers that move pixels. Masks move like images, with nearest-pixel interpolation.

    Args:
        interpolation: ``"bilinear"`` or ``"nearest"``.
        fill_mode: Outside of the image: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        fill_value: Value outside of the image in the mode ``"constant"``.
        seed: Int, or ``None`` for a random one.
    """

    _modes: tuple[str, ...] = FILL_MODES

    def __init__(
        self,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.interpolation = self._one_of("interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = self._one_of("fill_mode", fill_mode, self._modes)
        self.fill_value = fill_value
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _one_of(self, name: str, value: str, allowed: tuple) -> str:
        if value not in allowed:
            raise NotImplementedError(
                f"{self.who()}: `{name}` must be one of {', '.join(map(repr, allowed))}, got {value!r}."
            )
        return value

    def _warp(self, images: jax.Array, transformation: Transformation, interpolation: str) -> jax.Array:
        """Return the moved images (batch, height, width, channels); subclasses override it."""
        raise NotImplementedError

    def transform_images(self, images: Tensor, transformation: Transformation, training: bool | None = True) -> Tensor:
        images = self._in_compute_dtype(images)
        if not training or transformation is None:
            return images
        return self._warp(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Tensor, transformation: Transformation, training: bool | None = True
    ) -> Tensor:
        if not training or transformation is None:
            return segmentation_masks
        return self._warp(jnp.asarray(segmentation_masks), transformation, "nearest")

    def _affine(self, images: jax.Array, rows: jax.Array, interpolation: str) -> jax.Array:
        return affine_transform(images, rows, interpolation, self.fill_mode, self.fill_value, self.data_format)


def transform_rows(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any) -> jax.Array:
    """Return affine transforms (batch, 8): the pixel (x, y) is read at (a0 x + a1 y + a2, b0 x + b1 y + b2)."""
    zero = jnp.zeros((), "float32")
    columns = [jnp.ravel(jnp.asarray(v, "float32")) for v in (a0, a1, a2, b0, b1, b2, zero, zero)]
    return jnp.stack(jnp.broadcast_arrays(*columns), axis=-1)
