"""Transposed convolution layers: from the output of a convolution back to the shape of its input."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, config, constraints, initializers, regularizers
from kernelkit.layers import windows
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.ops import nn
from kernelkit.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shapes, Sizes, Tensor

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


class ConvTransposeLayer(Layer):
    """A transposed convolution over as many axes as ``_spatial`` says."""

    _spatial: int

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        who, spatial = self.who(), self._spatial
        self.filters = windows.as_count(filters, "filters", who)
        self.kernel_size = windows.as_sizes(kernel_size, spatial, "kernel_size", who)
        self.strides = windows.as_sizes(strides, spatial, "strides", who)
        self.padding = windows.checked_padding(padding, who)
        self.output_padding = output_padding
        if output_padding is not None:
            self.output_padding = windows.as_sizes(output_padding, spatial, "output_padding", who, least=0)
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{who}: `output_padding` must be strictly less than `strides` along each axis, got "
                    f"output_padding={self.output_padding} and strides={self.strides}."
                )
        self.data_format = config.standardize_data_format(data_format)
        self.dilation_rate = windows.as_sizes(dilation_rate, spatial, "dilation_rate", who)
        windows.refuse_stride_and_dilation(self.strides, self.dilation_rate, who)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=spatial + 2)

    def build(self, input_shape: Shapes) -> None:
        axis = -1 if self.data_format == "channels_last" else 1
        channels = windows.channels_of(input_shape, axis % (self._spatial + 2), self.who())
        self.kernel = self.add_weight(
            (*self.kernel_size, self.filters, channels),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
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

    def call(self, inputs: Tensor) -> jax.Array:
        x = nn.conv_transpose(
            jnp.asarray(inputs),
            self.kernel,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        if self.bias is not None:
            x = windows.add_bias(x, self.bias, self.data_format)
        return self.activation(x)


class Conv1DTranspose(ConvTransposeLayer):
    """Transposed convolution of sequences. Arguments as :class:`Conv2DTranspose`.

    Input shape: (batch, steps, channels). Output shape: (batch, longer steps, filters).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Conv1DTranspose(4, 3, strides=2, padding="same")(kk.ops.ones((2, 10, 3))).shape
        (2, 20, 4)
    """

    _spatial = 1


class Conv2DTranspose(ConvTransposeLayer):
    """Transposed convolution of images: each input pixel adds a kernel to the output, ``strides`` pixels apart.

    Args:
        filters: Number of output channels.
        kernel_size: Int or two: height and width of the kernel.
        strides: Int or two: how many times larger the output is.
        padding: ``"valid"`` or ``"same"``.
        output_padding: Int or two, less than the strides: rows and columns to add; chosen automatically for ``None``.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or two: step between the elements of the kernel; strides must be 1 if it is greater.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the kernel, of shape (height, width, filters, channels).
        bias_initializer: Initializer of the bias.
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint of the kernel.
        bias_constraint: Constraint of the bias.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, filters).

    Source: Zeiler et al., 2010, Deconvolutional networks.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Conv2DTranspose(8, 3, strides=2, padding="same")(kk.ops.ones((2, 7, 7, 3))).shape
        (2, 14, 14, 8)
    """

    _spatial = 2


class Conv3DTranspose(ConvTransposeLayer):
    """Transposed convolution of volumes.

    Arguments as :class:`Conv2DTranspose`, ``data_format`` before ``output_padding``.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Conv3DTranspose(4, 2, strides=2)(kk.ops.ones((1, 3, 3, 3, 2))).shape
        (1, 6, 6, 6, 4)
    """

    _spatial = 3

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
