"""`GRU`: gated recurrent units.

Source: Cho et al., 2014, Learning phrase representations using RNN encoder-decoder for statistical machine translation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from kernelkit import activations
from kernelkit.layers.gated_rnn import GatedCell, GatedRNN, elementwise, fast, three
from kernelkit.layers.recurrence import with_slope
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shapes, Tensor, Tree

__all__ = ["GRU", "GRUCell"]


class GRUStep(NamedTuple):
    """The step of a GRU that resets after the recurrent product, and its backward pass."""

    activation: Any
    recurrent_activation: Any

    def advance(self, x: jax.Array, r: jax.Array, state: tuple) -> tuple:
        (h,) = state
        (xz, xr, xn), (rz, rr, rn) = three(x), three(r)
        z, of_z = with_slope(self.recurrent_activation, xz + rz)
        reset, of_reset = with_slope(self.recurrent_activation, xr + rr)
        new, of_new = with_slope(self.activation, xn + reset * rn)
        of_new = of_new * (1 - z)
        of_r = jnp.concatenate([(h - new) * of_z, of_new * rn * of_reset, of_new * reset], -1)
        return (z * h + (1 - z) * new,), (of_r, of_new, z)

    def pull_back(self, gradient: tuple, slopes: tuple) -> tuple:
        (dh,) = gradient
        of_r, of_new, z = slopes
        dr = jnp.concatenate([dh, dh, dh], -1) * of_r
        dx = jnp.concatenate([dr[:, : 2 * dh.shape[-1]], dh * of_new], -1)
        return dr, dx, (dh * z,)


class GRUCell(GatedCell):
    """One step of a GRU: the reset gate scales the old state for a new state; the update gate mixes old and new state.

    Args:
        units: Size of the state and of the output.
        activation: Activation of the new state.
        recurrent_activation: Activation of the gates.
        use_bias: Whether biases are added.
        kernel_initializer: Initializer of the input's kernel, of shape (features, 3 * units): update, reset, new.
        recurrent_initializer: Initializer of the state's kernel, of shape (units, 3 * units).
        bias_initializer: Initializer of the bias, of shape (2, 3 * units), or (3 * units,) without ``reset_after``.
        kernel_regularizer: Regularizer of the input's kernel.
        recurrent_regularizer: Regularizer of the state's kernel.
        bias_regularizer: Regularizer of the bias.
        kernel_constraint: Constraint of the input's kernel.
        recurrent_constraint: Constraint of the state's kernel.
        bias_constraint: Constraint of the bias.
        dropout: Share of the input's elements dropped in training.
        recurrent_dropout: Share of the state's elements dropped in training.
        reset_after: Whether the reset gate applies after the recurrent product (as in cuDNN) or before.
        seed: Seed of the dropout.

    Call arguments: inputs (batch, features), the state [h], and whether dropout is active. Returns the output and [h].

    Example:
        >>> import kernelkit as kk
        >>> output, state = kk.layers.GRUCell(4)(kk.ops.ones((2, 3)), [kk.ops.zeros((2, 4))])
        >>> output.shape
        (2, 4)
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
        kernel_regularizer: RegularizerLike = None,
        recurrent_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        recurrent_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("implementation", None)  # an argument of Keras 2, without effect on the result
        super().__init__(**shared_arguments(GatedCell, locals()), **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def build(self, input_shape: Shapes) -> None:
        gates = 3 * self.units
        bias = (2, gates) if self.reset_after else (gates,)
        self._make_weights((input_shape[-1], gates), (self.units, gates), bias)

    def gates(self) -> GRUStep | None:
        if not self.reset_after or not elementwise(self.activation, self.recurrent_activation):
            return None
        return GRUStep(fast(self.activation), fast(self.recurrent_activation))

    def _biases(self) -> tuple[Any, Any]:
        if self.bias is None:
            return None, None
        bias = self.bias.value
        return (bias[0], bias[1]) if self.reset_after else (bias, None)

    def gate_values(self, inputs: Tensor, h: Any) -> dict[str, jax.Array]:
        """Return the gates of steps from their inputs (..., features) and the outputs before them (..., units)."""
        of_inputs, of_state = self._biases()
        x = inputs @ self.kernel.value + h @ self.recurrent_kernel.value
        for bias in (of_inputs, of_state):
            x = x if bias is None else x + bias
        z, reset, _ = three(x)
        return {"update": self.recurrent_activation(z), "reset": self.recurrent_activation(reset)}

    def call(self, inputs: Tensor, states: Tree, training: bool | None = False) -> tuple:
        before = states[0] if isinstance(states, (list, tuple)) else states
        x, h = self._drop(inputs, before, training)
        of_inputs, of_state = self._biases()
        x = x @ self.kernel.value
        xz, xr, xn = three(x if of_inputs is None else x + of_inputs)
        kernel = self.recurrent_kernel.value
        if self.reset_after:
            r = h @ kernel
            rz, rr, rn = three(r if of_state is None else r + of_state)
        else:
            rz, rr = jnp.split(h @ kernel[:, : 2 * self.units], 2, axis=-1)
        z, reset = self.recurrent_activation(xz + rz), self.recurrent_activation(xr + rr)
        rn = reset * rn if self.reset_after else (reset * h) @ kernel[:, 2 * self.units :]
        output = z * before + (1 - z) * self.activation(xn + rn)
        return output, [output] if isinstance(states, (list, tuple)) else output


class GRU(GatedRNN):
    """Gated recurrent units over sequences: like :class:`LSTM`, with one state and fewer weights.

    Args:
        units: Size of the state and of the output.
        activation: Activation of the new state.
        recurrent_activation: Activation of the gates.
        use_bias: Whether biases are added.
        kernel_initializer: Initializer of the input's kernel, of shape (features, 3 * units): update, reset, new.
        recurrent_initializer: Initializer of the state's kernel, of shape (units, 3 * units).
        bias_initializer: Initializer of the bias, of shape (2, 3 * units), or (3 * units,) without ``reset_after``.
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
        reset_after: Whether the reset gate applies after the recurrent product (as in cuDNN; faster here) or before.
        use_cudnn: Accepted for compatibility with Keras: XLA compiles the loop in any case, with the same results.

    Call arguments: see :class:`RNN`.

    Example:
        >>> import kernelkit as kk
        >>> output, state = kk.layers.GRU(4, return_state=True)(kk.ops.ones((2, 10, 3)))
        >>> output.shape, state.shape
        ((2, 4), (2, 4))
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
        reset_after: bool = True,
        use_cudnn: Any = "auto",
        **kwargs: Any,
    ) -> None:
        kwargs.pop("implementation", None)  # an argument of Keras 2, without effect on the result
        cell = GRUCell(
            **shared_arguments(GRUCell, locals()),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="gru_cell",
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
