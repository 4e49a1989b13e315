"""Patches: small blocks of images and volumes as vectors."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.ops.image._layout import one_of
from kernelkit.ops.rows import as_array
from kernelkit.typing import Sizes, Tensor


@op
def extract_patches(
    images: Tensor,
    size: Any,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    """Cut images into patches, each flattened into a vector.

    Args:
        images: Array (height, width, channels) or (batch, height, width, channels); channels first if ``data_format``
            says so.
        size: Height and width of a patch, or an int for both; three ints for volumes.
        strides: Distance between two patches, the size by default.
        dilation_rate: Distance between two pixels of a patch.
        padding: ``"valid"``: patches inside the image only; ``"same"``: the image is padded with zeros.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Array (batch, rows, columns, patch height * patch width * channels); the vectors replace the channels.

    Example:
        >>> from kernelkit import ops
        >>> ops.image.extract_patches(ops.ones((2, 20, 20, 3)), (5, 5)).shape
        (2, 4, 4, 75)
    """
    if isinstance(size, (tuple, list)) and len(size) not in (2, 3):
        raise ValueError(f"extract_patches(): `size`: Expected a tuple of length 2 or 3, got {size!r}.")
    if isinstance(size, (tuple, list)) and len(size) == 3:
        return _patches(as_array(images), size, strides, dilation_rate, padding, data_format, 3)
    return _patches(as_array(images), size, strides, dilation_rate, padding, data_format, 2)


@op
def extract_patches_3d(
    volumes: Any,
    size: Any,
    strides: Sizes | None = None,
    dilation_rate: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    """Cut volumes into patches, each flattened into a vector.

    Args:
        volumes: Array (depth, height, width, channels) or (batch, depth, height, width, channels); channels first if
            ``data_format`` says so.
        size: Depth, height and width of a patch, or an int for all.
        strides: Distance between two patches, the size by default.
        dilation_rate: Distance between two voxels of a patch.
        padding: ``"valid"``: patches inside the volume only; ``"same"``: the volume is padded with zeros.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting by default.

    Returns:
        Array (batch, depth, rows, columns, elements of a patch); the vectors replace the channels.

    Example:
        >>> from kernelkit import ops
        >>> ops.image.extract_patches_3d(ops.ones((2, 4, 4, 4, 1)), 2).shape
        (2, 2, 2, 2, 8)
    """
    return _patches(as_array(volumes), size, strides, dilation_rate, padding, data_format, 3)


def _each(value: Any, rank: int, name: str) -> tuple[int, ...]:
    if not isinstance(value, (int, tuple, list)):
        raise TypeError(f"`{name}`: Expected an int or a tuple of {rank} ints, got {value!r}.")
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank or any(v < 1 for v in values):
        raise ValueError(f"`{name}` must be a positive int or a tuple of {rank} of them, got {value!r}.")
    return values


def _patches(
    x: jax.Array, size: Any, strides: Sizes | None, dilation_rate: Sizes, padding: str, data_format: Any, rank: int
) -> jax.Array:
    size = _each(size, rank, "size")
    strides = size if strides is None else _each(strides, rank, "strides")
    dilation = _each(dilation_rate, rank, "dilation_rate")
    one_of("padding", padding, ("valid", "same"))
    if x.ndim not in (rank + 1, rank + 2):
        raise ValueError(
            f"extract_patches() of {rank} spatial axes takes {rank + 1} or {rank + 2} axes, got {x.shape}."
        )
    first = config.standardize_data_format(data_format) == "channels_first"
    single = x.ndim == rank + 1
    if single:
        x = x[None]
    if first:
        x = jnp.moveaxis(x, 1, -1)
    # Each spatial axis is split into (patches, elements of a patch); the axes of patches are then moved to the front.
    for i in range(rank):
        x = _split_axis(x, 1 + 2 * i, size[i], strides[i], dilation[i], padding == "same")
    order = [0, *range(1, 2 * rank + 1, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1]
    x = jnp.transpose(x, order)
    x = jnp.reshape(x, (*x.shape[: rank + 1], math.prod(x.shape[rank + 1 :])))
    if first:
        x = jnp.moveaxis(x, -1, 1)
    return x[0] if single else x


def _split_axis(x: jax.Array, axis: int, size: int, stride: int, dilation: int, same: bool) -> jax.Array:
    length, extent = x.shape[axis], (size - 1) * dilation + 1
    if same:
        missing = max((-(-length // stride) - 1) * stride + extent - length, 0)
        around = [(0, 0)] * x.ndim
        around[axis] = (missing // 2, missing - missing // 2)
        x = jnp.pad(x, around)
        length += missing
    count = max(0, (length - extent) // stride + 1)
    return jnp.take(x, np.arange(count)[:, None] * stride + np.arange(size) * dilation, axis=axis)
