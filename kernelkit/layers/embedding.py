"""Embeddings: a vector for each index."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import constraints, dtypes, initializers, regularizers
from kernelkit.dispatch import op
from kernelkit.layers.layer import Layer
from kernelkit.layers.low_rank import LowRankLayer
from kernelkit.layers.quantized.quantizable import TABLES, as_config
from kernelkit.sparse import to_dense
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike, Shapes, Tensor, Tree
from kernelkit.variable import Variable


class Embedding(LowRankLayer):
    """Look up a vector for each index.

    Args:
        input_dim: Number of indices; indices are in [0, input_dim).
        output_dim: Size of the vectors.
        embeddings_initializer: Initializer of the vectors, of shape (input_dim, output_dim).
        embeddings_regularizer: Regularizer of the vectors.
        embeddings_constraint: Constraint of the vectors.
        mask_zero: Whether index 0 is padding, which later layers ignore.
        weights: A list with one array: the initial vectors.
        lora_rank: Rank of a low-rank adaptation (the vectors themselves are then frozen), or ``None``.
        lora_alpha: Factor of the adaptation times its rank.
        quantization_config: How the weight is quantized, if ``dtype`` is a quantized policy.
        activity_regularizer: Regularizer of the output.

    Input shape: ints (batch, ...). Output shape: (batch, ..., output_dim). An index out of range gives NaN.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Embedding(100, 8)(kk.ops.array([[3, 7, 0]])).shape
        (1, 3, 8)
    """

    adaptable = "embeddings"
    forms = TABLES
    _not_in_config = ("weights",)

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        weights: Tensor = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        activity_regularizer: RegularizerLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs
        )
        self.input_dim = _checked_size(self, "input_dim", input_dim)
        self.output_dim = _checked_size(self, "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.quantization_config = as_config(quantization_config)
        # Indices must not be cast to the compute dtype: 16-bit floats are exact only up to 256 (bfloat16) or 2048.
        self.autocast = False
        if weights is not None:
            self.build(None)
            self.set_weights(weights if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Shapes = None) -> None:
        self._make_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            self.embeddings_regularizer,
            self.embeddings_constraint,
        )
        self._adapt_if_asked()

    @property
    def embeddings(self) -> Tensor:
        """The vectors: a variable; an array once LoRA is enabled; integers once they are quantized."""
        return self._adapted()

    def call(self, inputs: Tensor) -> jax.Array:
        indices = jnp.asarray(to_dense(inputs))  # sparse: from a subclass that takes it
        indices = indices if dtypes.is_int(indices.dtype) else indices.astype("int32")
        vectors = jnp.take(self._weight.value, indices, axis=0) if self.form is None else self.form.rows(indices)
        if self._factors is not None:
            a, b = self._factors
            vectors = vectors + self._strength * jnp.take(a.value, indices, axis=0) @ b.value
        return vectors.astype(self.compute_dtype)

    def compute_mask(self, inputs: Tensor, mask: Tensor = None) -> Tree:
        """Return the mask ``inputs != 0``, if ``mask_zero``."""
        return _not_zero(inputs) if self.mask_zero else None


def _checked_size(layer: Layer, name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{layer.who()}: `{name}` must be a positive integer, got {value!r}.")
    return int(value)


@op
def _not_zero(inputs: Tensor) -> jax.Array:
    return jnp.asarray(to_dense(inputs)) != 0


class ReversibleEmbedding(Embedding):
    """An embedding that can also turn vectors back into scores of the indices, as at the end of language models.

    Args:
        input_dim: Number of indices.
        output_dim: Size of the vectors.
        tie_weights: Whether the reverse direction uses the same weights.
        embeddings_initializer: Initializer of the vectors.
        embeddings_regularizer: Regularizer of the vectors.
        embeddings_constraint: Constraint of the vectors.
        mask_zero: Whether index 0 is padding.
        reverse_dtype: Dtype of the reverse computation; the compute dtype for ``None``.
        logit_soft_cap: Bound of the scores, by a scaled tanh, or ``None``.

    Call arguments: indices; or, with ``reverse=True``, vectors (batch, ..., output_dim). The output is scores
    (batch, ..., input_dim) then.

    Source: Press and Wolf, 2017, Using the output embedding to improve language models.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.ReversibleEmbedding(100, 8)
        >>> layer(layer(kk.ops.array([[3, 7]])), reverse=True).shape
        (1, 2, 100)
    """

    forms = TABLES

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_embeddings: Variable | None = None
        self.reverse_form: Any = None
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Shapes = None) -> None:
        super().build(input_shape)
        if not self.tie_weights and self.form is None:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings"
            )

    def _make_form(self, mode: str, config: Any, shape: tuple, weight: Tensor) -> None:
        super()._make_form(mode, config, shape, weight)
        if not self.tie_weights:
            self.reverse_form = self.forms[mode](self, shape[::-1], config, "reverse_embeddings", 0)

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Quantize the vectors, and the weights of the reverse direction; see :meth:`Dense.quantize`."""
        reverse = self.reverse_embeddings
        super().quantize(mode, type_check, config)
        if reverse is not None:
            self.reverse_form.store(reverse.numpy())
            self.drop_variable(reverse)

    def call(self, inputs: Tensor, reverse: bool = False) -> jax.Array:
        if not reverse:
            return super().call(inputs)
        dtype = dtypes.standardize_dtype(self.reverse_dtype or self.compute_dtype)
        vectors = jnp.asarray(inputs).astype(dtype)
        if self.form is not None:
            scores = (self.reverse_form or self.form).reverse(vectors)
            if self._factors is not None and self.tie_weights:
                scores = scores + jnp.matmul(vectors, self._low_rank().T.astype(dtype))
        else:
            own = self.reverse_embeddings
            kernel = jnp.asarray(self.embeddings).T if own is None else own.value
            scores = jnp.matmul(vectors, kernel.astype(dtype))
        if self.logit_soft_cap is not None:
            scores = self.logit_soft_cap * jnp.tanh(scores / self.logit_soft_cap)
        return scores

    def compute_mask(self, inputs: Tensor, mask: Tensor = None) -> Tree:
        """Return the mask ``inputs != 0``; ``None`` in the reverse direction."""
        return None if dtypes.is_float(inputs.dtype) else super().compute_mask(inputs, mask)
