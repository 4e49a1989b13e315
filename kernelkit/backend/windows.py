"""Convolutions, pooling, padding and resizing under Keras 2's names.

Arrays are (batch, ..., channels), or channels first if ``data_format`` or the setting says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernelkit import config, ops
from kernelkit.typing import Shapes, Sizes, Tensor


def conv1d(
    x: Tensor,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> Tensor:
    """Return a convolution over one axis; ``padding="causal"`` looks at earlier steps only.

    Example:
        >>> from kernelkit import backend as K
        >>> K.conv1d(K.ones((1, 5, 2)), K.ones((3, 2, 4))).shape
        (1, 3, 4)
    """
    if padding == "causal":
        before = (dilation_rate if isinstance(dilation_rate, int) else dilation_rate[0]) * (kernel.shape[0] - 1)
        x = temporal_padding(x, (before, 0), data_format)
        padding = "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(
    x: Tensor,
    kernel: Tensor,
    strides: Sizes = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = (1, 1),
) -> Tensor:
    """Return a convolution over two axes.

    Example:
        >>> from kernelkit import backend as K
        >>> K.conv2d(K.ones((1, 5, 5, 2)), K.ones((3, 3, 2, 4))).shape
        (1, 3, 3, 4)
    """
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(
    x: Tensor,
    kernel: Tensor,
    strides: Sizes = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = (1, 1, 1),
) -> Tensor:
    """Return a convolution over three axes.

    Example:
        >>> from kernelkit import backend as K
        >>> K.conv3d(K.ones((1, 5, 5, 5, 2)), K.ones((3, 3, 3, 2, 4))).shape
        (1, 3, 3, 3, 4)
    """
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d_transpose(
    x: Tensor,
    kernel: Tensor,
    output_shape: Shapes,
    strides: Sizes = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = (1, 1),
) -> Tensor:
    """Return a transposed convolution over two axes.

    Args:
        x: Array of images.
        kernel: Array (height, width, output channels, input channels).
        output_shape: Shape of the result with the axis of the batch.
        strides: Strides of the convolution whose transpose this is.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the setting by default.
        dilation_rate: Distance between neighboring elements of the kernel.

    Raises:
        ValueError: If no transposed convolution of these arguments has that shape.

    Example:
        >>> from kernelkit import backend as K
        >>> x, kernel = K.ones((1, 2, 2, 1)), K.ones((2, 2, 1, 1))
        >>> K.conv2d_transpose(x, kernel, output_shape=(1, 4, 4, 1), strides=(2, 2)).shape
        (1, 4, 4, 1)
    """
    first = config.standardize_data_format(data_format) == "channels_first"
    strides, rates = ((v, v) if isinstance(v, int) else tuple(v) for v in (strides, dilation_rate))
    sizes, wanted = (tuple(s)[2:] if first else tuple(s)[1:3] for s in (x.shape, output_shape))
    extra = []
    for size, goal, stride, rate, width in zip(sizes, wanted, strides, rates, kernel.shape, strict=False):
        reach = (width - 1) * rate + 1
        # Source: Dumoulin & Visin, 2016, A guide to convolution arithmetic, with `same` padding of reach // 2.
        least = (size - 1) * stride + reach - (2 * (reach // 2) if padding == "same" else 0)
        extra.append(goal - least)
        made = -(-goal // stride) if padding == "same" else (goal - reach) // stride + 1
        if made != size:
            raise ValueError(
                f"conv2d_transpose(): no convolution with these arguments makes images of {sizes} out of ones of "
                f"{wanted}, which output_shape asks for."
            )
    return ops.conv_transpose(x, kernel, strides, padding, tuple(extra), data_format, dilation_rate)


def depthwise_conv2d(
    x: Tensor,
    depthwise_kernel: Any,
    strides: Sizes = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = (1, 1),
) -> Tensor:
    """Return a convolution over two axes, for each channel alone.

    Example:
        >>> from kernelkit import backend as K
        >>> K.depthwise_conv2d(K.ones((1, 5, 5, 2)), K.ones((3, 3, 2, 1))).shape
        (1, 3, 3, 2)
    """
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


def separable_conv2d(
    x: Tensor,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = (1, 1),
) -> Tensor:
    """Return a depthwise convolution followed by a 1x1 convolution that mixes channels.

    Example:
        >>> from kernelkit import backend as K
        >>> x = K.ones((1, 5, 5, 2))
        >>> K.separable_conv2d(x, K.ones((3, 3, 2, 1)), K.ones((1, 1, 2, 4))).shape
        (1, 3, 3, 4)
    """
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


def pool2d(
    x: Tensor,
    pool_size: Sizes,
    strides: Sizes = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """Return the largest or the average value of windows over two axes; ``pool_mode`` is ``"max"`` or ``"avg"``.

    Example:
        >>> from kernelkit import backend as K
        >>> K.pool2d(K.ones((1, 4, 4, 2)), (2, 2), strides=(2, 2)).shape
        (1, 2, 2, 2)
    """
    return _pool(pool_mode)(x, pool_size, strides, padding, data_format)


def pool3d(
    x: Tensor,
    pool_size: Sizes,
    strides: Sizes = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:
    """Return the largest or the average value of windows over three axes; ``pool_mode`` is ``"max"`` or ``"avg"``.

    Example:
        >>> from kernelkit import backend as K
        >>> K.pool3d(K.ones((1, 4, 4, 4, 2)), (2, 2, 2), strides=(2, 2, 2)).shape
        (1, 2, 2, 2, 2)
    """
    return _pool(pool_mode)(x, pool_size, strides, padding, data_format)


def _pool(mode: str) -> Any:
    if mode not in ("max", "avg"):
        raise ValueError(f"Invalid pooling mode {mode!r}: give 'max' or 'avg'.")
    return ops.max_pool if mode == "max" else ops.average_pool


def temporal_padding(x: Tensor, padding: str | Sequence[Any] = (1, 1), data_format: str | None = None) -> Tensor:
    """Return sequences (batch, steps, channels) with zeros before and after.

    Example:
        >>> from kernelkit import backend as K
        >>> K.temporal_padding(K.ones((1, 3, 2))).shape
        (1, 5, 2)
    """
    return _pad(x, (padding,), data_format)


def spatial_2d_padding(
    x: Tensor, padding: str | Sequence[Any] = ((1, 1), (1, 1)), data_format: str | None = None
) -> Tensor:
    """Return images with zeros around them: ``((top, bottom), (left, right))``.

    Example:
        >>> from kernelkit import backend as K
        >>> K.spatial_2d_padding(K.ones((1, 3, 3, 1))).shape
        (1, 5, 5, 1)
    """
    return _pad(x, padding, data_format)


def spatial_3d_padding(
    x: Tensor, padding: str | Sequence[Any] = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None
) -> Tensor:
    """Return volumes with zeros around them, a pair for each of three axes.

    Example:
        >>> from kernelkit import backend as K
        >>> K.spatial_3d_padding(K.ones((1, 3, 3, 3, 1))).shape
        (1, 5, 5, 5, 1)
    """
    return _pad(x, padding, data_format)


def _pad(x: Tensor, padding: str | Sequence[Any], data_format: str | None) -> Tensor:
    inner = [tuple(p) for p in padding]
    first = config.standardize_data_format(data_format) == "channels_first"
    return ops.pad(x, [(0, 0), (0, 0), *inner] if first else [(0, 0), *inner, (0, 0)])


def resize_images(
    x: Tensor, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest"
) -> Tensor:
    """Return images enlarged by whole factors.

    Example:
        >>> from kernelkit import backend as K
        >>> K.resize_images(K.ones((1, 2, 2, 3)), 2, 2, "channels_last").shape
        (1, 4, 4, 3)
    """
    if interpolation == "nearest":
        return _repeated(x, (height_factor, width_factor), data_format)
    first = config.standardize_data_format(data_format) == "channels_first"
    height, width = x.shape[2:] if first else x.shape[1:3]
    size = (height * height_factor, width * width_factor)
    return ops.image.resize(x, size, interpolation=interpolation, data_format=data_format)


def resize_volumes(x: Tensor, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Tensor:
    """Return volumes enlarged by whole factors, each cell repeated.

    Example:
        >>> from kernelkit import backend as K
        >>> K.resize_volumes(K.ones((1, 2, 2, 2, 3)), 2, 2, 2, "channels_last").shape
        (1, 4, 4, 4, 3)
    """
    return _repeated(x, (depth_factor, height_factor, width_factor), data_format)


def _repeated(x: Tensor, factors: tuple, data_format: str) -> Tensor:
    begin = 2 if config.standardize_data_format(data_format) == "channels_first" else 1
    for axis, factor in enumerate(factors, begin):
        x = ops.repeat(x, factor, axis=axis)
    return x
