"""Contrast limited adaptive histogram equalization (CLAHE): contrast equalized tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.augmentation.ranges import positive_size, value_range_of
from kernelkit.layers.augmentation.transform import ImageTransform, rescale_values
from kernelkit.typing import Tensor, Transformation

_BINS = 256


class ContrastLimitedAdaptiveHistogramEqualization(ImageTransform):
    """Equalize images tile by tile (CLAHE), blending where tiles meet. Active in training and outside of it.

    Args:
        value_range: Lowest and highest value of a pixel.
        clip_limit: Upper bound of a value's frequency in its tile, as a multiple of the average frequency. The excess
            is spread over all values, so that noise in even areas is not amplified.
        tile_grid_size: Number of tiles along the height and the width.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Integer images keep their dtype.

    Raises:
        ValueError: If an argument is invalid.

    Source: Zuiderveld, 1994, Contrast limited adaptive histogram equalization, Graphics Gems IV.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
        >>> layer(kk.ops.ones((1, 8, 8, 3))).shape
        (1, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range_of(self, value_range)
        self.clip_limit = clip_limit
        if not isinstance(tile_grid_size, (list, tuple)) or len(tile_grid_size) != 2:
            raise ValueError(f"{self.who()}: `tile_grid_size` must be two numbers of tiles, got {tile_grid_size!r}.")
        self.tile_grid_size = tuple(positive_size(self, "tile_grid_size", n) for n in tile_grid_size)

    def transform_images(
        self, images: Tensor, transformation: Transformation = None, training: bool | None = True
    ) -> Tensor:
        images = jnp.asarray(images)
        values = rescale_values(self._in_floats(images), self.value_range, (0, 255))
        batch = jnp.moveaxis(values if images.ndim == 4 else values[None], self._channel_axis, -1)
        equalized = jnp.moveaxis(_equalize(batch, self.tile_grid_size, self.clip_limit), -1, self._channel_axis)
        equalized = equalized if images.ndim == 4 else equalized[0]
        return rescale_values(equalized, (0, 255), self.value_range).astype(images.dtype)


def _equalize(images: jax.Array, grid: tuple, clip_limit: float) -> jax.Array:
    """Return images (batch, height, width, channels) of values in [0, 255] equalized."""
    height, width = images.shape[1:3]
    rows, columns = -(-height // grid[0]), -(-width // grid[1])
    filled = jnp.pad(
        images, ((0, 0), (0, rows * grid[0] - height), (0, columns * grid[1] - width), (0, 0)), mode="symmetric"
    )
    tables = _tables(filled, grid, clip_limit)
    row, next_row, down = _neighbors(height, rows, grid[0])
    column, next_column, across = _neighbors(width, columns, grid[1])
    values = jnp.clip(images, 0, _BINS - 1).astype("int32")

    def looked_up(i: jax.Array, j: jax.Array) -> jax.Array:
        batch, channel = jnp.arange(images.shape[0]), jnp.arange(images.shape[3])
        return tables[batch[:, None, None, None], i[:, None, None], j[:, None], channel, values]

    across, down = across[:, None], down[:, None, None]
    upper = looked_up(row, column) * (1 - across) + looked_up(row, next_column) * across
    lower = looked_up(next_row, column) * (1 - across) + looked_up(next_row, next_column) * across
    return upper * (1 - down) + lower * down


def _tables(images: jax.Array, grid: tuple, clip_limit: float) -> jax.Array:
    """Return the lookup table of each tile: (batch, tiles down, tiles across, channels, values)."""
    batch, height, width, channels = images.shape
    size = height // grid[0], width // grid[1]
    tiles = images.reshape(batch, grid[0], size[0], grid[1], size[1], channels)
    tiles = tiles.transpose(0, 1, 3, 5, 2, 4).reshape(-1, size[0] * size[1])
    bins = jnp.clip(tiles.astype("int32"), 0, _BINS - 1)
    counts = jax.vmap(lambda b: jnp.bincount(b, length=_BINS))(bins).astype("float32")
    pixels = size[0] * size[1]
    clipped = jnp.minimum(counts, clip_limit * pixels / _BINS) if clip_limit > 0 else counts
    clipped = clipped + jnp.sum(counts - clipped, axis=-1, keepdims=True) / _BINS
    total = jnp.cumsum(clipped, axis=-1)
    first = jnp.min(total, axis=-1, keepdims=True)
    span = pixels - first
    tables = jnp.clip((total - first) * (_BINS - 1) / jnp.where(span == 0, 1, span), 0, _BINS - 1)
    return tables.reshape(batch, *grid, channels, _BINS)


def _neighbors(size: int, tile: int, tiles: int) -> tuple:
    """Return for each pixel the two tiles whose centers surround it, and the weight of the second."""
    place = (jnp.arange(size, dtype="float32") - tile / 2) / tile
    before = jnp.floor(place)
    clip = lambda i: jnp.clip(i, 0, tiles - 1).astype("int32")  # noqa: E731
    return clip(before), clip(before + 1), place - before
