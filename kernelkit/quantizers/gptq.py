"""GPTQ on one matrix.

Source: Frantar et al., 2023, GPTQ: accurate post-training quantization for generative pre-trained transformers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit.quantizers.integers import (
    compute_quantization_parameters,
    dequantize_with_zero_point,
    quantize_with_zero_point,
)
from kernelkit.typing import Tree


def accumulated_hessian(hessian: Any, count: int, inputs: Tree) -> Any:
    """Return the mean of ``2 x x^T`` over the inputs so far and new ones.

    Args:
        hessian: Floats (features, features): the mean so far.
        count: Number of inputs in the mean so far.
        inputs: Floats (samples, features).
    """
    x = jnp.asarray(inputs, "float32")
    total = count + x.shape[0]
    new = (2.0 / x.shape[0]) * (x.T @ x)
    return new if count == 0 else hessian * (count / total) + new * (x.shape[0] / total)


def inverse_of(hessian: Any, damping: float) -> tuple[Any, Any, Any]:
    """Return the inverse of a damped Hessian, its diagonal, and the mask of features that were always 0.

    Args:
        hessian: Floats (features, features).
        damping: Share of the mean diagonal that is added to the diagonal.
    """
    hessian = jnp.asarray(hessian)
    diagonal = jnp.diagonal(hessian)
    dead = diagonal == 0
    diagonal = jnp.where(dead, 1.0, diagonal)
    filled = hessian + jnp.diag(jnp.where(dead, 1.0, 0.0).astype(hessian.dtype))
    damped = filled + jnp.eye(hessian.shape[0], dtype=hessian.dtype) * (damping * jnp.mean(diagonal))
    return jnp.linalg.inv(damped), jnp.diagonal(damped), dead


def stable_permutation(metric: Any) -> Any:
    """Return the order from the largest to the smallest value; equal values keep their order.

    Example:
        >>> stable_permutation([1.0, 3.0, 3.0]).tolist()
        [1, 2, 0]
    """
    return jnp.argsort(-jnp.asarray(metric), stable=True).astype("int32")


def gptq_quantize_matrix(
    weights_transpose: Any,
    inv_hessian: Any,
    *,
    blocksize: int = 128,
    group_size: int = -1,
    activation_order: bool = False,
    order_metric: Any = None,
    compute_scale_zero: Callable = compute_quantization_parameters,
) -> tuple[Any, Any, Any, Any]:
    """Quantize a matrix column by column, and correct the remaining columns for each column's error.

    Args:
        weights_transpose: Floats (out, in).
        inv_hessian: Floats (in, in).
        blocksize: Columns between two corrections of all later columns.
        group_size: Number of columns that share scales; -1 for all.
        activation_order: Whether columns with large ``order_metric`` come first.
        order_metric: Floats (in,); ``1 / diag(inv_hessian)`` by default.
        compute_scale_zero: Function from columns to ``(scale, zero, largest integer)``.

    Returns:
        ``(quantized, scale, zero, group of each column)``, shapes (out, in), (out, groups) twice and (in,).
    """
    weights = np.array(weights_transpose, "float32")
    inverse = np.asarray(inv_hessian, "float32")
    columns = weights.shape[1]
    order = np.arange(columns)
    if activation_order:
        metric = 1.0 / np.maximum(np.diagonal(inverse), 1e-12) if order_metric is None else order_metric
        order = np.asarray(stable_permutation(metric))
        weights, inverse = weights[:, order], inverse[np.ix_(order, order)]
    size = columns if group_size == -1 else group_size
    quantized = np.zeros_like(weights)
    scales, zeros = [], []
    largest: Any = 0
    for start in range(0, columns, blocksize):
        stop = min(start + blocksize, columns)
        block, errors = weights[:, start:stop].copy(), np.zeros_like(weights[:, start:stop])
        for j in range(start, stop):
            if j % size == 0:
                # As in Keras, the scales are computed from the columns at the start of the block, before corrections.
                scale, zero, largest = compute_scale_zero(jnp.asarray(weights[:, j : j + size]))
                scales.append(np.asarray(scale, "float32"))
                zeros.append(np.asarray(zero))
            column = block[:, j - start : j - start + 1]
            steps = np.asarray(quantize_with_zero_point(column, scales[-1], zeros[-1], largest))
            rounded = np.asarray(dequantize_with_zero_point(steps, scales[-1], zeros[-1]))
            quantized[:, j] = steps[:, 0]
            error = (column - rounded)[:, 0] / inverse[j, j]
            errors[:, j - start] = error
            if j + 1 < stop:
                block[:, j + 1 - start :] -= error[:, None] * inverse[None, j, j + 1 : stop]
        weights[:, stop:] -= errors @ inverse[start:stop, stop:]
    groups = np.arange(columns) // size
    back = np.argsort(order)
    scale, zero = np.concatenate(scales, axis=1), np.concatenate(zeros, axis=1)
    assert scale.shape[1] == math.ceil(columns / size)
    return (
        jnp.asarray(quantized[:, back], "int32"),
        jnp.asarray(scale),
        jnp.asarray(zero),
        jnp.asarray(groups[back], "int32"),
    )
