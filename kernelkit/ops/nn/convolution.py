"""Convolutions of sequences, images and volumes.

Source: Dumoulin and Visin, 2016, A guide to convolution arithmetic for deep learning.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.inference import eval_spec
from kernelkit.ops import lowering
from kernelkit.ops.nn.arrays import as_tuple, check_windows, floats, from_channels_last, to_channels_last
from kernelkit.ops.nn.pooling import checked_padding
from kernelkit.ops.unknown_sizes import with_spec
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Sizes, Tensor, Tree


def _conv_spec(row: Callable, inputs: Tree, kernel: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Return the symbolic result of a convolution; an unknown number of channels follows from the kernel."""
    bound = inspect.signature(row).bind(inputs, kernel, *args, **kwargs).arguments
    first = config.standardize_data_format(bound.get("data_format")) == "channels_first"
    axis = 1 if first else len(inputs.shape) - 1
    if isinstance(inputs, KerasTensor) and inputs.shape[axis] is None:
        shape = list(inputs.shape)
        shape[axis] = kernel.shape[-1] if row.__name__ == "conv_transpose" else kernel.shape[-2]
        inputs = KerasTensor(shape, dtype=inputs.dtype)
    return eval_spec(row, inputs, kernel, *args, **kwargs)


@with_spec(_conv_spec)
@op
def conv(
    inputs: Tree,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """Convolve (without flipping the kernel, as is usual in deep learning).

    Args:
        inputs: Floats (batch, spatial axes, channels).
        kernel: Floats (window, input channels / groups, output channels); the number of groups follows from the shape.
        strides: Int, or one for each spatial axis.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or ints: step between the elements of the window.

    Returns:
        Floats (batch, spatial axes, output channels).

    Raises:
        ValueError: If the channels do not fit the kernel.

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.conv(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 16)), padding="same").shape
        (1, 8, 8, 16)
    """
    return _convolve(floats(inputs), floats(kernel), strides, padding, data_format, dilation_rate)


@with_spec(_conv_spec)
@op
def depthwise_conv(
    inputs: Tree,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """Convolve each channel with its own kernels.

    Args:
        inputs: Floats (batch, spatial axes, channels).
        kernel: Floats (window, channels, kernels for each channel).
        strides: Int, or one for each spatial axis.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or ints: step between the elements of the window.

    Returns:
        Floats (batch, spatial axes, channels * kernels for each channel).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.depthwise_conv(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 2))).shape
        (1, 6, 6, 6)
    """
    inputs, kernel = floats(inputs), floats(kernel)
    _check_channels("depthwise_conv", inputs, kernel, data_format)
    return _convolve(inputs, _grouped(kernel), strides, padding, data_format, dilation_rate)


@with_spec(_conv_spec)
@op
def separable_conv(
    inputs: Tree,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Sizes = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """Convolve each channel on its own, then mix the channels.

    Args:
        inputs: Floats (batch, spatial axes, channels).
        depthwise_kernel: Floats (window, channels, kernels for each channel).
        pointwise_kernel: Floats (ones, channels * kernels for each channel, output channels).
        strides: Int, or one for each spatial axis.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or ints: step between the elements of the window.

    Source: Chollet, 2017, Xception: deep learning with depthwise separable convolutions.

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.separable_conv(np.ones((1, 8, 8, 3)), np.ones((3, 3, 3, 2)), np.ones((1, 1, 6, 4))).shape
        (1, 6, 6, 4)
    """
    inputs, depthwise = floats(inputs), floats(depthwise_kernel)
    _check_channels("separable_conv", inputs, depthwise, data_format)
    x = _convolve(inputs, _grouped(depthwise), strides, padding, data_format, dilation_rate)
    return _convolve(x, floats(pointwise_kernel), 1, "valid", data_format, 1)


def _check_channels(name: str, inputs: jax.Array, kernel: jax.Array, data_format: str | None, axis: int = -2) -> None:
    channels = inputs.shape[1 if config.standardize_data_format(data_format) == "channels_first" else -1]
    if kernel.ndim != inputs.ndim or channels != kernel.shape[axis]:
        raise ValueError(
            f"{name}(): the input channels must match the kernel. Got inputs of shape {inputs.shape}, so {channels} "
            f"channels, and a kernel of shape {kernel.shape}, which takes {kernel.shape[axis]}."
        )


def _grouped(kernel: jax.Array) -> jax.Array:
    *window, channels, multiplier = kernel.shape
    return kernel.reshape(*window, 1, channels * multiplier)


def _convolve(
    inputs: jax.Array, kernel: jax.Array, strides: Sizes, padding: str, data_format: str | None, dilation_rate: Sizes
) -> jax.Array:
    data_format = config.standardize_data_format(data_format)
    spatial = inputs.ndim - 2
    if kernel.ndim != inputs.ndim:
        raise ValueError(
            f"A convolution of inputs of shape {inputs.shape} needs a kernel of rank {inputs.ndim} (window, input "
            f"channels, output channels), got shape {kernel.shape}."
        )
    x = to_channels_last(inputs, data_format)
    groups, rest = divmod(x.shape[-1], kernel.shape[-2])
    if rest or groups == 0 or kernel.shape[-1] % groups:
        raise ValueError(
            f"A convolution's input channels must match the kernel: the inputs have {x.shape[-1]} channels, the kernel "
            f"of shape {kernel.shape} takes {kernel.shape[-2]} and gives {kernel.shape[-1]}. The first number must be "
            "a multiple of the second (the number of groups), which must divide the third."
        )
    dtype = jnp.result_type(x, kernel)
    result = lowering.convolve(
        x.astype(dtype),
        kernel.astype(dtype),
        strides=as_tuple(strides, spatial, "strides"),
        padding=checked_padding(padding),
        dilation=as_tuple(dilation_rate, spatial, "dilation_rate"),
        groups=groups,
    )
    check_windows(inputs, kernel.shape[:spatial], result)
    return from_channels_last(result, data_format)


@with_spec(_conv_spec)
@op
def conv_transpose(
    inputs: Tree,
    kernel: Tensor,
    strides: Sizes = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Sizes = 1,
) -> jax.Array:
    """Transposed convolution: the transpose of :func:`conv`, from the shape of its output to that of its input.

    Args:
        inputs: Floats (batch, spatial axes, channels).
        kernel: Floats (window, output channels, input channels).
        strides: Int, or one for each spatial axis: how many times larger the output is.
        padding: ``"valid"`` or ``"same"``.
        output_padding: Int or ints, less than the strides: size added to the output; chosen automatically for ``None``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or ints: step between the elements of the window.

    Returns:
        Floats (batch, spatial axes, output channels).

    Source: Zeiler et al., 2010, Deconvolutional networks.

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.conv_transpose(np.ones((1, 4, 4, 3)), np.ones((3, 3, 8, 3)), strides=2, padding="same").shape
        (1, 8, 8, 8)
    """
    x, kernel = floats(inputs), floats(kernel)
    data_format = config.standardize_data_format(data_format)
    _check_channels("conv_transpose", x, kernel, data_format, axis=-1)
    spatial = x.ndim - 2
    x = to_channels_last(x, data_format)
    strides = as_tuple(strides, spatial, "strides")
    dilation = as_tuple(dilation_rate, spatial, "dilation_rate")
    extra = (None,) * spatial if output_padding is None else as_tuple(output_padding, spatial, "output_padding")
    same = checked_padding(padding) == "SAME"
    pads = [
        _transposed_padding(k, s, d, same, p)
        for k, s, d, p in zip(kernel.shape[:spatial], strides, dilation, extra, strict=True)
    ]
    dtype = jnp.result_type(x, kernel)
    result = lowering.convolve(
        x.astype(dtype),
        jnp.swapaxes(jnp.flip(kernel.astype(dtype), range(spatial)), -1, -2),
        strides=(1,) * spatial,
        padding=pads,
        dilation=dilation,
        inflation=strides,
    )
    return from_channels_last(result, data_format)


def _transposed_padding(size: int, stride: int, dilation: int, same: bool, extra: int | None) -> tuple[int, int]:
    """Return the padding for the plain convolution that computes the output from the dilated input."""
    reach = dilation * (size - 1) + 1
    # The difference between the size of the full transpose and the size of the output.
    if same:
        surplus = reach - stride if extra is None else 2 * (reach // 2) - extra
    else:
        surplus = -max(stride - reach, 0) if extra is None else -extra
    before = max(surplus, 0) // 2
    return reach - 1 - before, reach - 1 - (surplus - before)
