"""Private names of Keras's attention layers that subclasses in packages and tutorials read, set and override.

The layers themselves use public names. One of the private ones is a hook, as in Keras: a subclass that overrides
``_compute_attention`` computes attention its own way.
"""

from __future__ import annotations

import inspect
import math
import string
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import scope
from kernelkit.layers import attention_masks
from kernelkit.layers.base.keras_names import SecondName
from kernelkit.layers.layer import Layer
from kernelkit.typing import Tensor


def alias(name: str) -> property:
    """Return a property that reads and sets another attribute: a second name for it."""
    return property(lambda self: getattr(self, name), lambda self, value: setattr(self, name, value))


def equations(rank: int, axes: Sequence[int]) -> tuple[str, str]:
    """Return the equations of the scores, of keys and queries, and of the outputs, of weights and values.

    Args:
        rank: Number of axes of the queries: batch, positions..., heads, features.
        axes: The axes along which attention runs.

    Example:
        >>> equations(4, (1,))
        ('aecd,abcd->acbe', 'acbe,aecd->abcd')
    """
    letters = string.ascii_lowercase
    queries = letters[:rank]
    new = dict(zip(axes, letters[rank:], strict=False))
    keys = "".join(new.get(i, letter) for i, letter in enumerate(queries))
    outer = "".join(letter for i, letter in enumerate(queries[:-1]) if i not in new)
    scores = outer + "".join(queries[i] for i in axes) + "".join(new.values())
    return f"{keys},{queries}->{scores}", f"{scores},{keys}->{queries}"


def _rank(layer: Any) -> int:
    return len(layer.query_dense.equation.rpartition("->")[2])


class AttentionNames(Layer):
    """Keras's private names for the parts of an attention layer."""

    dropout: float
    _axes: tuple[int, ...]
    _drop: Any
    _compute_attention: Any

    _query_dense = alias("query_dense")
    _key_dense = alias("key_dense")
    _value_dense = alias("value_dense")
    _gate_dense = alias("gate_dense")
    _output_dense = alias("output_dense")
    _use_bias = alias("use_bias")
    _dropout = alias("dropout")
    _kernel_initializer = alias("kernel_initializer")
    _bias_initializer = alias("bias_initializer")
    _kernel_regularizer = alias("kernel_regularizer")
    _bias_regularizer = alias("bias_regularizer")
    _kernel_constraint = alias("kernel_constraint")
    _bias_constraint = alias("bias_constraint")
    _activity_regularizer = alias("_projection_regularizer")
    _attention_axes = SecondName(lambda layer: layer._axes)
    _flash_attention = SecondName(lambda layer: layer.flash_attention)
    _dot_product_equation = SecondName(lambda layer: equations(_rank(layer), layer._axes)[0])
    _combine_equation = SecondName(lambda layer: equations(_rank(layer), layer._axes)[1])
    _dropout_layer = SecondName(lambda layer: layer._drop_in_training)

    def _build_attention(self, rank: int) -> None:
        """Do nothing: attention itself has no weights."""

    def _drop_in_training(self, weights: Tensor, training: bool | None = None) -> Tensor:
        if training is None and scope.local.call is not None:
            training = scope.local.call.training
        return self._drop(weights) if training and self.dropout > 0 else weights

    def _masked_softmax(self, attention_scores: Any, attention_mask: Any = None) -> jax.Array:
        scores = jnp.asarray(attention_scores)
        count = len(self._axes)
        sizes = scores.shape[-2 * count : -count], scores.shape[-count:]
        flat = scores.reshape(*scores.shape[: -2 * count], *map(math.prod, sizes))
        mask = attention_mask
        if mask is not None:
            mask = attention_masks.of_pairs(mask, *sizes, flat.ndim)
        return attention_masks.masked_softmax(flat, mask).reshape(scores.shape)

    def _attend_as_subclass(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, training: bool | None, with_scores: bool
    ) -> tuple[Any, Any]:
        """Call the subclass's `_compute_attention` as Keras does, with keys repeated to the number of query heads."""
        groups = query.shape[-2] // key.shape[-2]
        if groups > 1:
            key, value = (jnp.repeat(jnp.asarray(x), groups, axis=-2) for x in (key, value))
        if mask is not None:
            sizes = [[x.shape[axis] for axis in self._axes] for x in (query, key)]
            mask = mask[..., 0, :, :] if mask.ndim > 2 and mask.shape[-3] == 1 else mask
            mask = jnp.broadcast_to(mask, (*mask.shape[:-2], *map(math.prod, sizes)))
            mask = mask.reshape(*mask.shape[:-2], *sizes[0], *sizes[1])
        options = {"attention_mask": mask, "training": training, "return_attention_scores": with_scores}
        return self._compute_attention(query, key, value, **_accepted(self._compute_attention, options))


def _accepted(function: Callable, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that a function takes."""
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {name: value for name, value in options.items() if takes_any or name in parameters}
