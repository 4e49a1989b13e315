"""Convolutional LSTMs: the state is an image (or a sequence, or a volume), the matrix products are convolutions.

Source: Shi et al., 2015, Convolutional LSTM network: a machine learning approach for precipitation nowcasting.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, config
from kernelkit.layers import recurrence, windows
from kernelkit.layers.gated_rnn import OwnCellRNN
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.lstm import forget_ones
from kernelkit.layers.recurrent_cell import RecurrentCell
from kernelkit.ops import nn
from kernelkit.typing import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shapes,
    Sizes,
    Tensor,
    Tree,
)

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


class ConvLSTMCell(RecurrentCell):
    """One step of a convolutional LSTM; arguments as those of :class:`ConvLSTM2D`."""

    _draws_seed_first = True

    def __init__(
        self,
        spatial: int,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes,
        padding: str,
        data_format: str | None,
        dilation_rate: Sizes,
        recurrent_activation: ActivationLike,
        unit_forget_bias: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(units=filters, **kwargs)
        who = self.who()
        self.spatial = spatial
        self.filters = self.units
        self.kernel_size = windows.as_sizes(kernel_size, spatial, "kernel_size", who)
        self.strides = windows.as_sizes(strides, spatial, "strides", who)
        self.padding = windows.checked_padding(padding, who)
        self.data_format = config.standardize_data_format(data_format)
        self.dilation_rate = windows.as_sizes(dilation_rate, spatial, "dilation_rate", who)
        words = "Specifying `strides > 1` is not compatible with"
        windows.refuse_stride_and_dilation(self.strides, self.dilation_rate, who, words)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> list[int]:
        """The channels of output and memory."""
        return [self.units, self.units]

    def build(self, input_shape: Shapes) -> None:
        last = self.data_format == "channels_last"
        sizes = tuple(input_shape[1:-1] if last else input_shape[2:])
        if None in sizes:
            raise ValueError(
                f"{self.who()}: the memory has the spatial size of the output, so the input's must be known, got the "
                f"shape {tuple(input_shape)}. Give these axes sizes in the model's Input."
            )
        channels = windows.channels_of(input_shape, self.spatial + 1 if last else 1, self.who())
        windows.require_fit(sizes, self.kernel_size, self.dilation_rate, self.padding, self.who(), "kernel_size")
        gates = 4 * self.units
        bias = forget_ones(self.bias_initializer, self.units) if self.unit_forget_bias else None
        self._make_weights((*self.kernel_size, channels, gates), (*self.kernel_size, self.units, gates), (gates,), bias)
        self._input_shape = tuple(input_shape[1:])
        one = jax.ShapeDtypeStruct((1, *self._input_shape), self.compute_dtype)
        projected = jax.eval_shape(self.project, one, jnp.zeros(self.kernel.shape, self.compute_dtype), None)
        axis = -1 if last else 1
        self._state_shape = tuple(
            self.units if i == axis % projected.ndim else size for i, size in enumerate(projected.shape)
        )[1:]

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Return the state before the first step: zeros of the output's shape."""
        return [jnp.zeros((batch_size, *self._state_shape), self.compute_dtype) for _ in range(2)]

    def _mask_shapes(self, batch_size: int) -> tuple[tuple, tuple]:
        return (batch_size, *self._input_shape), (batch_size, *self._state_shape)

    def project(self, inputs: Tree, kernel: Tensor, bias: Tensor) -> jax.Array:
        """Return the input's part of the gates, for inputs (n, spatial axes, channels)."""
        x = nn.conv(inputs, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)
        return x if bias is None else windows.add_bias(x, bias, self.data_format)

    def advance(self, projected: jax.Array, h: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the state after a step."""
        gates = projected + nn.conv(h, self.recurrent_kernel, 1, "same", self.data_format)
        i, f, new, o = jnp.split(gates, 4, axis=-1 if self.data_format == "channels_last" else 1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(new)
        return self.recurrent_activation(o) * self.activation(c), c

    def gate_values(self, inputs: Tree, h: Any) -> dict[str, jax.Array]:
        """Return the gates of steps from their inputs and the outputs before them (..., spatial axes, channels)."""
        flat = [v.reshape(-1, *v.shape[-self.spatial - 1 :]) for v in (inputs, h)]
        x = self.project(flat[0], self.kernel, self.bias)
        x = x + nn.conv(flat[1], self.recurrent_kernel, 1, "same", self.data_format)
        x = self.recurrent_activation(x.reshape(*h.shape[: -self.spatial - 1], *x.shape[1:]))
        i, f, _, o = jnp.split(x, 4, axis=-1 if self.data_format == "channels_last" else -self.spatial - 1)
        return {"input": i, "forget": f, "output": o}

    def call(self, inputs: Tree, states: Tree, training: bool | None = False) -> tuple:
        h, c = states
        x, dropped = self._drop(inputs, h, training)
        h, c = self.advance(self.project(x, self.kernel, self.bias), dropped, c)
        return h, [h, c]


class ConvLSTMLayer(OwnCellRNN):
    """A convolutional LSTM over as many spatial axes as ``_spatial`` says."""

    _spatial: int

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: ActivationLike = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell = ConvLSTMCell(
            self._spatial,
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
            recurrent_activation,
            unit_forget_bias,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="conv_lstm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=self._spatial + 3)

    def inner_loop(self, sequences: Tensor, initial_state: Tree, mask: Tensor, training: bool | None = False) -> tuple:
        cell = self.cell
        xs, mask = self._by_time(sequences), None if mask is None else self._by_time(mask).astype(bool)
        steps, batch = xs.shape[:2]
        drops = cell.draw_masks(batch) if training and cell.seed_generator is not None else (None, None)
        xs = xs if drops[0] is None else xs * drops[0]
        # One convolution for all steps.
        projected = cell.project(xs.reshape(-1, *xs.shape[2:]), cell.kernel, cell.bias)
        projected = projected.reshape(steps, batch, *projected.shape[1:])

        def step(x: jax.Array, state: list, aside: tuple) -> tuple:
            h, c = cell.advance(x, state[0] if drops[1] is None else state[0] * drops[1], state[1])
            return h, [h, c], aside

        last, outputs, state, _ = recurrence.loop(
            step,
            projected,
            initial_state,
            mask,
            collect=self.keeps_outputs,
            zero_masked=self.zero_output_for_mask,
            unroll=self.unroll,
        )
        return last, None if outputs is None else jnp.swapaxes(outputs, 0, 1), state


class ConvLSTM1D(ConvLSTMLayer):
    """A convolutional LSTM over series of sequences. Arguments as :class:`ConvLSTM2D`.

    Input shape: (batch, steps, length, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ConvLSTM1D(4, 3)(kk.ops.ones((1, 5, 8, 2))).shape
        (1, 6, 4)
    """

    _spatial = 1


class ConvLSTM2D(ConvLSTMLayer):
    """A convolutional LSTM over series of images.

    Args:
        filters: Number of output channels.
        kernel_size: Int or two: height and width of the kernels.
        strides: Int or two: step between windows of the input; the state is convolved with a step of 1.
        padding: ``"valid"`` or ``"same"``, of the input's convolution.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        dilation_rate: Int or two: step between the elements of a window of the input.
        activation: Activation of the new memory and of the output.
        recurrent_activation: Activation of the gates.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the input's kernel, of shape (height, width, channels, 4 * filters).
        recurrent_initializer: Initializer of the state's kernel, of shape (height, width, filters, 4 * filters).
        bias_initializer: Initializer of the bias, of shape (4 * filters,).
        unit_forget_bias: Whether the forget gate's bias is initialized with ones.
        kernel_regularizer: Regularizer of the input's kernel.
        recurrent_regularizer: Regularizer of the state's kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint of the input's kernel.
        recurrent_constraint: Constraint of the state's kernel.
        bias_constraint: Constraint of the bias.
        dropout: Share of the input's elements dropped in training, the same ones in all steps.
        recurrent_dropout: Share of the state's elements dropped in training, the same ones in all steps.
        seed: Seed of the dropout.
        return_sequences: Whether to return the outputs of all steps, not only the last output.
        return_state: Whether to return the last state too.
        go_backwards: Whether to process the steps in reverse; the outputs are in reverse order too.
        stateful: Whether the state is carried from batch to batch; the batch size must then be fixed.

    Input shape: (batch, steps, height, width, channels). The mask is of shape (batch, steps).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ConvLSTM2D(4, 3, padding="same", return_sequences=True)(kk.ops.ones((1, 5, 8, 8, 2))).shape
        (1, 5, 8, 8, 4)
    """

    _spatial = 2


class ConvLSTM3D(ConvLSTMLayer):
    """A convolutional LSTM over series of volumes. Arguments as :class:`ConvLSTM2D`.

    Input shape: (batch, steps, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ConvLSTM3D(2, 2)(kk.ops.ones((1, 3, 4, 4, 4, 1))).shape
        (1, 3, 3, 3, 2)
    """

    _spatial = 3
