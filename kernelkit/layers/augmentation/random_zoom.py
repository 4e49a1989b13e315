"""RandomZoom: images made larger or smaller at random."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.augmentation.ranges import factor_range
from kernelkit.layers.augmentation.warp import Warp, transform_rows
from kernelkit.typing import Seed, Transformation, Tree


class RandomZoom(Warp):
    """Zoom into or out of each image at random, around its middle.

    Args:
        height_factor: Change of the visible height, as a share of the height: two numbers in (-1, 1] to draw from, or
            one number x for [-x, x]. 0.5 zooms out: the output shows 1.5 heights. -0.5 zooms in to half the height.
        width_factor: The same for the width; ``None`` keeps the proportions.
        fill_mode: Outside of the image: ``"reflect"``, ``"wrap"``, ``"constant"`` or ``"nearest"``.
        interpolation: ``"bilinear"`` or ``"nearest"``.
        seed: Int, or ``None`` for a random one.
        fill_value: Value outside of the image in the mode ``"constant"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Call arguments: images, or a dict of images with their labels, boxes and masks; and ``training``: when false,
    nothing is changed.

    Raises:
        ValueError: If a factor is invalid.

    Example:
        >>> import kernelkit as kk
        >>> x = kk.ops.reshape(kk.ops.arange(5.0), (1, 1, 5, 1))
        >>> kk.layers.RandomZoom((-0.5, -0.5))(x).ravel().tolist()
        [1.0, 1.5, 2.0, 2.5, 3.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(interpolation, fill_mode, fill_value, seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._height_range = factor_range(self, height_factor, "height_factor", open_low=True)
        self._width_range = None
        if width_factor is not None:
            self._width_range = factor_range(self, width_factor, "width_factor", open_low=True)

    def get_random_transformation(self, data: Tree, training: bool | None = True, seed: Seed = None) -> Transformation:
        if not training:
            return None
        batch, _, _ = self._shape_of(data)
        seed = self._source(seed)

        def draw(factors: tuple) -> jax.Array:
            return random.uniform((batch, 1), 1 + factors[0], 1 + factors[1], dtype="float32", seed=seed)

        height_zoom = draw(self._height_range)
        width_zoom = height_zoom if self._width_range is None else draw(self._width_range)
        return {"height_zoom": height_zoom, "width_zoom": width_zoom, "input_shape": self._images_shape(data)}

    def _warp(self, images: jax.Array, transformation: Transformation, interpolation: str) -> jax.Array:
        zoom_x, start_x, zoom_y, start_y = _zoom(transformation, *self._size(images.shape))
        return self._affine(images, transform_rows(zoom_x, 0, start_x, 0, zoom_y, start_y), interpolation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict, transformation: Transformation, training: bool | None = True
    ) -> dict:
        if not training or transformation is None:
            return bounding_boxes
        size = self._size(transformation["input_shape"])
        zoom_x, start_x, zoom_y, start_y = _zoom(transformation, *size)
        start = jnp.stack([start_x, start_y] * 2, axis=-1)[:, None]
        zoom = jnp.stack([zoom_x, zoom_y] * 2, axis=-1)[:, None]
        return self._move_boxes(bounding_boxes, lambda corners: (corners - start) / zoom, size)


def _zoom(transformation: dict, height: int, width: int) -> tuple:
    """Return the zoom (batch,) and the first visible position, along the width and along the height."""
    zoom_x, zoom_y = (jnp.ravel(jnp.asarray(transformation[k], "float32")) for k in ("width_zoom", "height_zoom"))
    return zoom_x, (width - 1) / 2 * (1 - zoom_x), zoom_y, (height - 1) / 2 * (1 - zoom_y)
