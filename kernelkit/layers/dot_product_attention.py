"""`Attention`: weighted means of values, by the dot products of queries and keys."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random, scope
from kernelkit.layers import attention_masks
from kernelkit.layers.dropout import checked_rate
from kernelkit.layers.layer import Layer
from kernelkit.typing import Shapes, Tensor, Tree


class Attention(Layer):
    """Return, for each query, the mean of the values weighted by the softmax of the dot products with the keys.

    Args:
        use_scale: Whether the scores are multiplied by a learned number.
        score_mode: ``"dot"`` for dot products; ``"concat"`` for ``sum(tanh(query + key))`` times a learned number.
        dropout: Share of the weights set to zero while training.
        seed: Int that seeds the dropout, or ``None`` for a random one.

    Call arguments: ``inputs``, a list of ``query`` (batch, queries, features), ``value`` (batch, keys, features) and,
    if it is not the value, ``key`` (batch, keys, features); ``mask``, a list of bools (batch, queries) and
    (batch, keys): outputs of masked queries are zero, masked keys are ignored; ``training``;
    ``return_attention_scores``: whether to return ``(outputs, weights (batch, queries, keys))``;
    ``use_causal_mask``: whether each query ignores keys after its own position.

    Source: Luong et al., 2015, Effective approaches to attention-based neural machine translation.

    Example:
        >>> import kernelkit as kk
        >>> query, value = kk.ops.ones((5, 4, 6)), kk.ops.ones((5, 3, 6))
        >>> kk.layers.Attention()([query, value]).shape
        (5, 4, 6)
    """

    supports_masking = True

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if score_mode not in ("dot", "concat"):
            raise ValueError(
                f"{self.who()}: Invalid value for argument score_mode. Expected one of {{'dot', 'concat'}}, got "
                f"{score_mode!r}."
            )
        self.use_scale = use_scale
        self.score_mode = score_mode
        self.dropout = checked_rate(self, dropout, "dropout")
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if dropout > 0 else None

    def build(self, input_shape: Shapes) -> None:
        self._checked(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        is_concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight") if is_concat else None

    def call(
        self,
        inputs: Tensor,
        mask: Tensor = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Tensor:
        query, value, *rest = (jnp.asarray(x) for x in self._checked(inputs))
        key = rest[0] if rest else value
        query_mask, key_mask, *_ = self._checked_mask(mask)
        scores = self._calculate_scores(query, key)
        allowed = attention_masks.combine(
            None if key_mask is None else jnp.asarray(key_mask)[..., None, :],
            attention_masks.causal(*scores.shape[-2:]) if use_causal_mask else None,
        )
        weights = attention_masks.soft_masked(scores, allowed)
        if scope.local.observer is not None:
            scope.local.observer.attention(self, weights[:, None])
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        outputs = weights @ value
        if query_mask is not None:
            outputs = outputs * jnp.asarray(query_mask, outputs.dtype)[..., None]
        return (outputs, weights) if return_attention_scores else outputs

    def _calculate_scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        """Return the scores (batch, queries, keys). The name is Keras's; subclasses override it."""
        scale = 1 if self.scale is None else self.scale.value
        if self.concat_score_weight is None:
            return jnp.einsum("...td,...sd->...ts", query, key) * scale
        pairs = query[..., :, None, :] + key[..., None, :, :]
        return self.concat_score_weight.value * jnp.sum(jnp.tanh(scale * pairs), axis=-1)

    def _checked(self, inputs: Tensor) -> Any:
        # In `build` these are shapes; the shape of a single tensor is a tuple too, but of sizes.
        is_list = isinstance(inputs, (list, tuple)) and all(hasattr(x, "__len__") for x in inputs)
        if not is_list or len(inputs) not in (2, 3):
            got = f"{len(inputs)} inputs" if is_list else "one tensor"
            raise ValueError(
                f"{self.who()} must be called on a list of length 2 or 3, [query, value] or [query, value, key]; got "
                f"{got}."
            )
        return inputs

    def _checked_mask(self, mask: Tensor) -> Any:
        if mask is None:
            return None, None
        if not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3):
            got = f"{type(mask).__name__}{f' of {len(mask)}' if isinstance(mask, (list, tuple)) else ''}"
            raise ValueError(
                f"{self.who()}: the layer mask must be a list of length 2 or 3, [query_mask, value_mask], with None "
                f"where there is none; got {got}."
            )
        return mask

    def compute_mask(self, inputs: Tensor, mask: Tensor = None) -> Tree:
        """Return the mask of the queries, which is also the mask of the outputs."""
        return self._checked_mask(mask)[0]
