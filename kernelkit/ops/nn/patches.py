"""Images cut into blocks and joined again."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import as_tuple
from kernelkit.typing import Sizes, Tensor


@op
def unfold(x: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Any = 0, stride: Sizes = 1) -> jax.Array:
    """Return the windows of a convolution as columns, also called im2col.

    Args:
        x: Images (batch, channels, height, width).
        kernel_size: Int or two: size of the window.
        dilation: Int or two: step between the window's elements.
        padding: Int or two: zeros added on both sides.
        stride: Int or two: step between windows.

    Returns:
        Array (batch, channels * window's elements, windows).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.unfold(np.ones((1, 2, 4, 4)), kernel_size=2, stride=2).shape
        (1, 8, 4)
    """
    x = jnp.asarray(x)
    if x.ndim != 4:
        raise ValueError(f"unfold() takes images (batch, channels, height, width), got shape {x.shape}.")
    padding = as_tuple(padding, 2, "padding")
    x = jnp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    windows = _windows(x.shape[2:], kernel_size, dilation, stride)
    blocks = jnp.stack([x[:, :, rows, columns] for rows, columns in windows], axis=2)
    batch, channels, size, *counts = blocks.shape
    return blocks.reshape(batch, channels * size, counts[0] * counts[1])


@op
def fold(
    x: Tensor, output_size: Any, kernel_size: Sizes, dilation: Sizes = 1, padding: Any = 0, stride: Sizes = 1
) -> jax.Array:
    """Put windows back at their places and add them up where they overlap, also called col2im.

    Args:
        x: Array (batch, channels * window's elements, windows), as :func:`unfold` returns it.
        output_size: Int or two: height and width of the images.
        kernel_size: Int or two: size of the window.
        dilation: Int or two: step between the window's elements.
        padding: Int or two: zeros that were added on both sides.
        stride: Int or two: step between windows.

    Returns:
        Images (batch, channels, height, width).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.fold(np.ones((1, 8, 4)), output_size=4, kernel_size=2, stride=2).shape
        (1, 2, 4, 4)
    """
    x = jnp.asarray(x)
    padding = as_tuple(padding, 2, "padding")
    size = as_tuple(output_size, 2, "output_size")
    padded = tuple(s + 2 * p for s, p in zip(size, padding, strict=True))
    windows = _windows(padded, kernel_size, dilation, stride)
    counts = [len(range(*s.indices(n))) for s, n in zip(windows[0], padded, strict=True)]
    if x.ndim != 3 or x.shape[1] % len(windows) or x.shape[2] != counts[0] * counts[1]:
        raise ValueError(
            f"fold() takes a 3D array (batch, channels * {len(windows)}, {counts[0] * counts[1]}) for these sizes, "
            f"got shape {x.shape}."
        )
    blocks = x.reshape(x.shape[0], -1, len(windows), *counts)
    image = jnp.zeros((x.shape[0], blocks.shape[1], *padded), x.dtype)
    for i, (rows, columns) in enumerate(windows):
        image = image.at[:, :, rows, columns].add(blocks[:, :, i])
    return image[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]


def _windows(size: Any, kernel_size: Sizes, dilation: Sizes, stride: Sizes) -> list[tuple[slice, slice]]:
    """Return, for each element of the window, the slices of the image with its values."""
    kernel, dilation, stride = (
        as_tuple(v, 2, n) for v, n in ((kernel_size, "kernel_size"), (dilation, "dilation"), (stride, "stride"))
    )
    per_axis = []
    for length, k, d, s in zip(size, kernel, dilation, stride, strict=True):
        count = (length - d * (k - 1) - 1) // s + 1
        per_axis.append([slice(i * d, i * d + (count - 1) * s + 1, s) for i in range(k)])
    return [(rows, columns) for rows in per_axis[0] for columns in per_axis[1]]


@op
def depth_to_space(x: Tensor, block_size: int, data_format: str | None = "channels_last") -> jax.Array:
    """Move channels into blocks of pixels, also called pixel shuffle.

    As in Keras, the channel axis is split into (block, remaining channels) with ``"channels_last"``, and into
    (remaining channels, block) with ``"channels_first"``.

    Args:
        x: Images (batch, height, width, channels); the channels are a multiple of ``block_size ** 2``.
        block_size: Side of the blocks.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        Images (batch, height * block_size, width * block_size, channels / block_size ** 2).

    Source: Shi et al., 2016, Real-time single image and video super-resolution using an efficient sub-pixel CNN.

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.depth_to_space(np.ones((1, 2, 2, 12)), 2).shape
        (1, 4, 4, 3)
    """
    x, blocks, channels_last = _image(x, block_size, data_format)
    batch, height, width, channels = x.shape if channels_last else (x.shape[0], *x.shape[2:], x.shape[1])
    if channels % blocks:
        raise ValueError(f"depth_to_space() needs a multiple of {blocks} channels, got {channels}.")
    depth = channels // blocks
    if channels_last:
        x = x.reshape(batch, height, width, block_size, block_size, depth).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, height * block_size, width * block_size, depth)
    x = x.reshape(batch, depth, block_size, block_size, height, width).transpose(0, 1, 4, 2, 5, 3)
    return x.reshape(batch, depth, height * block_size, width * block_size)


@op
def space_to_depth(x: Tensor, block_size: int, data_format: str | None = "channels_last") -> jax.Array:
    """Move blocks of pixels into channels; undoes :func:`depth_to_space`.

    Args:
        x: Images (batch, height, width, channels); height and width are multiples of ``block_size``.
        block_size: Side of the blocks.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Returns:
        Images (batch, height / block_size, width / block_size, channels * block_size ** 2).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.space_to_depth(np.ones((1, 4, 4, 3)), 2).shape
        (1, 2, 2, 12)
    """
    x, blocks, channels_last = _image(x, block_size, data_format)
    batch, height, width, channels = x.shape if channels_last else (x.shape[0], *x.shape[2:], x.shape[1])
    if height % block_size or width % block_size:
        raise ValueError(
            f"space_to_depth() needs a height and width that are multiples of {block_size}, got {height} and {width}."
        )
    rows, columns = height // block_size, width // block_size
    if channels_last:
        x = x.reshape(batch, rows, block_size, columns, block_size, channels).transpose(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, rows, columns, channels * blocks)
    x = x.reshape(batch, channels, rows, block_size, columns, block_size).transpose(0, 1, 3, 5, 2, 4)
    return x.reshape(batch, channels * blocks, rows, columns)


def _image(x: Tensor, block_size: int, data_format: str | None) -> tuple[jax.Array, int, bool]:
    x = jnp.asarray(x)
    if x.ndim != 4:
        raise ValueError(f"Blocks are moved in images of four axes, got shape {x.shape}.")
    if block_size < 2:
        raise ValueError(f"`block_size` must be at least 2, the side of a block of pixels; got {block_size!r}.")
    return x, block_size**2, config.standardize_data_format(data_format) == "channels_last"
