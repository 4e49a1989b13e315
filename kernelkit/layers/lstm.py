"""`LSTM`: long short-term memory.

Source: Hochreiter and Schmidhuber, 1997, Long short-term memory; Gers et al., 2000, Learning to forget.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kernelkit import activations, initializers
from kernelkit.layers.gated_rnn import GatedCell, GatedRNN, elementwise, fast
from kernelkit.layers.recurrence import with_slope
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import (
    ActivationLike,
    ConstraintLike,
    DType,
    InitializerLike,
    RegularizerLike,
    ShapeLike,
    Shapes,
    Tensor,
    Tree,
)

__all__ = ["LSTM", "LSTMCell"]


class LSTMStep(NamedTuple):
    """The step of an LSTM and its backward pass."""

    activation: Any
    recurrent_activation: Any

    def advance(self, x: jax.Array, r: jax.Array, state: tuple) -> tuple:
        _, c = state
        i, f, new, o = jnp.split(x + r, 4, axis=-1)
        i, of_i = with_slope(self.recurrent_activation, i)
        f, of_f = with_slope(self.recurrent_activation, f)
        o, of_o = with_slope(self.recurrent_activation, o)
        new, of_new = with_slope(self.activation, new)
        kept = f * c + i * new
        shown, of_kept = with_slope(self.activation, kept)
        of_gates = jnp.concatenate([new * of_i, c * of_f, i * of_new, shown * of_o], -1)
        return (o * shown, kept), (of_gates, o * of_kept, f)

    def pull_back(self, gradient: tuple, slopes: tuple) -> tuple:
        dh, dc = gradient
        of_gates, of_kept, f = slopes
        dc = dc + dh * of_kept
        return jnp.concatenate([dc, dc, dc, dh], -1) * of_gates, None, (None, dc * f)


class LSTMCell(GatedCell):
    """One step of an LSTM: gates decide how much enters the memory, how much stays, and how much is output.

    Args:
        units: Size of the state and of the output.
        activation: Activation of the new memory and of the output.
        recurrent_activation: Activation of the gates.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the input's kernel, of shape (features, 4 * units): input gate, forget gate,
            new memory, output gate.
        recurrent_initializer: Initializer of the state's kernel, of shape (units, 4 * units).
        bias_initializer: Initializer of the bias, of shape (4 * units,).
        unit_forget_bias: Whether the forget gate's bias is initialized with ones.
        kernel_regularizer: Regularizer of the input's kernel.
        recurrent_regularizer: Regularizer of the state's kernel.
        bias_regularizer: Regularizer of the bias.
        kernel_constraint: Constraint of the input's kernel.
        recurrent_constraint: Constraint of the state's kernel.
        bias_constraint: Constraint of the bias.
        dropout: Share of the input's elements dropped in training.
        recurrent_dropout: Share of the state's elements dropped in training.
        seed: Seed of the dropout.

    Call arguments: inputs (batch, features), the state [h, c], and whether dropout is active. Returns the output and
    [h, c].

    Example:
        >>> import kernelkit as kk
        >>> zeros = kk.ops.zeros((2, 4))
        >>> output, state = kk.layers.LSTMCell(4)(kk.ops.ones((2, 3)), [zeros, zeros])
        >>> output.shape, len(state)
        ((2, 4), 2)
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: ActivationLike = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("implementation", None)  # an argument of Keras 2, without effect on the result
        super().__init__(**shared_arguments(GatedCell, locals()), **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> list[int]:
        """The sizes of output and memory."""
        return [self.units, self.units]

    def build(self, input_shape: Shapes) -> None:
        gates = 4 * self.units
        bias = forget_ones(self.bias_initializer, self.units) if self.unit_forget_bias else None
        self._make_weights((input_shape[-1], gates), (self.units, gates), (gates,), bias)

    def gates(self) -> LSTMStep | None:
        if not elementwise(self.activation, self.recurrent_activation):
            return None
        return LSTMStep(fast(self.activation), fast(self.recurrent_activation))

    def gate_values(self, inputs: Tensor, h: Any) -> dict[str, jax.Array]:
        """Return the gates of steps from their inputs (..., features) and the outputs before them (..., units)."""
        x = inputs @ self.kernel.value + h @ self.recurrent_kernel.value
        i, f, _, o = jnp.split(x if self.bias is None else x + self.bias.value, 4, axis=-1)
        return {n: self.recurrent_activation(v) for n, v in (("input", i), ("forget", f), ("output", o))}

    def call(self, inputs: Tensor, states: Tree, training: bool | None = False) -> tuple:
        h, c = states
        x, h = self._drop(inputs, h, training)
        x = x @ self.kernel.value + h @ self.recurrent_kernel.value
        i, f, new, o = jnp.split(x if self.bias is None else x + self.bias.value, 4, axis=-1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(new)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]


def forget_ones(initializer: Any, units: int) -> InitializerLike:
    """Return an initializer of the four gates' biases, with ones for the forget gate.

    Source: Jozefowicz et al., 2015, An empirical exploration of recurrent network architectures.
    """

    def initialize(shape: ShapeLike, dtype: DType = None) -> jax.Array:
        ones = initializers.get("ones")((units,), dtype=dtype)
        rest = initializer((2 * units,), dtype=dtype)
        return jnp.concatenate([jnp.asarray(v) for v in (initializer((units,), dtype=dtype), ones, rest)])

    return initialize


class LSTM(GatedRNN):
    """Long short-term memory over sequences.

    With elementwise activations (the default), and without ``unroll`` or recurrent dropout, the layer runs as one loop
    with its own backward pass. jax can then differentiate it in reverse mode, but not in forward mode (``jax.jvp``).

    Args:
        units: Size of the state and of the output.
        activation: Activation of the new memory and of the output.
        recurrent_activation: Activation of the gates.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the input's kernel, of shape (features, 4 * units): input gate, forget gate,
            new memory, output gate.
        recurrent_initializer: Initializer of the state's kernel, of shape (units, 4 * units).
        bias_initializer: Initializer of the bias, of shape (4 * units,).
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
        unroll: Whether the steps are unrolled instead of looped: slower to compile.
        use_cudnn: Accepted for compatibility with Keras: XLA compiles the loop in any case, with the same results.

    Call arguments: see :class:`RNN`. The state is [h, c].

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.LSTM(4)(kk.ops.ones((2, 10, 3))).shape
        (2, 4)
        >>> outputs, h, c = kk.layers.LSTM(4, return_sequences=True, return_state=True)(kk.ops.ones((2, 10, 3)))
        >>> outputs.shape, h.shape, c.shape
        ((2, 10, 4), (2, 4), (2, 4))
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        unroll: bool = False,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        kwargs.pop("implementation", None)  # an argument of Keras 2, without effect on the result
        cell = LSTMCell(
            **shared_arguments(LSTMCell, locals()),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="lstm_cell",
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.use_cudnn = use_cudnn
