"""`Bidirectional`: a recurrent layer that reads sequences from both ends."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor, Tree

__all__ = ["Bidirectional"]

_MERGES = {
    "concat": lambda forward, backward: jnp.concatenate([forward, backward], -1),
    "sum": lambda forward, backward: forward + backward,
    "ave": lambda forward, backward: (forward + backward) / 2,
    "mul": lambda forward, backward: forward * backward,
}


class Bidirectional(Layer):
    """Run one copy of a recurrent layer from first to last step, another from last to first.

    Args:
        layer: A recurrent layer, such as LSTM or GRU. The wrapper works with copies of it.
        merge_mode: How the two outputs are merged: ``"concat"``, ``"sum"``, ``"ave"``, ``"mul"``; ``None`` keeps both.
        weights: Initial weights, of the forward layer and then of the backward layer.
        backward_layer: Layer for the backward direction, with ``go_backwards=True``; by default a copy of ``layer``.

    Call arguments: as for ``layer``. The initial state and the last state have the arrays of the forward layer,
    then those of the backward layer. Output sequences of both directions are in the order of the input, and zero
    at masked steps.

    Raises:
        ValueError: If the layer is not recurrent, or the two layers don't fit together.

    Source: Schuster and Paliwal, 1997, Bidirectional recurrent neural networks.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Bidirectional(kk.layers.LSTM(4, return_sequences=True))(kk.ops.ones((2, 10, 3))).shape
        (2, 10, 8)
    """

    supports_masking = True
    _not_in_config = ("weights",)

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Tensor = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for one in (layer, backward_layer):
            if one is not None and not all(hasattr(one, name) for name in ("go_backwards", "return_sequences")):
                raise ValueError(f"{self.who()} wraps a recurrent layer, such as LSTM or RNN(cell), got {one!r}.")
        if merge_mode is not None and merge_mode not in _MERGES:
            raise ValueError(f"{self.who()}: merge_mode must be one of {[*_MERGES, None]}, got {merge_mode!r}.")
        self.merge_mode = merge_mode
        self.forward_layer = _copy(layer, "forward_")
        if backward_layer is None:
            self.backward_layer = _copy(layer, "backward_", go_backwards=not layer.go_backwards)
        else:
            self.backward_layer = backward_layer
        self._require_pair()
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self._given_weights = weights
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.stateful = layer.stateful
        self.input_spec = InputSpec(ndim=3) if layer.input_spec is None else layer.input_spec

    def _require_pair(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards or not backward.go_backwards:
            raise ValueError(
                f"{self.who()}: the forward layer must have go_backwards=False and the backward layer True, got "
                f"{forward.go_backwards} and {backward.go_backwards}."
            )
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(forward, name) != getattr(backward, name):
                raise ValueError(
                    f"{self.who()}: both layers need the same {name}, got {getattr(forward, name)} for the forward "
                    f"layer and {getattr(backward, name)} for the backward layer."
                )

    @property
    def layer(self) -> Any:
        """The forward layer."""
        return self.forward_layer

    @property
    def states(self) -> tuple | None:
        """The state that stateful layers carry from batch to batch."""
        own = (self.forward_layer.states, self.backward_layer.states)
        return (*own[0], *own[1]) if own[0] and own[1] else None

    def reset_state(self) -> None:
        """Reset stateful layers to the initial state."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._given_weights is not None:
            self.set_weights(self._given_weights)
            self._given_weights = None

    def call(
        self, sequences: Tensor, initial_state: Tree = None, mask: Tensor = None, training: bool | None = None
    ) -> Tree:
        states: tuple[Any, Any] = (None, None)
        if initial_state is not None:
            half = len(initial_state) // 2
            if half * 2 != len(initial_state):
                raise ValueError(
                    f"{self.who()} has two layers and needs an even number of initial states, got {len(initial_state)}."
                )
            states = (list(initial_state[:half]), list(initial_state[half:]))
        forward = self.forward_layer(sequences, initial_state=states[0], mask=mask, training=training)
        backward = self.backward_layer(sequences, initial_state=states[1], mask=mask, training=training)
        last: tuple = ()
        if self.return_state:
            forward, backward, last = forward[0], backward[0], (*forward[1:], *backward[1:])
        if self.return_sequences:
            backward = jnp.flip(backward, 1)
        if self.merge_mode is None:
            return (forward, backward, *last)
        output = _MERGES[self.merge_mode](forward, backward)
        return (output, *last) if self.return_state else output

    def compute_mask(self, inputs: Tree, mask: Tensor = None) -> Tree:
        """Return the mask of the outputs: the input's mask for sequences, ``None`` for last outputs."""
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        own = mask if self.return_sequences else None
        outputs = (own, own) if self.merge_mode is None else (own,)
        if self.return_state:
            own_states = self.forward_layer.compute_mask(inputs, mask)[1:]
            return (*outputs, *own_states, *own_states)
        return outputs if self.merge_mode is None else own


def _copy(layer: Any, prefix: str, **changes: Any) -> Any:
    config = layer.get_config()
    config["name"] = prefix + config["name"].removeprefix(prefix)
    copied = type(layer).from_config(config | changes)
    if hasattr(layer, "use_cudnn"):
        copied.use_cudnn = layer.use_cudnn
    return copied
