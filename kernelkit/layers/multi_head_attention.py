"""`MultiHeadAttention`: attention in several heads, side by side."""

from __future__ import annotations

from typing import Any

from kernelkit import regularizers, serialize
from kernelkit.layers.attention_names import alias
from kernelkit.layers.base.keras_names import SecondName
from kernelkit.layers.layer import Layer
from kernelkit.layers.projected_attention import ProjectedAttention, checked_count
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike, Shapes


class MultiHeadAttention(ProjectedAttention):
    """Attention in several heads: each query gets the mean of the values, weighted by the match of query and key.

    Args:
        num_heads: Number of heads.
        key_dim: Features of a head's queries and keys.
        value_dim: Features of a head's values; ``key_dim`` for ``None``.
        dropout: Share of the weights set to zero while training.
        use_bias: Whether the projections have biases.
        output_shape: Int or ints: sizes of the output's axes after the positions; the query's features for ``None``.
        attention_axes: Int or ints: the axes that attention runs along; all but batch and features for ``None``.
        sliding_window: Keys at this distance or further are ignored; ``None`` for no limit.
        flash_attention: Whether to use cuDNN's fused kernel (NVIDIA GPUs, 16-bit floats); ``None`` leaves it to XLA.
        kernel_initializer: Initializer of the projections' kernels.
        bias_initializer: Initializer of their biases.
        kernel_regularizer: Regularizer of the kernels.
        bias_regularizer: Regularizer of the biases.
        activity_regularizer: Regularizer of the projections' outputs.
        kernel_constraint: Constraint of the kernels.
        bias_constraint: Constraint of the biases.
        use_gate: Whether each head's output is multiplied by a sigmoid of a projection of the query.
        seed: Int that seeds the dropout, or ``None`` for a random one.

    Call arguments: ``query`` (batch, queries, features), ``value`` (batch, keys, features), and ``key``, which is
    ``value`` if not given; bools ``value_mask`` and ``key_mask`` (batch, keys), ``False`` at positions to ignore, and
    ``attention_mask`` (batch, queries, keys) for pairs of positions; ``use_causal_mask``: whether each query ignores
    keys after its own position; ``return_attention_scores``: whether to return ``(outputs, weights)``, with weights
    (batch, heads, queries, keys); ``training``. Queries where ``query_mask`` is ``False`` attend to no key.

    Raises:
        ValueError: If the shapes do not match.

    Source: Vaswani et al., 2017, Attention is all you need; the gate: Qiu et al., 2025, Gated attention for large
    language models.

    Example:
        >>> import kernelkit as kk
        >>> attention = kk.layers.MultiHeadAttention(num_heads=2, key_dim=8)
        >>> query, value = kk.ops.ones((5, 4, 6)), kk.ops.ones((5, 3, 7))
        >>> outputs, weights = attention(query, value, return_attention_scores=True)
        >>> outputs.shape, weights.shape
        ((5, 4, 6), (5, 2, 4, 3))
    """

    # Names of the attributes in weights files.
    _saved_as = {"gate_dense": "_gate_dense"}

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Shapes = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            projection_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self.num_heads = checked_count(self, "num_heads", num_heads)
        self.key_dim = checked_count(self, "key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else checked_count(self, "value_dim", value_dim)
        self.output_shape = _as_tuple(self, "output_shape", output_shape) if output_shape else None
        self.attention_axes = None if attention_axes is None else _as_tuple(self, "attention_axes", attention_axes)

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        self._require_query_and_value(query_shape, value_shape)
        query, value = tuple(query_shape), tuple(value_shape)
        key = value if key_shape is None else tuple(key_shape)
        rank = len(query)
        if rank < 3:
            raise ValueError(f"{self.who()} takes queries (batch, positions, features), got the shape {query}.")
        given = range(1, rank - 1) if self.attention_axes is None else self.attention_axes
        self._axes = tuple(axis % rank if -rank <= axis < rank else axis for axis in given)
        if not self._axes or len(set(self._axes)) < len(self._axes) or not set(self._axes) <= set(range(1, rank - 1)):
            raise ValueError(
                f"{self.who()}: attention_axes={self.attention_axes} must be different axes of a query of shape "
                f"{query}, not the first (batch) nor the last (features)."
            )
        self._build_projections(
            query,
            value,
            key,
            heads=(self.num_heads, self.num_heads),
            sizes=(self.key_dim, self.value_dim),
            output=self.output_shape or query[-1:],
        )

    # Keras's names, which packages use.
    _num_heads = alias("num_heads")
    _key_dim = alias("key_dim")
    _value_dim = alias("value_dim")
    _output_shape = alias("output_shape")
    _inverse_sqrt_key_dim = SecondName(lambda layer: layer.key_dim**-0.5)

    @serialize.derives
    def get_config(self) -> dict:
        return super().get_config() | {"activity_regularizer": regularizers.serialize(self._projection_regularizer)}


def _as_tuple(layer: Layer, name: str, value: Any) -> tuple[int, ...]:
    values = (value,) if hasattr(value, "__index__") else value
    if not isinstance(values, (tuple, list)) or not all(hasattr(v, "__index__") for v in values):
        raise ValueError(f"{layer.who()}: Invalid `{name}`: expected an int or several, got {value!r}.")
    return tuple(int(v) for v in values)
