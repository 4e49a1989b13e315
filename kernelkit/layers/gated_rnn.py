"""The base of SimpleRNN, GRU and LSTM: one matrix product projects the inputs of all steps, then a fast loop runs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations
from kernelkit.layers import recurrence
from kernelkit.layers.recurrent_cell import ELEMENTWISE, RecurrentCell
from kernelkit.layers.rnn import RNN
from kernelkit.typing import Tensor, Tree


class GatedCell(RecurrentCell):
    """A cell whose step applies elementwise functions to the sum of two matrix products."""

    def gates(self) -> Any:
        """Return the step for :func:`~kernelkit.layers.recurrence.gated_loop`; ``None`` if it has another form."""
        raise NotImplementedError

    def _biases(self) -> tuple[Any, Any]:
        """Return the biases of the input's product and of the state's product."""
        return None if self.bias is None else self.bias.value, None


class OwnCellRNN(RNN):
    """An RNN that makes its own cell from the layer's arguments."""

    _not_in_config = ("cell", "use_cudnn")

    def __getattr__(self, name: str) -> Any:
        # `lstm.units` is `lstm.cell.units`; likewise for all arguments of the cell.
        cell = self.__dict__.get("cell")
        if cell is not None and not name.startswith("_") and name in vars(cell):
            return getattr(cell, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class GatedRNN(OwnCellRNN):
    """An RNN with a :class:`GatedCell`."""

    def inner_loop(self, sequences: Tensor, initial_state: Tree, mask: Tensor, training: bool | None = False) -> tuple:
        gates = self.cell.gates()
        if gates is None or self.unroll or (training and self.cell.recurrent_dropout):
            return super().inner_loop(sequences, initial_state, mask, training)
        xs, mask = self._by_time(sequences), None if mask is None else self._by_time(mask).astype(bool)
        if training and self.cell.dropout:
            xs = xs * self.cell.draw_masks(xs.shape[1])[0]
        of_inputs, of_state = self.cell._biases()
        # One product for all steps, with two axes: for three axes XLA would move the transposition behind the product.
        projected = xs.reshape(-1, xs.shape[-1]) @ self.cell.kernel.value
        projected = projected if of_inputs is None else projected + of_inputs
        projected = projected.reshape(*xs.shape[:2], -1)
        kernel = self.cell.recurrent_kernel.value
        outputs, state = recurrence.gated_loop(
            gates, self.keeps_outputs, projected, kernel, of_state, tuple(initial_state), mask
        )
        last = state[0]
        if mask is not None and self.zero_output_for_mask:
            last = recurrence.where(mask[-1], last, jnp.zeros_like(last))
            outputs = None if outputs is None else jnp.where(mask[..., None], outputs, 0)
        return last, None if outputs is None else jnp.swapaxes(outputs, 0, 1), list(state)


def elementwise(*functions: Any) -> bool:
    """Return whether all given activation functions are known to be elementwise."""
    return all(callable(f) and getattr(f, "__hash__", None) is not None and f in ELEMENTWISE for f in functions)


def fast(function: Any) -> Any:
    """Return an activation function in the form that is fastest in the loops."""
    return recurrence.logistic if function is activations.sigmoid else function


def three(x: jax.Array) -> list[jax.Array]:
    """Split the last axis into three."""
    return jnp.split(x, 3, axis=-1)
