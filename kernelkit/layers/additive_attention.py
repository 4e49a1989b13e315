"""`AdditiveAttention`: attention with the scores ``sum(tanh(query + key))``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.dot_product_attention import Attention
from kernelkit.typing import Shapes


class AdditiveAttention(Attention):
    """Return, for each query, the mean of the values weighted by the softmax of ``sum(tanh(query + key))``.

    Args:
        use_scale: Whether the sum over the features has learned weights.
        dropout: Share of the weights set to zero while training.
        seed: Int that seeds the dropout, or ``None`` for a random one.

    Call arguments: as :class:`Attention`.

    Source: Bahdanau et al., 2015, Neural machine translation by jointly learning to align and translate.

    Example:
        >>> import kernelkit as kk
        >>> query, value = kk.ops.ones((5, 4, 6)), kk.ops.ones((5, 3, 6))
        >>> kk.layers.AdditiveAttention()([query, value]).shape
        (5, 4, 6)
    """

    _not_in_config = ("score_mode",)

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Shapes) -> None:
        features = self._checked(input_shape)[0][-1]
        self.scale = self.add_weight((features,), "glorot_uniform", name="scale") if self.use_scale else None

    def _calculate_scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        terms = jnp.tanh(query[..., :, None, :] + key[..., None, :, :])
        return jnp.sum(terms if self.scale is None else self.scale.value * terms, axis=-1)
