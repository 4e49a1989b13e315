"""`RNN`: a recurrent layer with any cell."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import scope
from kernelkit.layers import recurrence
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.layers.recurrent_cell import same_dropout_each_step
from kernelkit.layers.stacked_rnn_cells import StackedRNNCells, initial_state_of
from kernelkit.typing import Shapes, Tensor, Tree
from kernelkit.variable import Variable

__all__ = ["RNN"]

# Longer sequences are never unrolled: compilation would take minutes. A loop gives the same numbers.
_MOST_UNROLLED = 5000


class RNN(Layer):
    """Run a cell over the steps of sequences.

    A cell is a layer with ``call(inputs, states) -> (output, new states)`` for one step, and an attribute
    ``state_size``: an int, or a list of them, one for each array of its state. It may have
    ``get_initial_state(batch_size)``; otherwise the initial state is zero.

    Args:
        cell: A cell, or a list of cells; the output of each cell is the input of the next.
        return_sequences: Whether to return the outputs of all steps, not only the last output.
        return_state: Whether to return the last state too.
        go_backwards: Whether to process the steps in reverse; the outputs are in reverse order too.
        stateful: Whether the state is carried from batch to batch; the batch size must then be fixed.
        unroll: Whether the steps are unrolled instead of looped: faster for a few steps, slower to compile.
        zero_output_for_mask: Whether the output at masked steps is zero, instead of the output of the step before.

    Call arguments:
        sequences: Floats (batch, steps, features).
        initial_state: The initial state, a list of arrays (batch, size).
        mask: Bools (batch, steps), ``False`` at padding, where the state does not change.
        training: Whether dropout is active.

    Returns:
        Outputs (batch, units), or (batch, steps, units) with ``return_sequences``; with ``return_state``, a tuple of
        the outputs and the state's arrays.

    Raises:
        ValueError: If the initial state doesn't fit the cell, or the batch size of a stateful layer changes.

    Example:
        >>> import kernelkit as kk
        >>> class Sum(kk.layers.Layer):
        ...     state_size = 3
        ...     def call(self, inputs, states):
        ...         total = states[0] + inputs
        ...         return total, [total]
        >>> kk.layers.RNN(Sum())(kk.ops.ones((1, 5, 3))).tolist()
        [[5.0, 5.0, 5.0]]
    """

    supports_masking = True
    # The state that a stateful layer carries is a variable, but not a weight.
    _untracked = Layer._untracked | {"states"}

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not callable(getattr(cell, "call", None)) or not hasattr(cell, "state_size"):
            raise ValueError(
                f"{self.who()}: a cell needs a method call(inputs, states) and an attribute state_size, got {cell!r}."
            )
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.states: list | None = None
        self.input_spec = InputSpec(ndim=3)

    @property
    def state_size(self) -> Shapes:
        """The sizes of the cell's state."""
        return self.cell.state_size

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            batch_size = sequences_shape[0]
            if batch_size is None:
                raise ValueError(
                    f"{self.who()} is stateful: it keeps one state for each sample of the batch, so the batch size "
                    "must be fixed. Begin the model with Input(batch_shape=(batch_size, steps, features))."
                )
            self.states = jax.tree.map(
                lambda value: Variable(value, trainable=False, name="rnn_state"), self.get_initial_state(batch_size)
            )

    def get_initial_state(self, batch_size: int) -> Tree:
        """Return the state before the first step, for a batch of a given size."""
        return initial_state_of(self.cell, batch_size)

    def reset_state(self) -> None:
        """Reset a stateful layer to the cell's initial state."""
        for variable, value in zip(*self._states_and_initial(), strict=True):
            variable.assign(value)

    reset_states = reset_state

    def _states_and_initial(self) -> tuple[list, list]:
        states = jax.tree.leaves(self.states)
        return states, jax.tree.leaves(self.get_initial_state(states[0].shape[0])) if states else []

    @property
    def variables(self) -> list[Variable]:
        """All variables: weights, states of random seeds, and the carried state of a stateful layer."""
        return super().variables + jax.tree.leaves(self.states)

    def call(
        self, sequences: Tensor, initial_state: Tree = None, mask: Tensor = None, training: bool | None = False
    ) -> Tree:
        x = jnp.asarray(sequences)
        state = self._begin(x, initial_state)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        begin = jax.tree.leaves(state)
        last, outputs, state = self.inner_loop(x, state, mask, training)
        if scope.local.observer is not None and has_gates(self.cell):
            self._tell_gates(x, begin[0], outputs, mask)
        if self.stateful:
            for variable, value in zip(jax.tree.leaves(self.states), jax.tree.leaves(state), strict=True):
                variable.assign(value)
        output = outputs if self.return_sequences else last
        return (output, *state) if self.return_state else output

    @property
    def keeps_outputs(self) -> bool:
        """Whether :meth:`inner_loop` returns the outputs of all steps. An observer of the step also needs them."""
        return self.return_sequences or scope.local.observer is not None

    def _tell_gates(self, x: jax.Array, begin: jax.Array, outputs: Tree, mask: Tensor) -> None:
        """Hand the gates of all steps, without dropout, to the observer."""
        before = jnp.concatenate([begin[None], jnp.swapaxes(outputs, 0, 1)[:-1]])
        gates = self.cell.gate_values(self._by_time(x), before)
        scope.local.observer.gates(self, gates, None if mask is None else self._by_time(mask))

    def _begin(self, x: jax.Array, initial_state: Tree) -> list:
        """Return the initial state in the structure and dtypes of the cell's state."""
        if initial_state is None and not self.stateful:
            return self.get_initial_state(x.shape[0])
        if initial_state is None:
            initial_state = jax.tree.map(lambda v: v.value, self.states)
        elif not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        expected = jax.eval_shape(lambda: self.get_initial_state(x.shape[0]))
        wanted, treedef = jax.tree.flatten(expected)
        given = [jnp.asarray(v) for v in jax.tree.leaves(initial_state)]
        if [v.shape for v in given] != [v.shape for v in wanted]:
            raise ValueError(
                f"{self.who()} is called on a batch of {x.shape[0]} and needs a state of arrays of the shapes "
                f"{[v.shape for v in wanted]}, got {[v.shape for v in given]}."
                + (" A stateful layer keeps its batch size: feed batches of equal size." if self.stateful else "")
            )
        return jax.tree.unflatten(treedef, [v.astype(w.dtype) for v, w in zip(given, wanted, strict=True)])

    def inner_loop(self, sequences: Tensor, initial_state: Tree, mask: Tensor, training: bool | None = False) -> tuple:
        """Run the cell over all steps.

        Args:
            sequences: Floats (batch, steps, features).
            initial_state: The state before the first step.
            mask: Bools (batch, steps) or ``None``.
            training: Whether dropout is active.

        Returns:
            ``(last output, outputs of all steps or None, last state)``.
        """
        xs, mask = self._by_time(sequences), None if mask is None else self._by_time(mask).astype(bool)
        treedef = jax.tree.structure(initial_state)

        def step(x: jax.Array, state: Tensor) -> tuple:
            output, new = self.cell(x, state)
            return output, jax.tree.unflatten(treedef, jax.tree.leaves(new))

        with same_dropout_each_step(self.cell, xs.shape[1], training):
            last, outputs, state = loop_layer(
                self.cell,
                step,
                xs,
                initial_state,
                mask,
                collect=self.keeps_outputs,
                zero_masked=self.zero_output_for_mask,
                unroll=self.unroll and xs.shape[0] <= _MOST_UNROLLED,
            )
        return last, jax.tree.map(_batch_first, outputs), state

    def _by_time(self, x: Tensor) -> jax.Array:
        """Return an array with the steps as first axis, in the order of the loop."""
        x = jnp.swapaxes(jnp.asarray(x), 0, 1)
        return jnp.flip(x, 0) if self.go_backwards else x

    def compute_mask(self, inputs: Tree, mask: Tensor = None) -> Tree:
        """Return the mask of the outputs: the input's mask for sequences, ``None`` for a last output."""
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        own = mask if self.return_sequences else None
        return [own] + [None] * len(jax.tree.leaves(self.cell.state_size)) if self.return_state else own


def has_gates(cell: Any) -> bool:
    """Return whether a cell's ``gate_values`` match its ``call``: no subclass overrides only one of the two."""
    return "gate_values" in vars(next((c for c in type(cell).__mro__ if "call" in vars(c)), object))


def _batch_first(x: jax.Array) -> jax.Array:
    return jnp.swapaxes(x, 0, 1)


def loop_layer(layer: Any, step: Any, xs: Tensor, state: Tensor, mask: Tensor, **options: Any) -> tuple:
    """Loop over a step that calls a layer; variables that the layer assigns (seeds, moving averages) are carried along.

    Args:
        layer: The layer, already built.
        step: ``(x, state) -> (output, new state)``.
        xs: Sequences (steps, batch, ...).
        state: The state before the first step.
        mask: Bools (steps, batch) or ``None``.
        **options: As for :func:`~kernelkit.layers.recurrence.loop`.

    Returns:
        ``(last output, outputs, last state)``.
    """
    variables = layer.non_trainable_variables if isinstance(layer, Layer) else []

    def pure(x: Tensor, state: Tensor, values: list) -> tuple:
        with scope.StatelessScope(list(zip(variables, values, strict=True))) as lender:
            output, new = step(x, state)
        return output, new, [lender.values[id(v)] for v in variables]

    with scope.autocast_scope(None):
        values = [v.value for v in variables]
    last, outputs, state, values = recurrence.loop(pure, xs, state, mask, values, **options)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return last, outputs, state
