"""Floats as integers of few bits and a scale."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes
from kernelkit.dispatch import op
from kernelkit.typing import Axis, Tensor, Tree


@op
def abs_max_quantize(
    inputs: Tree,
    axis: Axis,
    value_range: tuple[int, int] = (-127, 127),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[jax.Array, jax.Array]:
    """Quantize by the largest magnitude along some axes.

    Args:
        inputs: Floats.
        axis: Axis or axes that share a scale.
        value_range: Smallest and largest integer.
        dtype: Dtype of the integers.
        epsilon: Added to the largest magnitude.
        to_numpy: Whether to compute on the host, with NumPy.

    Returns:
        ``(quantized, scale)``: ``quantized / scale`` is about ``inputs``. The scale keeps the axes, with size 1.

    Example:
        >>> quantized, scale = abs_max_quantize([[1.0, -4.0]], axis=-1)
        >>> quantized
        Array([[  32, -127]], dtype=int8)
    """
    xp: Any = np if to_numpy else jnp
    x = xp.asarray(inputs)
    axis = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    scale = value_range[1] / (xp.abs(x).max(axis=axis, keepdims=True) + xp.asarray(epsilon, x.dtype))
    scale = scale.astype(x.dtype)
    quantized = xp.clip(xp.round(x * scale), *value_range).astype(dtypes.standardize_dtype(dtype))
    return jnp.asarray(quantized), jnp.asarray(scale)


def abs_max_quantize_grouped_with_zero_point(
    inputs: Tree,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Quantize a matrix in groups of rows; each column of a group has its own scale and zero point.

    Args:
        inputs: Floats (rows, columns).
        block_size: Number of rows in a group; the last group may be smaller.
        value_range: Smallest and largest integer.
        dtype: Dtype of the integers.
        epsilon: Added to the range of a group.
        to_numpy: Whether to compute on the host, with NumPy.

    Returns:
        ``(quantized, scale, zero)``, the last two of shape (groups, columns): ``(quantized - zero) * scale`` is about
        ``inputs``.

    Example:
        >>> import numpy as np
        >>> quantized, scale, zero = abs_max_quantize_grouped_with_zero_point(np.ones((6, 2), "float32"), 4)
        >>> quantized.shape, scale.shape, zero.dtype
        ((6, 2), (2, 2), dtype('int8'))
    """
    xp: Any = np if to_numpy else jnp
    x = xp.asarray(inputs)
    low, high = value_range
    rows, columns = x.shape
    count = math.ceil(rows / block_size)
    grouped = xp.pad(x, ((0, count * block_size - rows), (0, 0))).reshape(count, block_size, columns)
    least, largest = grouped.min(axis=1, keepdims=True), grouped.max(axis=1, keepdims=True)
    if not to_numpy:  # as in compute_quantization_parameters: a group of equal values gets a range of 2
        equal = least == largest
        least, largest = xp.where(equal, least - 1, least), xp.where(equal, largest + 1, largest)
    scale = ((largest - least) + xp.asarray(epsilon, x.dtype)) / xp.asarray(high - low, x.dtype)
    zero = xp.clip(xp.round(-least / scale) + low, low, high)
    quantized = xp.clip(xp.round(grouped / scale) + zero, low, high).astype(dtypes.standardize_dtype(dtype))
    quantized = quantized.reshape(count * block_size, columns)[:rows]
    return jnp.asarray(quantized), jnp.asarray(scale[:, 0]), jnp.asarray(zero[:, 0].astype("int8"))


def compute_quantization_parameters(
    x: Tensor,
    *,
    bits: int,
    symmetric: bool = False,
    per_channel: bool = False,
    group_size: int = -1,
    compute_dtype: str = "float32",
    epsilon: float = 0.0,
    signed: bool = False,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return scales and zero points for the rows of a matrix.

    Args:
        x: Floats (rows, columns).
        bits: Bits of an integer.
        symmetric: Whether the range is the same on both sides of zero.
        per_channel: Whether each row has its own scale.
        group_size: Number of columns that share a scale (with ``per_channel``); -1 for all.
        compute_dtype: Dtype of the largest integer.
        epsilon: Added to a range.
        signed: Whether integers begin at ``-2 ** (bits - 1)`` in place of 0.

    Returns:
        ``(scale, zero, largest)``: scale and zero of shape (rows, groups), and ``2 ** bits - 1``.

    Raises:
        ValueError: If ``x`` is not a matrix, or empty.

    Example:
        >>> scale, zero, largest = compute_quantization_parameters([[0.0, 3.0]], bits=2, per_channel=True)
        >>> float(scale[0, 0]), int(zero[0, 0]), float(largest)
        (1.0, 0, 3.0)
    """
    if x is None:
        raise ValueError("The input tensor x cannot be None.")
    x = jnp.asarray(x)
    if x.ndim < 2:
        raise ValueError(f"The input weight tensor must have a rank of at least 2, but got rank {x.ndim}.")
    if x.size == 0:
        raise ValueError("Input tensor 'x' cannot be empty.")
    rows, columns = x.shape[:2]
    if per_channel and group_size > 0 and columns > group_size:
        count = math.ceil(columns / group_size)
        groups = jnp.pad(x, ((0, 0), (0, count * group_size - columns))).reshape(rows, count, group_size)
    else:
        groups = x.reshape(rows if per_channel else 1, 1, -1)
    least, largest = groups.min(axis=-1), groups.max(axis=-1)
    if symmetric:
        largest = jnp.maximum(jnp.abs(least), largest)
        least = jnp.where(least < 0, -largest, least)
    equal = least == largest
    least, largest = jnp.where(equal, least - 1, least), jnp.where(equal, largest + 1, largest)
    top = jnp.asarray(2**bits - 1, compute_dtype)
    scale = (largest - least + epsilon if epsilon > 0 else largest - least) / top
    scale = jnp.where(scale <= 0, 1e-8, scale)
    first = -(2 ** (bits - 1)) if signed else 0
    zero = jnp.full_like(scale, (top + 1) / 2) if symmetric else jnp.round(-least / scale)
    zero = zero + first
    if signed:
        zero = jnp.clip(zero, first, -first - 1)
    if not per_channel:
        scale, zero = jnp.tile(scale, (rows, 1)), jnp.tile(zero, (rows, 1))
    return scale, zero.astype("int8" if signed else "uint8"), top


def quantize_with_zero_point(input_tensor: Tensor, scale: Tensor, zero: Tensor, maxq: Any) -> jax.Array:
    """Return ``round(input / scale + zero)`` between 0 and ``maxq``, in floats."""
    scale = jnp.asarray(scale)
    safe = jnp.where(scale == 0, jnp.asarray(1e-8, scale.dtype), scale)
    return jnp.clip(jnp.round(jnp.asarray(input_tensor) / safe + jnp.asarray(zero, scale.dtype)), 0, maxq)


def dequantize_with_zero_point(input_tensor: Tensor, scale: Tensor, zero: Tensor) -> jax.Array:
    """Return ``scale * (input - zero)``."""
    scale = jnp.asarray(scale)
    return scale * (jnp.asarray(input_tensor) - jnp.asarray(zero, scale.dtype))


def quantize_with_sz_map(
    weights_matrix: Any, scale: Tensor, zero: Tensor, g_idx: Any, maxq: Any, group_axis: int = -1
) -> jax.Array:
    """Quantize a matrix; ``g_idx`` gives the group of each position along ``group_axis``."""
    groups = jnp.asarray(g_idx).astype("int32")
    scales, zeros = (jnp.take(jnp.asarray(v), groups, axis=group_axis) for v in (scale, zero))
    return quantize_with_zero_point(weights_matrix, scales, zeros, maxq)


def dequantize_with_sz_map(
    weights_matrix: Any, scale: Tensor, zero: Tensor, g_idx: Any, group_axis: int = -1
) -> jax.Array:
    """Return the floats of a quantized matrix; ``g_idx`` gives the group of each position along ``group_axis``."""
    groups = jnp.asarray(g_idx).astype("int32")
    scales, zeros = (jnp.take(jnp.asarray(v), groups, axis=group_axis) for v in (scale, zero))
    return (jnp.asarray(weights_matrix) - zeros.astype(scales.dtype)) * scales
