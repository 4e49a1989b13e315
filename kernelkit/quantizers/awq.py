"""AWQ on one matrix.

Source: Lin et al., 2024, AWQ: activation-aware weight quantization for LLM compression and acceleration.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.quantizers.integers import (
    compute_quantization_parameters,
    dequantize_with_sz_map,
    quantize_with_sz_map,
)
from kernelkit.typing import Tensor


def awq_search_optimal_scales(
    weights: Tensor, activation_magnitudes: Any, *, num_grid_points: int = 20, group_size: int = -1
) -> Any:
    """Return the factors of the columns with the smallest quantization error for inputs of given magnitudes.

    Args:
        weights: Floats (out, in).
        activation_magnitudes: Floats (in,): the largest magnitude of each input.
        num_grid_points: Number of steps between the powers 0 and 1 of the magnitudes; all are tried.
        group_size: Number of columns that share a scale; -1 for all.

    Returns:
        Floats (in,).
    """
    weights, magnitudes = jnp.asarray(weights), jnp.asarray(activation_magnitudes)
    best, least = jnp.ones_like(magnitudes), float("inf")
    for i in range(num_grid_points + 1):
        factors = jnp.maximum(magnitudes ** (i / num_grid_points), 1e-4)
        factors = factors / jnp.sqrt(factors.max() * factors.min())
        quantized, scale, zero, groups = _quantized(weights * factors, group_size)
        rounded = dequantize_with_sz_map(quantized, scale, zero, groups) / factors
        loss = float(jnp.mean(((weights - rounded) * magnitudes) ** 2))
        if loss < least:
            best, least = factors, loss
    return best


def awq_quantize_matrix(
    weights_transpose: Any, activation_magnitudes: Any, *, num_grid_points: int = 20, group_size: int = -1
) -> tuple[Any, Any, Any, Any, Any]:
    """Quantize a matrix to 4 bits, its columns multiplied by :func:`awq_search_optimal_scales`.

    Returns:
        ``(quantized, scale, zero, factors, group of each column)``.
    """
    weights = jnp.asarray(weights_transpose)
    factors = awq_search_optimal_scales(
        weights, activation_magnitudes, num_grid_points=num_grid_points, group_size=group_size
    )
    quantized, scale, zero, groups = _quantized(weights * factors, group_size)
    return quantized, scale, zero, factors, groups


def _quantized(weights: Tensor, group_size: int) -> tuple[Any, Any, Any, Any]:
    scale, zero, largest = compute_quantization_parameters(weights, bits=4, per_channel=True, group_size=group_size)
    columns = weights.shape[1]
    groups = jnp.arange(columns, dtype="int32") // (columns if group_size == -1 else group_size)
    return quantize_with_sz_map(weights, scale, zero, groups, largest), scale, zero, groups
