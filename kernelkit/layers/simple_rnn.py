"""`SimpleRNN`: a layer whose output is part of its input at the next step."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from kernelkit.layers.gated_rnn import GatedCell, GatedRNN, elementwise, fast
from kernelkit.layers.recurrence import with_slope
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shapes, Tensor, Tree

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleStep(NamedTuple):
    """The step of a simple RNN and its backward pass."""

    activation: Any

    def advance(self, x: jax.Array, r: jax.Array, state: tuple) -> tuple:
        h, slope = with_slope(self.activation, x + r)
        return (h,), slope

    def pull_back(self, gradient: tuple, slope: jax.Array) -> tuple:
        return gradient[0] * slope, None, (None,)


class SimpleRNNCell(GatedCell):
    """One step of a simple RNN: ``h = activation(inputs @ kernel + h @ recurrent_kernel + bias)``.

    Args:
        units: Size of the state and of the output.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the input's kernel, of shape (features, units).
        recurrent_initializer: Initializer of the state's kernel, of shape (units, units).
        bias_initializer: Initializer of the bias, of shape (units,).
        kernel_regularizer: Regularizer of the input's kernel.
        recurrent_regularizer: Regularizer of the state's kernel.
        bias_regularizer: Regularizer of the bias.
        kernel_constraint: Constraint of the input's kernel.
        recurrent_constraint: Constraint of the state's kernel.
        bias_constraint: Constraint of the bias.
        dropout: Share of the input's elements dropped in training.
        recurrent_dropout: Share of the state's elements dropped in training.
        seed: Seed of the dropout.

    Call arguments: inputs (batch, features), the state [h], and whether dropout is active. Returns the output and [h].

    Example:
        >>> import kernelkit as kk
        >>> output, state = kk.layers.SimpleRNNCell(4)(kk.ops.ones((2, 3)), [kk.ops.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
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
        super().__init__(**shared_arguments(GatedCell, locals()), **kwargs)

    _draws_seed_first = True

    def build(self, input_shape: Shapes) -> None:
        self._make_weights((input_shape[-1], self.units), (self.units, self.units), (self.units,))

    def gates(self) -> SimpleStep | None:
        return SimpleStep(fast(self.activation)) if elementwise(self.activation) else None

    def call(self, inputs: Tensor, states: Tree, training: bool | None = False) -> tuple:
        h = states[0] if isinstance(states, (list, tuple)) else states
        x, h = self._drop(inputs, h, training)
        x = x @ self.kernel.value + h @ self.recurrent_kernel.value
        output = self.activation(x if self.bias is None else x + self.bias.value)
        return output, [output] if isinstance(states, (list, tuple)) else output


class SimpleRNN(GatedRNN):
    """A fully connected layer over sequences; the output of each step is an input of the next step.

    Args:
        units: Size of the state and of the output.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the input's kernel, of shape (features, units).
        recurrent_initializer: Initializer of the state's kernel, of shape (units, units).
        bias_initializer: Initializer of the bias, of shape (units,).
        kernel_regularizer: Regularizer of the input's kernel.
        recurrent_regularizer: Regularizer of the state's kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint of the input's kernel.
        recurrent_constraint: Constraint of the state's kernel.
        bias_constraint: Constraint of the bias.
        dropout: Share of the input's elements dropped in training, the same ones in all steps.
        recurrent_dropout: Share of the state's elements dropped in training, the same ones in all steps.
        return_sequences: Whether to return the outputs of all steps, not only the last output.
        return_state: Whether to return the last state too.
        go_backwards: Whether to process the steps in reverse; the outputs are in reverse order too.
        stateful: Whether the state is carried from batch to batch; the batch size must then be fixed.
        unroll: Whether the steps are unrolled instead of looped: slower to compile.
        seed: Seed of the dropout.

    Call arguments: see :class:`RNN`.

    Source: Elman, 1990, Finding structure in time.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.SimpleRNN(4, return_sequences=True)(kk.ops.ones((2, 10, 3))).shape
        (2, 10, 4)
    """

    def __init__(
        self,
        units: int,
        activation: ActivationLike = "tanh",
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        recurrent_initializer: InitializerLike = "orthogonal",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = SimpleRNNCell(
            **shared_arguments(SimpleRNNCell, locals()),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="simple_rnn_cell",
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
