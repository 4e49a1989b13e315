"""Weights, masks and reduction: from the loss values of samples to the number that is minimized."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.masked_arrays import unmasked
from kernelkit.typing import Tensor

REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def check_reduction(reduction: Any) -> str | None:
    """Return the name of a reduction, or raise ``ValueError``."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"Invalid value for argument `reduction`: expected one of {REDUCTIONS}, got {reduction!r}.")
    return reduction


def align_weights(weights: Any, shape: tuple[int, ...], what: str = "sample_weight") -> jax.Array:
    """Return weights with the rank of the values, so that they broadcast along the right axes.

    Args:
        weights: A number, or an array whose axes are the first of the values' axes: (batch,) or (batch, time).
        shape: Shape of the values.
        what: Name for messages.

    Returns:
        Weights with as many axes as the values, some of size one. A number stays a number.

    Raises:
        ValueError: If the weights fit no leading axes of the values.

    Example:
        >>> import jax.numpy as jnp
        >>> align_weights(jnp.ones((4,)), (4, 5)).shape
        (4, 1)
    """
    weights = jnp.asarray(unmasked(weights))
    while weights.ndim > len(shape) and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if weights.ndim == 0:
        return weights
    rank = weights.ndim
    if rank <= len(shape) and _fits(weights.shape, shape[:rank]):
        return weights.reshape(weights.shape + (1,) * (len(shape) - rank))
    if rank < len(shape) and _fits(weights.shape, shape[-rank:]):
        return weights
    expected = " or ".join(str(shape[: n + 1]) for n in range(len(shape))) or "()"
    raise ValueError(
        f"{what} has shape {weights.shape}, but the values to weight have shape {shape}: expected a number, or shape "
        f"{expected}. Give one weight for each sample (batch,), or for each position (batch, time)."
    )


def _fits(weights: tuple, shape: tuple) -> bool:
    return all(w in (1, s) for w, s in zip(weights, shape, strict=True))


def reduce_weighted(
    values: jax.Array, sample_weight: Tensor = None, mask: Tensor = None, reduction: str | None = "sum_over_batch_size"
) -> jax.Array:
    """Weight, mask and reduce the values of a loss.

    Args:
        values: Floats (batch, ...): one loss for each sample or position.
        sample_weight: A number, or an array whose axes are the first of the values' axes.
        mask: Booleans of such a shape; masked values count in neither sums nor means.
        reduction: ``"sum_over_batch_size"`` or ``"mean"`` (divide by the number of unmasked values), ``"sum"``,
            ``"mean_with_sample_weight"`` (divide by the sum of the weights), ``"none"`` or ``None``.

    Returns:
        A scalar, or the weighted values if they are not reduced.

    Example:
        >>> import jax.numpy as jnp
        >>> float(reduce_weighted(jnp.array([1.0, 3.0]), sample_weight=[1.0, 0.5], reduction="sum"))
        2.5
    """
    weight = None
    if sample_weight is not None:
        # A scalar loss of the whole batch is weighted as if each sample had that loss.
        weight = align_weights(sample_weight, values.shape) if values.ndim else jnp.asarray(sample_weight)
        weight = weight.astype(values.dtype)
    if values.ndim == 0:
        mask = None
    if mask is not None:
        mask = align_weights(mask, values.shape, "the mask of y_pred").astype(bool)
        values = jnp.where(mask, values, 0)
    weighted = values if weight is None else values * weight
    if reduction in ("none", None):
        return weighted
    total = jnp.sum(weighted)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        return _divide(total, jnp.sum(weight if mask is None else weight * mask))
    if mask is None:
        return total / max(weighted.size, 1)
    return _divide(total, jnp.sum(jnp.broadcast_to(mask, values.shape), dtype=values.dtype))


def _divide(total: jax.Array, count: jax.Array) -> jax.Array:
    """Return the quotient, 0 if the count is 0."""
    return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))
