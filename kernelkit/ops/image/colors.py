"""Colors: gray, and hue with saturation and value."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.extremes import largest, smallest
from kernelkit.ops.image._layout import on_batches
from kernelkit.ops.rows import as_array
from kernelkit.typing import Tensor


@op
def rgb_to_grayscale(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Return the luminance of RGB images.

    Args:
        images: Array (height, width, 3) or (batch, height, width, 3); channels first if ``data_format`` says so.
            Images of one channel are returned unchanged.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Array of one channel and the same dtype.

    Raises:
        ValueError: If the images have another number of channels.

    Source: ITU-R Recommendation BT.601.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.image.rgb_to_grayscale([[[1.0, 0.0, 0.0]]]))
        [[[0.2989]]]
    """
    weights = jnp.array([0.2989, 0.5870, 0.1140], "float32")

    def gray(x: jax.Array) -> jax.Array:
        if x.shape[-1] == 1:
            return x
        if x.shape[-1] != 3:
            raise ValueError(
                f"rgb_to_grayscale(): Invalid channel size: expected 3 (RGB) or 1 (Grayscale). Got {x.shape[-1]}; "
                "does data_format say where the channels are?"
            )
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        return jnp.sum(wide * weights, axis=-1, keepdims=True).astype(x.dtype)

    return on_batches(images, data_format, gray)


def _floats(images: Tensor, name: str) -> jax.Array:
    images = as_array(images)
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"{name}(): Invalid images dtype: expected float dtype. Got {images.dtype}; divide integer images by 255."
        )
    return images


def _three(x: jax.Array, name: str) -> list[jax.Array]:
    if x.shape[-1] != 3:
        raise ValueError(
            f"{name}(): Input images must have 3 channels, but received images with {x.shape[-1]} channels. Does "
            "data_format say where the channels are?"
        )
    return [x[..., i] for i in range(3)]


@op
def rgb_to_hsv(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Return RGB images as hue, saturation and value.

    Args:
        images: Floats in [0, 1] (height, width, 3) or (batch, height, width, 3); channels first if ``data_format``
            says so.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Floats in [0, 1] of the same shape.

    Raises:
        ValueError: If the images are not floats.

    Source: Smith, 1978, Color gamut transform pairs.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.image.rgb_to_hsv([[[0.0, 1.0, 1.0]]]))
        [[[0.5 1.  1. ]]]
    """

    def hsv(x: jax.Array) -> jax.Array:
        red, green, blue = _three(x, "rgb_to_hsv")
        value = largest(x, -1)
        chroma = value - smallest(x, -1)
        safe = jnp.where(chroma == 0, 1, chroma)
        # Compared with each other and not with the maximum, which a compiler may round in another way.
        sector = jnp.where(
            (red >= green) & (red >= blue),
            (green - blue) / safe,
            jnp.where(green >= blue, 2 + (blue - red) / safe, 4 + (red - green) / safe),
        )
        hue = jnp.where(chroma == 0, 0, (sector / 6) % 1)
        saturation = jnp.where(value == 0, 0, chroma / jnp.where(value == 0, 1, value))
        return jnp.stack([hue, saturation, value], axis=-1).astype(x.dtype)

    return on_batches(_floats(images, "rgb_to_hsv"), data_format, hsv)


@op
def hsv_to_rgb(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Return images of hue, saturation and value as RGB.

    Args:
        images: Floats in [0, 1] (height, width, 3) or (batch, height, width, 3); channels first if ``data_format``
            says so.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Floats in [0, 1] of the same shape.

    Raises:
        ValueError: If the images are not floats.

    Source: Smith, 1978, Color gamut transform pairs.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.image.hsv_to_rgb([[[0.5, 1.0, 1.0]]]))
        [[[0. 1. 1.]]]
    """

    def rgb(x: jax.Array) -> jax.Array:
        hue, saturation, value = _three(x, "hsv_to_rgb")

        def channel(offset: int) -> jax.Array:
            # Distance of the hue from this channel's hue, around the circle of hues.
            position = (offset + hue * 6) % 6
            return value - value * saturation * jnp.clip(jnp.minimum(position, 4 - position), 0, 1)

        return jnp.stack([channel(5), channel(3), channel(1)], axis=-1).astype(x.dtype)

    return on_batches(_floats(images, "hsv_to_rgb"), data_format, rgb)
