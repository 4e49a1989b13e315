"""Rectangles at random places of images, for layers that erase or exchange them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.typing import Seed


def random_interval(batch: int, length: int, share: Any, seed: Seed) -> tuple[jax.Array, jax.Array]:
    """Draw intervals (batch,) that cover given shares of a length, at random places; return starts and ends."""
    size = jnp.asarray(share, "float32") * length
    start = random.uniform((batch,), dtype="float32", seed=seed) * (length - size)
    return start, start + size


def rectangle_masks(shape: tuple, across: tuple, down: tuple, data_format: str) -> jax.Array:
    """Return which pixels lie in rectangles.

    Args:
        shape: Number of images, their height and their width.
        across: Starts and ends of the rectangles along the width, two arrays (batch,).
        down: The same along the height.
        data_format: Position of the channel axis, which has size 1.

    Returns:
        Booleans (batch, height, width, 1), or (batch, 1, height, width).
    """

    def inside(bounds: tuple, length: int) -> jax.Array:
        places = jnp.arange(length, dtype="float32")
        return (places >= bounds[0][:, None]) & (places < bounds[1][:, None])

    masks = inside(down, shape[1])[:, :, None] & inside(across, shape[2])[:, None, :]
    return masks[:, None] if data_format == "channels_first" else masks[..., None]
