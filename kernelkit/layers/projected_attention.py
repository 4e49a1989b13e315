"""The base of `MultiHeadAttention` and `GroupQueryAttention`: projections to heads, attention, output projection."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import constraints, initializers, random, regularizers, scope
from kernelkit.initializers.initializer import Initializer
from kernelkit.layers import attention_masks
from kernelkit.layers.attention_names import AttentionNames
from kernelkit.layers.dropout import checked_rate
from kernelkit.layers.einsum_dense import EinsumDense
from kernelkit.layers.layer import Layer
from kernelkit.ops.nn.attention import dot_product_attention
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike, Tensor


class ProjectedAttention(AttentionNames):
    """The base of attention layers that first project queries, keys and values to heads."""

    supports_masking = True
    _not_in_config = ("flash_attention", "projection_regularizer")

    query_dense: EinsumDense
    key_dense: EinsumDense
    gate_dense: EinsumDense | None
    value_dense: EinsumDense
    output_dense: EinsumDense

    def __init__(
        self,
        *,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: InitializerLike,
        bias_initializer: InitializerLike,
        kernel_regularizer: RegularizerLike,
        bias_regularizer: RegularizerLike,
        projection_regularizer: Any,
        kernel_constraint: ConstraintLike,
        bias_constraint: ConstraintLike,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if sliding_window is not None and (isinstance(sliding_window, bool) or not _is_positive(sliding_window)):
            raise ValueError(
                f"{self.who()}: sliding_window must be a positive integer or None, got {sliding_window!r}."
            )
        if flash_attention and dropout > 0:
            raise ValueError(
                f"{self.who()}: Dropout is not supported when flash attention is enabled. Set dropout=0 or "
                "flash_attention=None."
            )
        self.dropout = checked_rate(self, dropout, "dropout")
        self.use_bias = use_bias
        self.sliding_window = sliding_window
        self.flash_attention = flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.use_gate = use_gate
        self.seed = seed
        self.seed_generator: random.SeedGenerator | None = None
        self._projection_regularizer = regularizers.get(projection_regularizer)
        self._axes: tuple[int, ...] = (1,)

    def _build_projections(
        self, query: tuple, value: tuple, key: tuple, heads: tuple[int, int], sizes: tuple[int, int], output: tuple
    ) -> None:
        """Make the dense layers.

        Args:
            query: Shape of the queries.
            value: Shape of the values.
            key: Shape of the keys.
            heads: Number of heads of the queries, and of keys and values.
            sizes: Features of a head of queries and keys, and of values.
            output: Sizes of the output's axes after the positions.
        """
        if not len(query) == len(value) == len(key) or value[:-1] != key[:-1]:
            raise ValueError(
                f"{self.who()}: the ranks of query, value and key must be equal, and the shapes of value and key "
                f"but for the features; got query {query}, value {value}, key {key}."
            )
        self.query_dense = self._to_heads("query", query, heads[0], sizes[0])
        self.key_dense = self._to_heads("key", key, heads[1], sizes[0])
        self.gate_dense = self._to_heads("gate", query, heads[0], sizes[1], "sigmoid") if self.use_gate else None
        self.value_dense = self._to_heads("value", value, heads[1], sizes[1])
        # Made here, as in Keras, so that what is given no seed draws the same one as there.
        self.seed_generator = random.SeedGenerator(self.seed) if self.dropout > 0 else None
        positions = len(query) - 1
        letters = iter(string.ascii_letters)
        outer, inner, new = (_take(letters, n) for n in (positions, 2, len(output)))
        equation = f"{outer}{inner},{inner}{new}->{outer}{new}"
        self.output_dense = self._dense("attention_output", equation, (None,) * (positions - 1) + output, new)
        self.output_dense.build((*query[:-1], heads[0], sizes[1]))

    def _to_heads(self, name: str, shape: tuple, heads: int, size: int, activation: str | None = None) -> EinsumDense:
        letters = iter(string.ascii_letters)
        outer, features, new = (_take(letters, n) for n in (len(shape) - 1, 1, 2))
        equation = f"{outer}{features},{features}{new}->{outer}{new}"
        layer = self._dense(name, equation, (None,) * (len(shape) - 2) + (heads, size), new, activation)
        layer.build(shape)
        return layer

    def _dense(self, name: str, equation: str, shape: tuple, axes: str, activation: str | None = None) -> EinsumDense:
        layer = EinsumDense(
            equation,
            shape,
            activation=activation,
            bias_axes=axes if self.use_bias else None,
            name=name,
            **self._get_common_kwargs_for_sublayer(),
        )
        # The attention layer itself handles masks; this avoids a warning of the dense layer.
        layer.supports_masking = True
        return layer

    def _require_query_and_value(self, query_shape: Any, value_shape: Any) -> None:
        for name, shape in (("query", query_shape), ("value", value_shape)):
            if shape is None:
                raise ValueError(
                    f"{self.who()} is called on a query and a value, layer(query, value), but the {name} is no tensor. "
                    "For self-attention give the same tensor twice: layer(x, x)."
                )

    def call(
        self,
        query: Tensor,
        value: Tensor,
        key: Tensor = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Tensor:
        if return_attention_scores and self.flash_attention:
            raise ValueError(
                f"{self.who()}: Returning attention scores is not supported when flash attention is enabled. Please "
                "disable flash attention to access attention scores: set flash_attention=None."
            )
        key = value if key is None else key
        query_sizes, key_sizes = self._positions(query), self._positions(key)
        rank = query.ndim + 2 - len(self._axes)
        mask = attention_masks.combine(
            self._given_masks(query_mask, [value_mask, key_mask], attention_mask, query_sizes, key_sizes, rank),
            self._order_mask(query_sizes, key_sizes, use_causal_mask),
        )
        heads = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        is_own = type(self)._compute_attention is not ProjectedAttention._compute_attention
        run = self._attend_as_subclass if is_own else self._attend
        outputs, scores = run(*heads, mask, training, return_attention_scores)
        if self.gate_dense is not None:
            outputs = outputs * self.gate_dense(query)
        outputs = self.output_dense(outputs)
        return (outputs, scores) if return_attention_scores else outputs

    def _positions(self, x: Tensor) -> list[int]:
        return [x.shape[axis] for axis in self._axes]

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, training: bool | None, with_scores: bool
    ) -> tuple[jax.Array, jax.Array | None]:
        """Return the output of each query head and, with ``with_scores``, the attention weights."""
        query_sizes, key_sizes = self._positions(query), self._positions(key)
        q, k, v = (positions_last(jnp.asarray(x), self._axes) for x in (query, key, value))
        if self.dropout == 0 and not with_scores and q.ndim == 4:
            outputs = dot_product_attention(q, k, v, mask=mask, flash_attention=self.flash_attention)
            if scope.local.observer is not None:
                scope.local.observer.attention(self, attend(q, k, v, mask)[1])
            return positions_back(outputs, self._axes, query_sizes), None
        outputs, scores = attend(q, k, v, mask, self._drop if training and self.dropout > 0 else None)
        if scope.local.observer is not None:
            scope.local.observer.attention(self, scores)
        outputs = positions_back(outputs, self._axes, query_sizes)
        return outputs, scores.reshape(*scores.shape[:-2], *query_sizes, *key_sizes) if with_scores else None

    def _compute_attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[jax.Array, jax.Array | None]:
        """Attention of projected queries, keys and values. The private name is Keras's; packages call it."""
        query_sizes, key_sizes = self._positions(query), self._positions(key)
        mask = attention_masks.combine(
            self._given_masks(None, [], attention_mask, query_sizes, key_sizes, len(query.shape) + 1 - len(self._axes)),
            self._order_mask(query_sizes, key_sizes, use_causal_mask),
        )
        return self._attend(query, key, value, mask, training, return_attention_scores)

    def _get_common_kwargs_for_sublayer(self) -> dict[str, Any]:
        """Return the common arguments of the projections. The private name is Keras's; packages call it."""
        return {
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
            "activity_regularizer": self._projection_regularizer,
            "kernel_constraint": self.kernel_constraint,
            "bias_constraint": self.bias_constraint,
            "dtype": self.dtype_policy,
            "kernel_initializer": _fresh(self.kernel_initializer),
            "bias_initializer": _fresh(self.bias_initializer),
        }

    def _drop(self, weights: jax.Array) -> jax.Array:
        return random.dropout(weights, self.dropout, seed=self.seed_generator)

    def _given_masks(
        self, of_queries: Any, of_keys: list, of_pairs: Any, query_sizes: list, key_sizes: list, rank: int
    ) -> jax.Array | None:
        """Return the mask arguments combined into one mask, in the shape of the scores."""
        try:
            masks = [
                attention_masks.of_positions(mask, self._axes, rank)[..., None, :]
                for mask in of_keys
                if mask is not None
            ]
            if of_queries is not None:
                masks.append(attention_masks.of_positions(of_queries, self._axes, rank)[..., None])
            if of_pairs is not None:
                masks.append(attention_masks.of_pairs(of_pairs, query_sizes, key_sizes, rank))
        except ValueError as error:
            raise ValueError(f"{self.who()}: {error}") from None
        return attention_masks.combine(*masks)

    def _order_mask(self, query_sizes: list, key_sizes: list, is_causal: bool) -> jax.Array | None:
        """Return the causal mask combined with the sliding window, or ``None``."""
        if not is_causal and self.sliding_window is None:
            return None
        if len(self._axes) > 1:
            raise ValueError(
                f"{self.who()}: use_causal_mask and sliding_window need ordered positions, but attention runs along "
                f"{len(self._axes)} axes, {self._axes}. Choose one axis with attention_axes."
            )
        sizes = query_sizes[0], key_sizes[0]
        return attention_masks.combine(
            attention_masks.causal(*sizes) if is_causal else None,
            None if self.sliding_window is None else attention_masks.window(*sizes, self.sliding_window),
        )


def attend(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    drop: Callable[[jax.Array], jax.Array] | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Return the mean of the values for each query, by attention weights, and the weights.

    Args:
        query: Floats (..., queries, heads, features).
        key: Floats (..., keys, key heads, features); each key head serves an equal share of the heads.
        value: Floats (..., keys, key heads, value features).
        mask: Bools that broadcast to (..., heads, queries, keys), or ``None``.
        drop: Dropout function of the weights. The returned weights are without dropout.

    Returns:
        ``(outputs (..., queries, heads, value features), weights (..., heads, queries, keys))``.

    Source: Vaswani et al., 2017, Attention is all you need; Ainslie et al., 2023, GQA.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((5, 4, 2, 3))
        >>> [y.shape for y in attend(x, x, x, None)]
        [(5, 4, 2, 3), (5, 2, 4, 4)]
    """
    groups = query.shape[-2] // key.shape[-2]
    if groups > 1:
        key, value = jnp.repeat(key, groups, axis=-2), jnp.repeat(value, groups, axis=-2)
    query = query * jnp.asarray(1 / math.sqrt(query.shape[-1]), query.dtype)
    scores = jnp.einsum("...tnh,...snh->...nts", query, key)
    weights = attention_masks.masked_softmax(scores, mask)
    return jnp.einsum("...nts,...snh->...tnh", weights if drop is None else drop(weights), value), weights


def positions_last(x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Return (batch, ..., heads, features) as (batch, rest..., positions, heads, features), ``axes`` joined into one.

    Example:
        >>> import jax.numpy as jnp
        >>> positions_last(jnp.ones((5, 4, 3, 2, 1)), (1,)).shape
        (5, 3, 4, 2, 1)
    """
    last = range(x.ndim - 2 - len(axes), x.ndim - 2)
    x = jnp.moveaxis(x, axes, last)
    return x.reshape(*x.shape[: last.start], -1, *x.shape[-2:])


def positions_back(x: jax.Array, axes: tuple[int, ...], sizes: list[int]) -> jax.Array:
    """Undo :func:`positions_last`; ``sizes`` are the sizes of the axes."""
    x = x.reshape(*x.shape[:-3], *sizes, *x.shape[-2:])
    return jnp.moveaxis(x, range(x.ndim - 2 - len(axes), x.ndim - 2), axes)


def _take(letters: Any, count: int) -> str:
    return "".join(next(letters) for _ in range(count))


def _fresh(initializer: InitializerLike) -> Any:
    """Return a copy of an initializer; without a seed, the copy draws other values."""
    return initializer.clone() if isinstance(initializer, Initializer) else initializer


def _is_positive(value: Any) -> bool:
    return hasattr(value, "__index__") and value > 0


def checked_count(layer: Layer, name: str, value: Any) -> int:
    """Return a positive int; raise ``ValueError`` for anything else."""
    if isinstance(value, bool) or not _is_positive(value):
        raise ValueError(f"{layer.who()}: the argument `{name}` must be a positive integer, got {value!r}.")
    return int(value)
