"""Separable convolution layers: a depthwise convolution, then a pointwise one that mixes the channels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, config, constraints, initializers, regularizers
from kernelkit.layers import windows
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.ops import nn
from kernelkit.typing import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Shapes,
    Sizes,
    Tensor,
)

__all__ = ["SeparableConv1D", "SeparableConv2D"]


class SeparableConvLayer(Layer):
    """A separable convolution over as many axes as ``_spatial`` says."""

    _spatial: int

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        depth_multiplier: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        pointwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        pointwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        pointwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        who, spatial = self.who(), self._spatial
        self.filters = windows.as_count(filters, "filters", who)
        self.kernel_size = windows.as_sizes(kernel_size, spatial, "kernel_size", who)
        self.strides = windows.as_sizes(strides, spatial, "strides", who)
        self.padding = windows.checked_padding(padding, who)
        self.data_format = config.standardize_data_format(data_format)
        self.dilation_rate = windows.as_sizes(dilation_rate, spatial, "dilation_rate", who)
        self.depth_multiplier = windows.as_count(depth_multiplier, "depth_multiplier", who)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=spatial + 2)

    def build(self, input_shape: Shapes) -> None:
        axis = -1 if self.data_format == "channels_last" else 1
        channels = windows.channels_of(input_shape, axis % (self._spatial + 2), self.who())
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            (*(1,) * self._spatial, channels * self.depth_multiplier, self.filters),
            self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(ndim=self._spatial + 2, axes={axis: channels})

    def _known_shape(self, shape: Shape) -> Shape | None:
        return windows.layer_shape(self, shape, self.filters)

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        sizes = x.shape[1:-1] if self.data_format == "channels_last" else x.shape[2:]
        windows.require_fit(sizes, self.kernel_size, self.dilation_rate, self.padding, self.who(), "kernel_size")
        x = nn.separable_conv(
            x,
            self.depthwise_kernel,
            self.pointwise_kernel,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        if self.bias is not None:
            x = windows.add_bias(x, self.bias, self.data_format)
        return self.activation(x)


class SeparableConv1D(SeparableConvLayer):
    """Convolve each channel of sequences on its own, then mix the channels. Arguments as :class:`SeparableConv2D`.

    Input shape: (batch, steps, channels). Output shape: (batch, windows, filters).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.SeparableConv1D(4, 3)(kk.ops.ones((2, 10, 3))).shape
        (2, 8, 4)
    """

    _spatial = 1


class SeparableConv2D(SeparableConvLayer):
    """Convolve each channel of images on its own, then mix the channels at each pixel.

    Args:
        filters: Number of output channels.
        kernel_size: Int or two: height and width of the depthwise kernels.
        strides: Int or two: step between windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or two: step between the elements of a window.
        depth_multiplier: Number of depthwise kernels for each channel.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        depthwise_initializer: Initializer of the depthwise kernel, (height, width, channels, depth_multiplier).
        pointwise_initializer: Initializer of the mixing kernel, (1, 1, channels * depth_multiplier, filters).
        bias_initializer: Initializer of the bias.
        depthwise_regularizer: Regularizer of the depthwise kernel.
        pointwise_regularizer: Regularizer of the mixing kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        depthwise_constraint: Constraint of the depthwise kernel.
        pointwise_constraint: Constraint of the mixing kernel.
        bias_constraint: Constraint of the bias.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, filters).

    Raises:
        ValueError: If the kernel is larger than the input.

    Source: Chollet, 2017, Xception: deep learning with depthwise separable convolutions.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.SeparableConv2D(8, 3)(kk.ops.ones((2, 10, 10, 3))).shape
        (2, 8, 8, 8)
    """

    _spatial = 2
