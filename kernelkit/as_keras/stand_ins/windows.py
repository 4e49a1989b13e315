"""Bases of layers with windows, by the number of axes: packages derive layers from them, and ask what is one."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from kernelkit.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from kernelkit.layers.conv import ConvLayer
from kernelkit.layers.conv_transpose import ConvTransposeLayer
from kernelkit.layers.depthwise_conv import DepthwiseConvLayer
from kernelkit.layers.separable_conv import SeparableConvLayer


class BaseConv(ConvLayer, metaclass=ABCMeta):
    """A convolution over `rank` axes."""

    def __init__(self, rank: int, *args: Any, **kwargs: Any) -> None:
        self._spatial = rank
        super().__init__(*args, **kwargs)


class BaseConvTranspose(ConvTransposeLayer, metaclass=ABCMeta):
    """A transposed convolution over `rank` axes."""

    def __init__(self, rank: int, *args: Any, **kwargs: Any) -> None:
        self._spatial = rank
        super().__init__(*args, **kwargs)


class BaseDepthwiseConv(DepthwiseConvLayer, metaclass=ABCMeta):
    """A depthwise convolution over `rank` axes."""

    def __init__(self, rank: int, depth_multiplier: int, kernel_size: Any, **kwargs: Any) -> None:
        self._spatial = rank
        super().__init__(kernel_size, depth_multiplier=depth_multiplier, **kwargs)


class BaseSeparableConv(SeparableConvLayer, metaclass=ABCMeta):
    """A separable convolution over `rank` axes."""

    def __init__(self, rank: int, depth_multiplier: int, filters: int, kernel_size: Any, **kwargs: Any) -> None:
        self._spatial = rank
        super().__init__(filters, kernel_size, depth_multiplier=depth_multiplier, **kwargs)


for _base, _layers in (
    (BaseConv, (Conv1D, Conv2D, Conv3D)),
    (BaseConvTranspose, (Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)),
    (BaseDepthwiseConv, (DepthwiseConv1D, DepthwiseConv2D)),
    (BaseSeparableConv, (SeparableConv1D, SeparableConv2D)),
):
    for _layer in _layers:
        _base.register(_layer)
