"""Convolution layers over sequences, images and volumes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, config, constraints, initializers, regularizers
from kernelkit.layers import windows
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.low_rank import LowRankLayer, refuse_quantization
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

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


class ConvLayer(LowRankLayer):
    """A convolution over as many axes as ``_spatial`` says."""

    _spatial: int
    adaptable = "kernel"
    _not_in_config = ("quantization_config",)

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs
        )
        refuse_quantization(quantization_config)
        who, spatial = self.who(), self._spatial
        self.filters = windows.as_count(filters, "filters", who)
        self.kernel_size = windows.as_sizes(kernel_size, spatial, "kernel_size", who)
        self.strides = windows.as_sizes(strides, spatial, "strides", who)
        self.padding = windows.checked_padding(padding, who, causal=spatial == 1)
        self.data_format = config.standardize_data_format(data_format)
        self.dilation_rate = windows.as_sizes(dilation_rate, spatial, "dilation_rate", who)
        if not hasattr(groups, "__index__") or isinstance(groups, bool) or groups < 1:
            raise ValueError(f"{who}: The number of groups must be a positive integer. Received: groups={groups!r}.")
        self.groups = int(groups)
        windows.refuse_stride_and_dilation(self.strides, self.dilation_rate, who)
        if self.filters % self.groups:
            raise ValueError(
                f"{who}: The number of filters must be evenly divisible by the number of groups. Received: "
                f"groups={self.groups}, filters={self.filters}."
            )
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=spatial + 2)

    @property
    def _channel_axis(self) -> int:
        return self._spatial + 1 if self.data_format == "channels_last" else 1

    def build(self, input_shape: Shapes) -> None:
        channels = windows.channels_of(input_shape, self._channel_axis, self.who())
        if channels % self.groups:
            raise ValueError(
                f"{self.who()}: groups must divide the input's channels, got groups={self.groups} and an input of "
                f"shape {tuple(input_shape)}, which has {channels}."
            )
        self._require_fit(input_shape)
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._make_weight(shape, self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.filters,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        axis = -1 if self.data_format == "channels_last" else 1
        self.input_spec = InputSpec(ndim=self._spatial + 2, axes={axis: channels})
        self._adapt_if_asked()

    def _require_fit(self, input_shape: Shapes) -> None:
        sizes = input_shape[1:-1] if self.data_format == "channels_last" else input_shape[2:]
        windows.require_fit(sizes, self.kernel_size, self.dilation_rate, self.padding, self.who(), "kernel_size")

    @property
    def kernel(self) -> Tensor:
        """The kernel: a variable, or an array once LoRA is enabled."""
        return self._adapted()

    def _known_shape(self, shape: Shape) -> Shape | None:
        return windows.layer_shape(self, shape, self.filters)

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        self._require_fit(x.shape)
        if self.padding == "causal":
            reach = (self.kernel_size[0] - 1) * self.dilation_rate[0]
            last = self.data_format == "channels_last"
            x = jnp.pad(x, ((0, 0), (reach, 0), (0, 0)) if last else ((0, 0), (0, 0), (reach, 0)))
        x = self.convolution_op(x, self.kernel)
        if self.bias is not None:
            x = windows.add_bias(x, self.bias, self.data_format)
        return self.activation(x)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Convolve inputs with a kernel. A subclass may change either first, as weight standardization does.

        Args:
            inputs: Floats (batch, ..., channels) or channels first; padded already for ``padding="causal"``.
            kernel: Floats, the layer's kernel.

        Returns:
            The convolution, without the bias.
        """
        padding = "valid" if self.padding == "causal" else self.padding
        return nn.conv(inputs, kernel, self.strides, padding, self.data_format, self.dilation_rate)


class Conv1D(ConvLayer):
    """Convolve sequences: the same small kernel at each step.

    Args:
        filters: Number of output channels.
        kernel_size: Length of the kernel.
        strides: Step between windows.
        padding: ``"valid"`` (windows inside the input), ``"same"`` (as many windows as steps, divided by the strides)
            or ``"causal"`` (each window ends at its own step, so that nothing looks ahead).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Step between the elements of a window; strides must be 1 if it is greater.
        groups: Number of groups of channels; each group has its own filters.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the kernel, of shape (kernel_size, channels / groups, filters).
        bias_initializer: Initializer of the bias, of shape (filters,).
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint of the kernel.
        bias_constraint: Constraint of the bias.
        lora_rank: Rank of a low-rank adaptation (the kernel itself is then frozen), or ``None``.
        lora_alpha: Factor of the adaptation times its rank.
        quantization_config: Must be ``None``.

    Input shape: (batch, steps, channels). Output shape: (batch, windows, filters).

    Raises:
        ValueError: If the kernel is longer than the input, or groups divide the channels unevenly.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Conv1D(4, 3, padding="causal")(kk.ops.ones((2, 10, 3))).shape
        (2, 10, 4)
    """

    _spatial = 1


class Conv2D(ConvLayer):
    """Convolve images: the same small kernel at each place.

    Args:
        filters: Number of output channels.
        kernel_size: Int or two: height and width of the kernel.
        strides: Int or two: step between windows.
        padding: ``"valid"`` (windows inside the input) or ``"same"`` (as many windows as pixels, divided by the
            strides).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or two: step between the elements of a window; strides must be 1 if it is greater.
        groups: Number of groups of channels; each group has its own filters.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the kernel, of shape (height, width, channels / groups, filters).
        bias_initializer: Initializer of the bias, of shape (filters,).
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint of the kernel.
        bias_constraint: Constraint of the bias.
        lora_rank: Rank of a low-rank adaptation (the kernel itself is then frozen), or ``None``.
        lora_alpha: Factor of the adaptation times its rank.
        quantization_config: Must be ``None``.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, filters).

    Raises:
        ValueError: If the kernel is larger than the input, or groups divide the channels unevenly.

    Source: LeCun et al., 1998, Gradient-based learning applied to document recognition.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Conv2D(8, 3, activation="relu")(kk.ops.ones((2, 28, 28, 1))).shape
        (2, 26, 26, 8)
    """

    _spatial = 2


class Conv3D(ConvLayer):
    """Convolve volumes: :class:`Conv2D` with one more axis, and arguments alike.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Conv3D(4, 3)(kk.ops.ones((1, 5, 5, 5, 2))).shape
        (1, 3, 3, 3, 4)
    """

    _spatial = 3
