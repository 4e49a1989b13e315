"""Class indices turned into vectors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import dtypes
from kernelkit.dispatch import op
from kernelkit.typing import DType, Tensor, Tree


@op
def one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: DType = None, sparse: bool = False) -> Tensor:
    """Return vectors with a one at each index and zeros elsewhere.

    Args:
        x: Ints of any shape; an index outside [0, num_classes) gives only zeros.
        num_classes: Length of the vectors.
        axis: Position of the new axis.
        dtype: Dtype of the result; the default float type for ``None``.
        sparse: Whether the result is sparse.

    Example:
        >>> from kernelkit import ops
        >>> ops.one_hot([2, 0], 3).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if sparse:
        return _sparse_one_hot(x, num_classes, axis, dtype)
    return jax.nn.one_hot(jnp.asarray(x), num_classes, axis=axis, dtype=dtypes.standardize_dtype(dtype))


@op
def multi_hot(
    inputs: Tree,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DType = None,
    sparse: bool = False,
    **kwargs: Any,
) -> Tensor:
    """Return vectors with ones at all indices of a row and zeros elsewhere.

    Args:
        inputs: Ints (indices,) or (batch, indices): the indices of a row make one vector.
        num_classes: Length of the vectors.
        axis: Position of the new axis.
        dtype: Dtype of the result; the default float type for ``None``.
        sparse: Whether the result is sparse.
        **kwargs: ``num_tokens``, an old name of ``num_classes``.

    Example:
        >>> from kernelkit import ops
        >>> ops.multi_hot([[0, 2], [1, 1]], 3).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """
    num_classes = kwargs.pop("num_tokens", None) or num_classes
    if kwargs:
        raise TypeError(f"multi_hot() got unknown arguments {sorted(kwargs)}.")
    if num_classes is None:
        raise ValueError("multi_hot() needs num_classes, the length of the vectors.")
    inputs = jnp.asarray(inputs)
    over = 1 if inputs.ndim > 1 else 0
    if sparse:
        from kernelkit.sparse import arrays

        return arrays.ones_where_not_zero(arrays.without_axis(_sparse_one_hot(inputs, num_classes, axis, dtype), over))
    single = jax.nn.one_hot(inputs, num_classes, axis=axis, dtype=dtypes.standardize_dtype(dtype))
    return jnp.max(single, axis=over)


def _sparse_one_hot(x: Tensor, num_classes: int, axis: int, dtype: DType) -> Tensor:
    from kernelkit.sparse import arrays  # imported here: it loads more of jax than most programs need

    return arrays.one_hot(jnp.asarray(x).astype("int32"), num_classes, axis, dtypes.standardize_dtype(dtype))
