"""Filters: blur, edges, and the similarity of two images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.ops.image._layout import in_floats, on_batches
from kernelkit.ops.rows import as_array, as_float
from kernelkit.typing import Tensor


def convolve(x: jax.Array, kernel: jax.Array, padding: str) -> jax.Array:
    """Return each channel of (batch, height, width, channels) convolved with one kernel (height, width)."""
    channels = x.shape[-1]
    return jax.lax.conv_general_dilated(
        x,
        jnp.broadcast_to(kernel.astype(x.dtype)[:, :, None, None], (*kernel.shape, 1, channels)),
        window_strides=(1, 1),
        padding=padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=channels,
    )


def gaussian(size: int, sigma: Any) -> jax.Array:
    """Return a normalized Gaussian sampled at ``size`` points around its middle."""
    x = jnp.arange(size, dtype="float32") - (size - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(x / sigma))
    return weights / jnp.sum(weights)


def blur(x: jax.Array, kernel_size: tuple, sigma: tuple) -> jax.Array:
    """Blur images (batch, height, width, channels), by one pass along each axis."""
    down, across = gaussian(kernel_size[0], sigma[0]), gaussian(kernel_size[1], sigma[1])
    return convolve(convolve(x, down[:, None], "SAME"), across[None, :], "SAME")


@op
def gaussian_blur(
    images: Tensor, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> jax.Array:
    """Blur images with a Gaussian; pixels outside of the image count as zero.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        kernel_size: Height and width of the kernel, in pixels.
        sigma: Standard deviation along the height and the width, in pixels.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Example:
        >>> from kernelkit import ops
        >>> ops.image.gaussian_blur(ops.ones((2, 8, 8, 3)), (5, 5), (2.0, 2.0)).shape
        (2, 8, 8, 3)
    """
    sizes, widths = tuple(int(k) for k in kernel_size), tuple(as_float(sigma))
    return on_batches(images, data_format, lambda x: in_floats(x, lambda x: blur(x, sizes, widths)))


@op
def sobel_edges(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Return the change of brightness downwards and to the right, by Sobel's filters.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Floats of the shape of ``images`` and one more axis of size 2: the change along the height and the width.

    Source: Sobel and Feldman, 1968, A 3x3 isotropic gradient operator for image processing.

    Example:
        >>> from kernelkit import ops
        >>> ops.image.sobel_edges(ops.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3, 2)
    """
    down = np.outer([-1.0, 0.0, 1.0], [1.0, 2.0, 1.0])

    def edges(x: jax.Array) -> jax.Array:
        x = as_float(x)
        return jnp.stack([convolve(x, jnp.asarray(k, "float32"), "SAME") for k in (down, down.T)], axis=-1)

    return on_batches(images, data_format, edges)


@op
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> jax.Array:
    """Return the structural similarity of images: 1 for equal images.

    Args:
        image1: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        image2: Array of the same shape.
        max_val: The largest value a pixel can have.
        filter_size: Size of the Gaussian window in pixels.
        filter_sigma: Standard deviation of the window in pixels.
        k1: Stabilizes the comparison of brightness in dark areas.
        k2: Stabilizes the comparison of contrast in areas of low contrast.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Float scalar for one image, floats (batch,) for a batch: means over pixels and channels.

    Raises:
        ValueError: If the images are smaller than the window.

    Source: Wang, Bovik, Sheikh and Simoncelli, 2004, Image quality assessment: from error visibility to structural
        similarity.

    Example:
        >>> from kernelkit import ops
        >>> x = ops.reshape(ops.linspace(0.0, 1.0, 256), (16, 16, 1))
        >>> print(ops.image.ssim(x, x))
        1.0
    """
    first, second = as_float(as_array(image1)), as_float(as_array(image2))
    window = jnp.outer(gaussian(filter_size, filter_sigma), gaussian(filter_size, filter_sigma))
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2

    def similarity(pair: jax.Array) -> jax.Array:
        if min(pair.shape[1:3]) < filter_size:
            raise ValueError(f"ssim() with a window of {filter_size} pixels got images of {pair.shape[1:3]}.")
        x, y = jnp.split(pair, 2, axis=-1)
        mean_x, mean_y = convolve(x, window, "VALID"), convolve(y, window, "VALID")
        var_x = convolve(x * x, window, "VALID") - mean_x * mean_x
        var_y = convolve(y * y, window, "VALID") - mean_y * mean_y
        covariance = convolve(x * y, window, "VALID") - mean_x * mean_y
        brightness = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
        structure = (2 * covariance + c2) / (var_x + var_y + c2)
        return jnp.mean(brightness * structure, axis=(1, 2, 3), keepdims=True)

    channel_axis = -3 if config.standardize_data_format(data_format) == "channels_first" else -1
    return on_batches(jnp.concatenate([first, second], axis=channel_axis), data_format, similarity)[..., 0, 0, 0]
