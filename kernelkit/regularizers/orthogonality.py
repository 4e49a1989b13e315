"""A penalty on weights with similar rows or columns."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.regularizers.regularizer import Regularizer, checked_factor
from kernelkit.typing import Tensor


@op
def mean_overlap(x: Tensor, factor: float = 1.0, mode: str = "rows") -> jax.Array:
    """Return ``factor`` times the mean absolute cosine over all pairs of rows (or columns) of a matrix."""
    x = jnp.asarray(x)
    vectors = x if mode == "rows" else x.T
    squares = jnp.sum(jnp.square(vectors), axis=1, keepdims=True)
    vectors = vectors * jax.lax.rsqrt(jnp.maximum(squares, 1e-12))
    count = vectors.shape[0]
    cosines = vectors @ vectors.T * (1 - jnp.eye(count, dtype=x.dtype))
    return factor * 0.5 * jnp.sum(jnp.abs(cosines)) / (count * (count - 1) / 2)


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between the rows, or columns, of a matrix: zero if they are orthogonal.

    Args:
        factor: Factor, >= 0.
        mode: ``"rows"`` or ``"columns"``.

    Raises:
        ValueError: If the weight is not a matrix.

    Example:
        >>> import numpy as np
        >>> from kernelkit import regularizers
        >>> float(regularizers.OrthogonalRegularizer(1.0)(np.eye(3)))
        0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(
                f'Invalid value for argument `mode`. Expected one of {{"rows", "columns"}}. Received: mode={mode}'
            )
        self.factor = checked_factor("factor", factor, 0.01)
        self.mode = mode

    def __call__(self, x: Tensor) -> jax.Array:
        if len(x.shape) != 2:
            raise ValueError(
                f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={tuple(x.shape)}"
            )
        return mean_overlap(x, self.factor, self.mode)
