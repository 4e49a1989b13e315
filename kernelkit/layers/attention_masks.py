"""Attention masks as pure functions, in the shape of the scores; and the masked softmax.

Scores are (batch, ..., heads, queries, keys); a mask is ``True`` where a query may attend to a key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.typing import DType, Tensor


def causal(queries: int, keys: int) -> jax.Array:
    """Return bools (queries, keys): each query sees the keys up to its own position.

    Example:
        >>> causal(2, 3).astype(int).tolist()
        [[1, 0, 0], [1, 1, 0]]
    """
    return jnp.arange(queries)[:, None] >= jnp.arange(keys)


def window(queries: int, keys: int, size: int) -> jax.Array:
    """Return bools (queries, keys): each query sees the keys less than ``size`` positions away, on both sides.

    Example:
        >>> window(2, 3, 2).astype(int).tolist()
        [[1, 1, 0], [1, 1, 1]]
    """
    return jnp.abs(jnp.arange(queries)[:, None] - jnp.arange(keys)) < size


def combine(*masks: Any) -> jax.Array | None:
    """Return the logical and of several masks; ``None`` stands for no mask."""
    result = None
    for mask in masks:
        if mask is not None:
            mask = jnp.asarray(mask).astype(bool)
            result = mask if result is None else result & mask
    return result


def of_pairs(mask: Tensor, query_sizes: Sequence[int], key_sizes: Sequence[int], rank: int) -> jax.Array:
    """Return a mask of pairs of positions in the shape of the scores.

    Args:
        mask: Bools (batch axes..., query axes..., key axes...); sizes of 1 are broadcast, and axes may be missing
            before the query axes.
        query_sizes: Sizes of the query axes.
        key_sizes: Sizes of the key axes.
        rank: Number of axes of the scores.

    Raises:
        ValueError: If the shape does not fit.

    Example:
        >>> import jax.numpy as jnp
        >>> of_pairs(jnp.ones((5, 1, 3)), (4,), (3,), rank=4).shape
        (5, 1, 4, 3)
    """
    mask = jnp.asarray(mask).astype(bool)
    sizes = (*query_sizes, *key_sizes)
    outer = mask.shape[: -len(sizes)]
    missing = rank - 2 - len(outer)
    given = mask.shape[len(outer) :]
    if mask.ndim < len(sizes) or missing < 0 or any(m not in (1, n) for m, n in zip(given, sizes, strict=True)):
        raise ValueError(f"attention_mask must have a shape ending in {sizes}, got {mask.shape}.")
    mask = jnp.broadcast_to(mask, (*outer, *sizes))
    return mask.reshape(*outer, *(1,) * missing, math.prod(query_sizes), math.prod(key_sizes))


def of_positions(mask: Tensor, axes: Sequence[int], rank: int) -> jax.Array:
    """Return a mask of the positions of one input as (batch, ..., 1, positions): a mask of the keys in the scores.

    Args:
        mask: Bools (batch, positions), or of the input's shape without the features axis.
        axes: The axes of the input that attention runs along.
        rank: Number of axes of the scores: one more than the input's if attention runs along one axis.

    Example:
        >>> import jax.numpy as jnp
        >>> of_positions(jnp.ones((5, 3)), axes=(1,), rank=4).shape
        (5, 1, 3)
    """
    mask = jnp.asarray(mask).astype(bool)
    count = len(axes) if mask.ndim > 2 else 1
    if mask.ndim > 2:
        mask = jnp.moveaxis(mask, axes, range(-count, 0))
    outer = mask.shape[:-count]
    return mask.reshape(*outer, *(1,) * (rank - 2 - len(outer)), math.prod(mask.shape[-count:]))


def masked_softmax(scores: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Return the softmax over unmasked keys: zero for masked keys, all zeros if every key is masked.

    Example:
        >>> import jax.numpy as jnp
        >>> masked_softmax(jnp.zeros(4), jnp.array([True, False, True, False])).tolist()
        [0.5, 0.0, 0.5, 0.0]
    """
    if mask is None:
        return jax.nn.softmax(scores, axis=-1)
    # A finite number: -inf in a fully masked row would give NaN.
    weights = jax.nn.softmax(jnp.where(mask, scores, _lowest(scores.dtype)), axis=-1)
    return jnp.where(mask, weights, jnp.zeros((), weights.dtype))


def soft_masked(scores: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Return the softmax over unmasked keys; a fully masked row gives equal weights to all keys.

    Example:
        >>> import jax.numpy as jnp
        >>> soft_masked(jnp.arange(2.0), jnp.array([False, False])).tolist()
        [0.5, 0.5]
    """
    return jax.nn.softmax(scores if mask is None else jnp.where(mask, scores, _lowest(scores.dtype)), axis=-1)


def _lowest(dtype: DType) -> float:
    return 0.5 * float(jnp.finfo(dtype).min)
