"""Layouts of images: one image or a batch, channels last or first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.ops.core import saturate_cast
from kernelkit.ops.rows import as_array
from kernelkit.typing import Tensor


def on_batches(images: Tensor, data_format: str | None, function: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Apply a function of (batch, height, width, channels) to one image or a batch, in either layout.

    Raises:
        ValueError: If the images don't have three or four axes.
    """
    images = checked_images(images)
    first = config.standardize_data_format(data_format) == "channels_first"
    single = images.ndim == 3
    batch = images[None] if single else images
    result = function(jnp.moveaxis(batch, 1, -1) if first else batch)
    if first:
        result = jnp.moveaxis(result, 3, 1)
    return result[0] if single else result


def checked_images(images: Tensor) -> jax.Array:
    """Return images as an array.

    Raises:
        ValueError: If the images don't have three or four axes.
    """
    images = as_array(images)
    if images.ndim not in (3, 4):
        raise ValueError(
            "Invalid images rank: expected rank 3, (height, width, channels), or 4, (batch, height, width, channels) "
            f"(channels first if data_format says so), got the shape {images.shape}."
        )
    return images


def in_floats(images: jax.Array, function: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """Apply a function in float32 (or the images' own float type), rounding integer images back to their dtype."""
    if jnp.issubdtype(images.dtype, jnp.floating):
        return function(images)
    return saturate_cast(jnp.round(function(images.astype("float32"))), images.dtype)


def one_of(name: str, value: Any, allowed: tuple) -> Any:
    """Return a value after a check against the allowed values.

    Raises:
        ValueError: If the value is not allowed.
    """
    if value not in allowed:
        raise ValueError(f"`{name}` must be one of {', '.join(map(repr, allowed))}, got {value!r}.")
    return value
