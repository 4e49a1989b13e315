"""`GroupQueryAttention`: attention whose heads share keys and values in groups."""

from __future__ import annotations

from typing import Any

from kernelkit import scope
from kernelkit.layers.projected_attention import ProjectedAttention, checked_count
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike


class GroupQueryAttention(ProjectedAttention):
    """Multi-head attention in which a group of query heads shares one head of keys and values.

    With one key-value head this is multi-query attention; with one for each query head, :class:`MultiHeadAttention`.

    Args:
        head_dim: Features of a head.
        num_query_heads: Number of heads of queries.
        num_key_value_heads: Number of heads of keys and values; it divides ``num_query_heads``.
        dropout: Share of the weights set to zero while training.
        use_bias: Whether the projections have biases.
        sliding_window: Keys at this distance or further are ignored; ``None`` for no limit.
        flash_attention: Whether to use cuDNN's fused kernel (NVIDIA GPUs, 16-bit floats); ``None`` leaves it to XLA.
        kernel_initializer: Initializer of the projections' kernels.
        bias_initializer: Initializer of their biases.
        kernel_regularizer: Regularizer of the kernels.
        bias_regularizer: Regularizer of the biases.
        activity_regularizer: Regularizer of the layer's output and of the projections' outputs.
        kernel_constraint: Constraint of the kernels.
        bias_constraint: Constraint of the biases.
        use_gate: Whether each head's output is multiplied by a sigmoid of a projection of the query.
        seed: Int that seeds the dropout, or ``None`` for a random one.

    Call arguments: as :class:`MultiHeadAttention`, for inputs (batch, positions, features); queries where
    ``query_mask`` is ``False`` attend to no key.

    Raises:
        ValueError: If the heads cannot be grouped, or the shapes do not match.

    Source: Ainslie et al., 2023, GQA: training generalized multi-query transformer models from multi-head checkpoints.

    Example:
        >>> import kernelkit as kk
        >>> attention = kk.layers.GroupQueryAttention(head_dim=8, num_query_heads=4, num_key_value_heads=2)
        >>> attention(kk.ops.ones((5, 4, 6)), kk.ops.ones((5, 3, 6))).shape
        (5, 4, 6)
        >>> attention.key_dense.kernel.shape
        (6, 2, 8)
    """

    # Names of the class and its attributes in weights files.
    _saved_class = "grouped_query_attention"
    _saved_as = {f"{part}_dense": f"_{part}_dense" for part in ("query", "key", "gate", "value", "output")}

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
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
        name: str | None = None,
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
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            # Keras's automatic name, which does not follow from the class's name.
            name=name or scope.auto_name("grouped_query_attention"),
            **kwargs,
        )
        self.head_dim = checked_count(self, "head_dim", head_dim)
        self.num_query_heads = checked_count(self, "num_query_heads", num_query_heads)
        self.num_key_value_heads = checked_count(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % num_key_value_heads:
            raise ValueError(
                f"{self.who()}: num_key_value_heads must divide num_query_heads, got {num_key_value_heads} and "
                f"{num_query_heads}."
            )

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        self._require_query_and_value(query_shape, value_shape)
        query, value = tuple(query_shape), tuple(value_shape)
        if len(query) != 3:
            raise ValueError(f"{self.who()} takes queries (batch, positions, features), got the shape {query}.")
        self._build_projections(
            query,
            value,
            value if key_shape is None else tuple(key_shape),
            heads=(self.num_query_heads, self.num_key_value_heads),
            sizes=(self.head_dim, self.head_dim),
            output=query[-1:],
        )
