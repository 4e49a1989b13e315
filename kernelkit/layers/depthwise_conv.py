"""Depthwise convolution layers: each channel is convolved on its own."""

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

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D"]


class DepthwiseConvLayer(Layer):
    """A depthwise convolution over as many axes as ``_spatial`` says."""

    _spatial: int

    def __init__(
        self,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        depthwise_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        depthwise_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        depthwise_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        who, spatial = self.who(), self._spatial
        self.kernel_size = windows.as_sizes(kernel_size, spatial, "kernel_size", who)
        self.strides = windows.as_sizes(strides, spatial, "strides", who)
        self.padding = windows.checked_padding(padding, who)
        self.depth_multiplier = windows.as_count(depth_multiplier, "depth_multiplier", who)
        self.data_format = config.standardize_data_format(data_format)
        self.dilation_rate = windows.as_sizes(dilation_rate, spatial, "dilation_rate", who)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=spatial + 2)

    def build(self, input_shape: Shapes) -> None:
        axis = -1 if self.data_format == "channels_last" else 1
        channels = windows.channels_of(input_shape, axis % (self._spatial + 2), self.who())
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (channels * self.depth_multiplier,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(ndim=self._spatial + 2, axes={axis: channels})

    def _known_shape(self, shape: Shape) -> Shape | None:
        channels = shape[-1 if self.data_format == "channels_last" else 1]
        return None if channels is None else windows.layer_shape(self, shape, channels * self.depth_multiplier)

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        sizes = x.shape[1:-1] if self.data_format == "channels_last" else x.shape[2:]
        windows.require_fit(sizes, self.kernel_size, self.dilation_rate, self.padding, self.who(), "kernel_size")
        x = nn.depthwise_conv(x, self.kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        if self.bias is not None:
            x = windows.add_bias(x, self.bias, self.data_format)
        return self.activation(x)


class DepthwiseConv1D(DepthwiseConvLayer):
    """Convolve each channel of sequences with its own kernels. Arguments as :class:`DepthwiseConv2D`.

    Input shape: (batch, steps, channels). Output shape: (batch, windows, channels * depth_multiplier).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.DepthwiseConv1D(3, depth_multiplier=2)(kk.ops.ones((2, 10, 3))).shape
        (2, 8, 6)
    """

    _spatial = 1


class DepthwiseConv2D(DepthwiseConvLayer):
    """Convolve each channel of images with its own kernels.

    Args:
        kernel_size: Int or two: height and width of the kernels.
        strides: Int or two: step between windows.
        padding: ``"valid"`` or ``"same"``.
        depth_multiplier: Number of kernels for each channel.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or two: step between the elements of a window.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        depthwise_initializer: Initializer of the kernel, of shape (height, width, channels, depth_multiplier).
        bias_initializer: Initializer of the bias.
        depthwise_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        depthwise_constraint: Constraint of the kernel.
        bias_constraint: Constraint of the bias.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, channels * depth_multiplier).

    Raises:
        ValueError: If the kernel is larger than the input.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.DepthwiseConv2D(3, padding="same")(kk.ops.ones((2, 8, 8, 4))).shape
        (2, 8, 8, 4)
    """

    _spatial = 2
