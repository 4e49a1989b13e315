"""Clipping of gradients, as pure functions of arrays."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from kernelkit.typing import Tensor


def clip_by_norm(gradient: jax.Array, limit: float) -> jax.Array:
    """Scale a gradient whose norm is above the limit down to the limit.

    Example:
        >>> clip_by_norm(jnp.array([3.0, 4.0]), 1.0)
        Array([0.6, 0.8], dtype=float32)
    """
    return gradient * (limit / jnp.maximum(_norm([gradient]), limit)).astype(gradient.dtype)


def clip_by_global_norm(gradients: Sequence[Tensor], limit: float) -> list:
    """Scale all gradients by one factor, so that the norm of all together is at most the limit.

    Args:
        gradients: Arrays or ``None``.
        limit: The largest norm.

    Source: Pascanu et al., 2013, On the difficulty of training recurrent neural networks.

    Example:
        >>> clip_by_global_norm([jnp.array([3.0]), None, jnp.array([4.0])], 1.0)
        [Array([0.6], dtype=float32), None, Array([0.8], dtype=float32)]
    """
    norm = _norm([g for g in gradients if g is not None])
    factor = limit / jnp.maximum(norm, limit)
    # An infinite norm must show as NaN in every weight, not as a gradient of zero.
    factor = jnp.where(jnp.isfinite(norm), factor, jnp.nan)
    return [None if g is None else g * factor.astype(g.dtype) for g in gradients]


def clip(gradients: Sequence[Tensor], norm: float | None, value: float | None, global_norm: float | None) -> list:
    """Clip gradients by the one limit that is given, if any.

    Args:
        gradients: Arrays or ``None``.
        norm: Limit of each gradient's norm.
        value: Limit of each element's magnitude.
        global_norm: Limit of the norm of all gradients together.
    """
    if global_norm:
        return clip_by_global_norm(gradients, global_norm)
    if norm:
        return [None if g is None else clip_by_norm(g, norm) for g in gradients]
    if value:
        return [None if g is None else jnp.clip(g, -value, value) for g in gradients]
    return list(gradients)


def _norm(gradients: Sequence[jax.Array]) -> jax.Array:
    # Squares of 16-bit floats overflow.
    wide = [g.astype(jnp.promote_types(g.dtype, jnp.float32)) for g in gradients]
    return jnp.sqrt(sum((jnp.sum(jnp.square(g)) for g in wide), start=jnp.float32(0.0)))
