"""Attention of queries to keys."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.typing import Tensor


@op
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor = None,
    mask: Tensor = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> jax.Array:
    """Return, for each query, the mean of the values weighted by the softmax of the dot products with the keys.

    Args:
        query: Floats (batch, queries, heads, features).
        key: Floats (batch, keys, key heads, features). The number of key heads divides the number of heads; a group of
            heads shares one key head.
        value: Floats of the shape of ``key``.
        bias: Added to the scores; broadcasts to (batch, heads, queries, keys).
        mask: Bools of a shape that broadcasts likewise; ``False`` where a query must ignore a key.
        scale: Factor of the scores; ``1 / sqrt(features)`` for ``None``.
        is_causal: Whether each query ignores keys after its own position.
        flash_attention: Whether to use cuDNN's fused kernel (NVIDIA GPUs, 16-bit floats). ``None`` uses it where it is
            available, unless :func:`kernelkit.config.disable_flash_attention` was called.
        attn_logits_soft_cap: Bound of the scores, by a scaled tanh.

    Returns:
        Floats of the shape of ``query``.

    Raises:
        ValueError: If the ranks or the numbers of heads do not match.

    Source: Vaswani et al., 2017, Attention is all you need.

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> x = np.ones((1, 4, 2, 8), "float32")
        >>> ops.dot_product_attention(x, x, x).shape
        (1, 4, 2, 8)
    """
    query, key, value = floats(query), floats(key), floats(value)
    dtype = jnp.result_type(query, key, value)
    _check(query, key, value)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    if flash_attention is None:
        flash_attention = config.is_flash_attention_enabled() is not False and _has_flash(query, key, value, bias)
        flash_attention = flash_attention and attn_logits_soft_cap is None
    if flash_attention:
        if attn_logits_soft_cap is not None:
            raise ValueError("dot_product_attention(): flash attention has no attn_logits_soft_cap.")
        return jax.nn.dot_product_attention(
            query, key, value, bias, mask, scale=scale, is_causal=is_causal, implementation="cudnn"
        )
    batch, queries, heads, features = query.shape
    groups = heads // key.shape[2]
    query = (query * scale).reshape(batch, queries, key.shape[2], groups, features)
    scores = jnp.einsum("btkgh,bskh->bkgts", query, key, preferred_element_type="float32")
    scores = scores.reshape(batch, heads, queries, -1)
    if attn_logits_soft_cap is not None:
        scores = attn_logits_soft_cap * jnp.tanh(scores / attn_logits_soft_cap)
    if bias is not None:
        scores = scores + jnp.asarray(bias, scores.dtype)
    allowed = _allowed(mask, is_causal, queries, key.shape[1])
    if allowed is not None:
        scores = jnp.where(allowed, scores, -0.7 * float(jnp.finfo(scores.dtype).max))
    weights = jax.nn.softmax(scores, axis=-1).astype(dtype)
    weights = weights.reshape(batch, key.shape[2], groups, queries, -1)
    values = value.astype(dtype)
    return jnp.einsum("bkgts,bskh->btkgh", weights, values).reshape(batch, queries, heads, value.shape[-1])


def _has_flash(query: jax.Array, key: jax.Array, value: jax.Array, bias: Tensor) -> bool:
    """Return whether cuDNN's fused kernel supports these arrays on the current device."""
    dtypes, features = {query.dtype.name, key.dtype.name, value.dtype.name}, query.shape[-1]
    if len(dtypes) > 1 or not dtypes <= {"float16", "bfloat16"} or jax.default_backend() != "gpu":
        return False
    device = jax.local_devices()[0]
    if "cuda" not in device.client.platform_version or float(device.compute_capability) < 8.0:
        return False
    even = bias is None or (query.shape[1] % 2 == 0 and key.shape[1] % 2 == 0)
    return even and features % 8 == 0 and features <= 128 and value.shape[-1] == features


def _allowed(mask: Tensor, is_causal: bool, queries: int, keys: int) -> jax.Array | None:
    allowed = None if mask is None else jnp.asarray(mask).astype(bool)
    if is_causal:
        causal = jnp.tril(jnp.ones((queries, keys), bool))
        allowed = causal if allowed is None else allowed & causal
    return allowed


def _check(query: jax.Array, key: jax.Array, value: jax.Array) -> None:
    shapes = f"got query {query.shape}, key {key.shape}, value {value.shape}"
    if not query.ndim == key.ndim == value.ndim == 4:
        raise ValueError(f"dot_product_attention() takes arrays (batch, length, heads, features), {shapes}.")
    if query.shape[2] % key.shape[2] or key.shape[:3] != value.shape[:3] or query.shape[-1] != key.shape[-1]:
        raise ValueError(
            f"dot_product_attention(): the heads of the keys must divide those of the queries, keys and values have "
            f"equal lengths and heads, and queries and keys equal features; {shapes}."
        )
