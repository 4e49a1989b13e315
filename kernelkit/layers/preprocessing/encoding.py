"""Indices of categories as one-hot, multi-hot and count vectors."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit.typing import DType, SizeList, Tensor


def encode(
    indices: Tensor, output_mode: str, depth: int, dtype: DType, weights: Tensor = None, to_sparse: bool = False
) -> Any:
    """Return indices in another form. Indices outside of ``[0, depth)`` are ignored.

    Args:
        indices: Integers (..., samples).
        output_mode: ``"int"`` (unchanged), ``"one_hot"`` (..., samples, depth; (..., depth) for a single sample),
            ``"multi_hot"`` (..., depth) or ``"count"`` (..., depth).
        depth: Number of categories.
        dtype: Dtype of the vectors.
        weights: Weight of each index, of the shape of ``indices``; 1 by default.
        to_sparse: Whether vectors are sparse.

    Example:
        >>> encode(jnp.array([[0, 2, 2]]), "count", 3, "int32")
        Array([[1, 0, 2]], dtype=int32)
    """
    if output_mode == "int":
        return indices
    xp = np if isinstance(indices, np.ndarray) else jnp  # NumPy on the host: no compilation for each new shape
    indices = xp.asarray(indices)
    if to_sparse:
        from kernelkit.sparse import arrays  # imported here: it loads more of jax than most programs need
    if indices.ndim == 0:
        indices = indices[None]
    if output_mode == "one_hot":
        if indices.ndim > 1 and indices.shape[-1] == 1:
            indices = indices[..., 0]
        if to_sparse:
            return arrays.one_hot(indices, depth, -1, dtype)
        return (indices[..., None] == xp.arange(depth)).astype(dtype)
    flat = indices.reshape(math.prod(indices.shape[:-1]), indices.shape[-1])  # -1 fails for rows of no length
    added = xp.ones(flat.shape, dtype) if weights is None else xp.asarray(weights).astype(dtype).reshape(flat.shape)
    if to_sparse:
        sums = arrays.sums_at(indices, added.reshape(indices.shape), depth)
        return arrays.ones_where_not_zero(sums) if output_mode == "multi_hot" else sums
    vectors = _sums(flat, added, depth, xp)
    if output_mode == "multi_hot":
        vectors = xp.minimum(vectors, xp.ones((), vectors.dtype))
    return vectors.reshape(*indices.shape[:-1], depth)


def _sums(indices: Tensor, added: Any, depth: int, xp: Any) -> Any:
    """Return (rows, depth): for each row (samples) of indices, the sum of the weights of each index."""
    rows = xp.arange(indices.shape[0])[:, None]
    if xp is np:
        sums = np.zeros((len(indices), depth), added.dtype)
        known = (indices >= 0) & (indices < depth)
        np.add.at(sums, (np.broadcast_to(rows, indices.shape)[known], indices[known]), added[known])
        return sums
    # A negative index would count from the end; an index beyond the end is dropped.
    places = rows, jnp.where(indices < 0, depth, indices)
    return jnp.zeros((indices.shape[0], depth), added.dtype).at[places].add(added, mode="drop")


def encoded_shape(shape: SizeList, output_mode: str, depth: int | None) -> tuple:
    """Return the shape of :func:`encode`'s result for indices of a shape.

    Example:
        >>> encoded_shape((None, 5), "multi_hot", 8)
        (None, 8)
    """
    shape = tuple(shape)
    if output_mode == "int":
        return shape
    shape = shape or (1,)
    if output_mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth)


_OLD_NAMES = {"binary": "multi_hot", "tf-idf": "tf_idf"}  # as Keras 2 wrote them; Keras 3 takes them too


def check_mode(output_mode: str, allowed: tuple[str, ...], who: str) -> str:
    """Return an output mode, by its name of today; raise ``ValueError`` if it is not allowed."""
    output_mode = _OLD_NAMES.get(output_mode, output_mode)
    if output_mode not in allowed:
        raise ValueError(f"Unknown value for `output_mode` of {who}: it must be one of {allowed}, got {output_mode!r}.")
    return output_mode


def check_sparse(sparse: bool, output_mode: str, who: str) -> bool:
    """Return ``sparse`` as a bool; raise ``ValueError`` if it is true in ``"int"`` mode, which has no vectors."""
    if sparse and output_mode == "int":
        raise ValueError(
            f"{who}: `sparse` may only be true if `output_mode` is `'one_hot'`, `'multi_hot'`, `'count'` or "
            "`'tf_idf'`, which give vectors; got 'int'."
        )
    return bool(sparse)
