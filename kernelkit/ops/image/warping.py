"""Warping: reading images at positions between their pixels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.dispatch import op
from kernelkit.ops.image._layout import checked_images, in_floats, on_batches, one_of
from kernelkit.ops.image.filters import blur
from kernelkit.ops.rows import as_array, as_float
from kernelkit.typing import DType, Seed, Tensor, Tree

_ORDERS = {"nearest": 0, "bilinear": 1}
_FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


@op
def map_coordinates(
    inputs: Tree, coordinates: Tensor, order: int, fill_mode: str = "constant", fill_value: Tensor = 0
) -> jax.Array:
    """Read an array at positions between its elements.

    Args:
        inputs: Array-like of n axes.
        coordinates: Floats (n, ...): the position on each axis.
        order: 0 takes the nearest element, 1 interpolates linearly.
        fill_mode: Outside of the array: ``"constant"``, ``"nearest"``, ``"wrap"``, ``"mirror"`` or ``"reflect"``.
        fill_value: Value outside of the image in the mode ``"constant"``.

    Returns:
        Array (...) of the dtype of ``inputs``.

    Raises:
        ValueError: If an argument is not allowed.

    Example:
        >>> from kernelkit import ops
        >>> print(ops.image.map_coordinates([0.0, 10.0, 20.0], [[0.5, 1.25]], order=1))
        [ 5.  12.5]
    """
    one_of("order", order, (0, 1))
    one_of("fill_mode", fill_mode, _FILL_MODES)
    inputs, places = as_array(inputs), as_array(coordinates)
    if places.ndim == 0 or places.shape[0] != inputs.ndim:
        raise ValueError(
            f"map_coordinates(): the first size of `coordinates` must be the same as the rank of `inputs`, got the "
            f"shapes {places.shape} and {inputs.shape}."
        )
    return _sample(inputs, list(places), order, fill_mode, fill_value)


def _sample(*arguments: Any) -> jax.Array:
    from jax.scipy import ndimage  # imported here: slow to import, and few programs warp images

    return ndimage.map_coordinates(*arguments)


def read_pixels(
    images: jax.Array, x: jax.Array, y: jax.Array, order: int, fill_mode: str, fill_value: Tensor
) -> jax.Array:
    """Return images (batch, height, width, channels) read at positions (batch, rows, columns)."""

    def channel(plane: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        return _sample(plane, [y, x], order, fill_mode, fill_value)

    channels = jax.vmap(channel, in_axes=(-1, None, None), out_axes=-1)
    return jax.vmap(channels)(images, x, y)


def pixel_grid(images: jax.Array, dtype: DType) -> tuple[jax.Array, jax.Array]:
    """Return the columns and rows (height, width) of each pixel."""
    x, y = jnp.meshgrid(jnp.arange(images.shape[2], dtype=dtype), jnp.arange(images.shape[1], dtype=dtype))
    return x, y


def _transform(images: jax.Array, rows: jax.Array, order: int, fill_mode: str, fill_value: Tensor) -> jax.Array:
    """Return images read at the pixel positions given by projective transforms (batch or 1, 8)."""
    rows = jnp.broadcast_to(rows, (images.shape[0], 8))
    x, y = pixel_grid(images, rows.dtype)
    a0, a1, a2, b0, b1, b2, c0, c1 = (rows[:, i, None, None] for i in range(8))
    k = c0 * x + c1 * y + 1
    return read_pixels(images, (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k, order, fill_mode, fill_value)


@op
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: Tensor = 0,
    data_format: str | None = None,
) -> jax.Array:
    """Move, rotate, scale and shear images.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        transform: Floats (8,) or (batch, 8): ``[a0, a1, a2, b0, b1, b2, c0, c1]``. The pixel (x, y) of the result is
            read at ``((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)`` with ``k = c0 x + c1 y + 1``.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: Outside of the image: ``"constant"``, ``"nearest"``, ``"wrap"``, ``"mirror"`` or ``"reflect"``.
        fill_value: Value outside of the image in the mode ``"constant"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Raises:
        ValueError: If an argument is not allowed.

    Example:
        >>> from kernelkit import ops
        >>> x = ops.reshape(ops.arange(3.0), (1, 3, 1))
        >>> print(ops.image.affine_transform(x, [1, 0, 1, 0, 1, 0, 0, 0])[0, :, 0])
        [1. 2. 0.]
    """
    one_of("interpolation", interpolation, tuple(_ORDERS))
    one_of("fill_mode", fill_mode, _FILL_MODES)
    images, rows = checked_images(images), as_float(transform)
    if rows.ndim not in (1, 2):
        raise ValueError(
            f"Invalid transform rank: expected rank 1, (8,), or 2, (batch, 8), got the shape {rows.shape}."
        )
    rows = jnp.atleast_2d(rows)
    order = _ORDERS[interpolation]
    return on_batches(images, data_format, lambda x: _transform(x, rows, order, fill_mode, fill_value))


@op
def perspective_transform(
    images: Tensor,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: Tensor = 0,
    data_format: str | None = None,
) -> jax.Array:
    """Change the perspective of images, given by four points and their new positions.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        start_points: Floats (4, 2) or (batch, 4, 2): points (x, y) of the images.
        end_points: Floats likewise: the positions of the points in the result.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_value: Value outside of the image.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Raises:
        ValueError: If an argument is not allowed.

    Source: Hartley and Zisserman, 2004, Multiple view geometry in computer vision, section 4.1.

    Example:
        >>> from kernelkit import ops
        >>> corners = [[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [3.0, 3.0]]
        >>> x = ops.ones((4, 4, 1))
        >>> print(ops.all(ops.image.perspective_transform(x, corners, corners) == x))
        True
    """
    one_of("interpolation", interpolation, tuple(_ORDERS))
    images = checked_images(images)
    start, end = _points("start_points", start_points), _points("end_points", end_points)
    rows = projection_between(end, start).astype(jnp.result_type(as_float(start_points), as_float(end_points)))
    return on_batches(
        images, data_format, lambda x: _transform(x, rows, _ORDERS[interpolation], "constant", fill_value)
    )


def _points(name: str, points: Tensor) -> jax.Array:
    # In at least 32 bits: solving a system of equations loses precision.
    points = as_float(points)
    if points.ndim not in (2, 3) or points.shape[-2:] != (4, 2):
        raise ValueError(f"Invalid {name} shape: expected (4, 2) or (batch, 4, 2), got {points.shape}.")
    return points.reshape((-1, 4, 2)).astype(jnp.promote_types(points.dtype, "float32"))


def projection_between(source: jax.Array, target: jax.Array) -> jax.Array:
    """Return the transforms (batch, 8) that map four points to four other points."""
    x, y = source[..., 0], source[..., 1]
    u, v = target[..., 0], target[..., 1]
    one, zero = jnp.ones_like(x), jnp.zeros_like(x)
    for_u = jnp.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    for_v = jnp.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    system = jnp.concatenate([for_u, for_v], axis=-2)
    return jnp.linalg.solve(system, jnp.concatenate([u, v], axis=-1)[..., None])[..., 0]


@op
def elastic_transform(
    images: Tensor,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: Tensor = 0.0,
    seed: Seed = None,
    data_format: str | None = None,
) -> jax.Array:
    """Distort images at random and smoothly.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        alpha: Strength of the distortion, in pixels before smoothing.
        sigma: Width of the smoothing, in pixels.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        fill_mode: Outside of the image: ``"constant"``, ``"nearest"``, ``"wrap"``, ``"mirror"`` or ``"reflect"``.
        fill_value: Value outside of the image in the mode ``"constant"``.
        seed: Int, ``SeedGenerator`` or ``None``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Raises:
        ValueError: If an argument is not allowed.

    Source: Simard, Steinkraus and Platt, 2003, Best practices for convolutional neural networks.

    Example:
        >>> from kernelkit import ops
        >>> ops.image.elastic_transform(ops.ones((8, 8, 1)), seed=0).shape
        (8, 8, 1)
    """
    one_of("interpolation", interpolation, tuple(_ORDERS))
    one_of("fill_mode", fill_mode, _FILL_MODES)
    size = max(1, int(6 * sigma) | 1)

    def distort(x: jax.Array) -> jax.Array:
        noise = random.normal((*x.shape[:3], 2), dtype="float32", seed=seed)
        shift = blur(noise, (size, size), (sigma, sigma)) * alpha
        columns, rows = pixel_grid(x, "float32")
        return in_floats(
            x,
            lambda x: read_pixels(
                x, columns + shift[..., 0], rows + shift[..., 1], _ORDERS[interpolation], fill_mode, fill_value
            ),
        )

    return on_batches(images, data_format, distort)
