"""`TimeDistributed`: a layer applied to each step of sequences."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.layers.base.call import signature_of
from kernelkit.layers.rnn import loop_layer
from kernelkit.layers.wrapper import Wrapper
from kernelkit.typing import Shapes, Tensor, Tree

__all__ = ["TimeDistributed"]


class TimeDistributed(Wrapper):
    """Apply one layer, with the same weights, to each step of sequences.

    Args:
        layer: The layer for one step.

    Call arguments: inputs (batch, steps, ...), ``training``, and a mask (batch, steps, ...), which is passed to the
    inner layer if that takes a mask.

    All steps are computed at once, as one larger batch. The exception is training of a layer with moving averages, such
    as BatchNormalization: the steps run one after another, since the layer must see each step as a batch of its own.

    Example:
        >>> import kernelkit as kk
        >>> video = kk.ops.ones((2, 10, 8, 8, 3))
        >>> kk.layers.TimeDistributed(kk.layers.Conv2D(4, 3))(video).shape
        (2, 10, 6, 6, 4)
    """

    supports_masking = True

    def build(self, input_shape: Shapes) -> None:
        if len(input_shape) < 3:
            raise ValueError(
                f"{self.who()} takes inputs (batch, steps, ...) of at least 3 dimensions, got the shape "
                f"{tuple(input_shape)}."
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Tree, training: bool | None = None, mask: Tensor = None) -> Tree:
        x = jnp.asarray(inputs)
        if mask is not None and jnp.shape(mask)[:2] != x.shape[:2]:
            raise ValueError(
                f"The `mask` passed to the `TimeDistributed` layer has a shape {jnp.shape(mask)} that does not begin "
                f"with the batch and the steps of the inputs, {x.shape[:2]}. {self.who()} applies it step by step."
            )
        masks = mask is not None and "mask" in signature_of(self.layer).names
        if training and any(not v.born_trainable for v in self.layer.weights):
            return self._step_after_step(x, mask if masks else None)
        batch, steps = x.shape[:2]
        options = {"mask": _merge(jnp.asarray(mask))} if masks else {}
        outputs = self.layer(_merge(x), **options)
        return jax.tree.map(lambda y: y.reshape(batch, steps, *y.shape[1:]), outputs)

    def _step_after_step(self, x: jax.Array, mask: Tensor) -> Tensor:
        def step(now: tuple, state: tuple) -> tuple:
            options = {} if now[1] is None else {"mask": now[1]}
            return self.layer(now[0], **options), state

        by_time = jax.tree.map(lambda v: jnp.swapaxes(jnp.asarray(v), 0, 1), (x, mask))
        _, outputs, _ = loop_layer(self.layer, step, by_time, (), None)
        return jax.tree.map(lambda y: jnp.swapaxes(y, 0, 1), outputs)


def _merge(x: jax.Array) -> jax.Array:
    return x.reshape(-1, *x.shape[2:])
