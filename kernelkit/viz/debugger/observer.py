"""`Observer`: names the values of layers, losses and optimizers while a step is traced."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.ad_checkpoint import checkpoint_name

from kernelkit import masking, scope
from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor, Tree

PREFIX = "kernelkit/"
MASK = "mask"
"""Name of the mask among the gates of an RNN."""


class SeenLayer(NamedTuple):
    """One call of a layer in a step.

    Attributes:
        name: The layer's name (see :mod:`kernelkit.viz.debugger.naming`), ``name#2`` for its second call.
        layer: The layer.
        keys: The name of each output array in the traced step.
        scores: The name of its attention weights, if it computed any.
        gates: The names of the gates of an LSTM or a GRU, and of the mask of its steps.
    """

    name: str
    layer: Any
    keys: list[str]
    scores: str | None = None
    gates: dict[str, str] | None = None


class SeenLoss(NamedTuple):
    """One use of a loss: its values before reduction, and their weights and mask."""

    loss: Any
    key: str
    weights: str | None
    mask: str | None


class Observer:
    """Layers, losses and variables that were seen while a step was traced.

    Args:
        names: The names of layers by their ids; others have their own ``name``.

    Attributes:
        layers: Calls of layers, in the order in which they ended.
        losses: Uses of losses.
        variables: The variables whose gradients optimizers received, each with its key.
    """

    def __init__(self, names: dict[int, str] | None = None) -> None:
        self.layers: list[SeenLayer] = []
        self.losses: list[SeenLoss] = []
        self.variables: dict[int, tuple[Any, str]] = {}
        self._names = names or {}
        self._calls: Counter[str] = Counter()
        self._scores: dict[int, str] = {}
        self._gates: dict[int, dict[str, str]] = {}

    def layer(self, layer: Layer, outputs: Tree) -> Any:
        """Name the outputs of a layer and return them."""
        name = self._names.get(id(layer), layer.name)
        self._calls[name] += 1
        name = name if self._calls[name] == 1 else f"{name}#{self._calls[name]}"
        keys: list[str] = []

        def mark(value: Any) -> Any:
            if not is_tensor(value):
                return value
            keys.append(f"layer/{len(self.layers)}/{len(keys)}")
            marked = _both_ways(value, keys[-1]) if _is_float(value) else checkpoint_name(value, _value(keys[-1]))
            mask = masking.get_mask(value)
            if mask is not None:
                masking.set_mask(marked, mask)
            return marked

        outputs = jtu.tree_map(mark, outputs, is_leaf=is_leaf)
        scores, gates = self._scores.pop(id(layer), None), self._gates.pop(id(layer), None)
        self.layers.append(SeenLayer(name, layer, keys, scores, gates))
        return outputs

    def attention(self, layer: Layer, weights: Any) -> None:
        """Name the attention weights (samples, heads, queries, keys) of the running layer."""
        if weights.ndim == 4:
            self._scores[id(layer)] = key = f"attention/{len(self.layers)}/{len(self._scores)}"
            checkpoint_name(weights, _value(key))

    def gates(self, layer: Layer, gates: dict[str, Any], mask: Tensor) -> None:
        """Name the gates (steps, samples, units) of the running RNN, and the mask (steps, samples)."""
        found = gates if mask is None else gates | {MASK: mask}
        self._gates[id(layer)] = keys = {name: f"gates/{len(self.layers)}/{name}" for name in found}
        for name, values in found.items():
            checkpoint_name(values, _value(keys[name]))

    def loss(self, loss: Any, values: Tensor, weights: Any, mask: Tensor) -> Any:
        """Name the values of a loss and return them."""
        key = f"loss/{len(self.losses)}"
        kept = {}
        for what, value in (("weights", weights), ("mask", mask)):
            if value is not None:
                checkpoint_name(jnp.asarray(value), _value(f"{key}/{what}"))
                kept[what] = f"{key}/{what}"
        self.losses.append(SeenLoss(loss, key, kept.get("weights"), kept.get("mask")))
        return checkpoint_name(values, _value(key))

    def gradients(self, variables: Any, gradients: list) -> None:
        """Name the gradients that an optimizer received. Changes the list in place."""
        for i, (variable, gradient) in enumerate(zip(variables, gradients, strict=True)):
            if gradient is not None and id(variable) not in self.variables:
                key = f"gradient/{len(self.variables)}"
                self.variables[id(variable)] = (variable, key)
                gradients[i] = checkpoint_name(gradient, _value(key))


@contextlib.contextmanager
def observing(names: dict[int, str] | None = None) -> Iterator[Observer]:
    """Observe the layers, losses and optimizers of this thread within a ``with`` block.

    Args:
        names: The names of layers by their ids.
    """
    observer, before = Observer(names), scope.local.observer
    scope.local.observer = observer
    try:
        yield observer
    finally:
        scope.local.observer = before


def value_name(key: str) -> str:
    """Return the name, without prefix, of a key's values."""
    return f"{key}/value"


def cotangent_name(key: str) -> str:
    """Return the name, without prefix, of the loss's gradient with respect to a key's values."""
    return f"{key}/cotangent"


def _value(key: str) -> str:
    return PREFIX + value_name(key)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _both_ways(value: Any, key: str) -> Any:
    return checkpoint_name(value, _value(key))


def _forward(value: Any, key: str) -> tuple[Any, None]:
    return _both_ways(value, key), None


def _backward(key: str, _: None, cotangent: Any) -> tuple[Any]:
    return (checkpoint_name(cotangent, PREFIX + cotangent_name(key)),)


_both_ways.defvjp(_forward, _backward)


def _is_float(value: Any) -> bool:
    return jnp.issubdtype(value.dtype, jnp.inexact)
