"""`CategoryEncoding`: category indices turned into vectors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import dtypes
from kernelkit.layers.preprocessing.data_layer import DataLayer
from kernelkit.layers.preprocessing.encoding import check_mode, check_sparse, encode, encoded_shape
from kernelkit.symbolic import KerasTensor
from kernelkit.typing import Shapes, Tree

__all__ = ["CategoryEncoding"]


class CategoryEncoding(DataLayer):
    """Turn indices of categories into vectors.

    Args:
        num_tokens: Number of categories. Indices lie in ``[0, num_tokens)``; other indices are ignored.
        output_mode: ``"one_hot"``: a vector for each index. ``"multi_hot"``: a vector of zeros and ones for each sample
            (the last axis is reduced). ``"count"``: a vector of counts for each sample.
        sparse: Whether vectors are sparse arrays of jax (`BCOO`).
        **kwargs: ``name``, ``dtype``, ``trainable``.

    Call arguments: integers (..., samples), and ``count_weights`` of the same shape: the weight of each index in
    ``"count"`` mode.

    Raises:
        ValueError: If ``num_tokens`` is missing, or ``count_weights`` are given in another mode.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.CategoryEncoding(4, output_mode="count")(jnp.array([[0, 1], [3, 3]]))
        Array([[1., 1., 0., 0.],
               [0., 0., 0., 2.]], dtype=float32)
    """

    _not_in_config = ("sparse",)

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.output_mode = check_mode(output_mode, ("one_hot", "multi_hot", "count"), self.who())
        if num_tokens is None:
            raise ValueError(
                f"{self.who()}: num_tokens is missing. If the number of categories is not known, use IntegerLookup."
            )
        if num_tokens <= 0:
            raise ValueError(f"{self.who()}: num_tokens must be positive, got {num_tokens}.")
        self.num_tokens = num_tokens
        self.sparse = check_sparse(sparse, self.output_mode, self.who())

    def call(self, inputs: Tree, count_weights: Any = None) -> jax.Array:
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"{self.who()}: count_weights are for output_mode='count' only, got {self.output_mode!r}.")
        indices = jnp.asarray(inputs).astype("int32")
        return encode(indices, self.output_mode, self.num_tokens, self.output_dtype, count_weights, self.sparse)

    @property
    def output_dtype(self) -> str:
        """The dtype of the output."""
        return dtypes.canonical(self.compute_dtype).name

    def compute_output_shape(self, input_shape: Shapes, count_weights_shape: Any = None) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Tree, count_weights: Any = None) -> KerasTensor:
        """Return a symbolic tensor like the output."""
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.output_dtype, sparse=self.sparse)
