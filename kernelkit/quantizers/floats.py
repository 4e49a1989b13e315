"""Floats rounded to values that few bits can represent."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.typing import Tensor, Tree


@op
def fake_quant_with_min_max_vars(
    inputs: Tree, min_vals: Any, max_vals: Any, num_bits: int = 8, narrow_range: bool = False, axis: int | None = None
) -> jax.Array:
    """Round floats to the values that ``num_bits`` bits can represent between two bounds.

    The bounds are moved so that 0 is among the values. Gradients of inputs inside the bounds pass; gradients of other
    inputs go to the bound.

    Args:
        inputs: Floats.
        min_vals: Lower bound: a scalar, or a vector along ``axis``.
        max_vals: Upper bound.
        num_bits: Number of bits.
        narrow_range: Whether the smallest integer is left out.
        axis: Axis along which the bounds are given; ``None`` for scalars.

    Raises:
        ValueError: If a bound is a vector of a wrong length.

    Example:
        >>> fake_quant_with_min_max_vars([0.2, 5.0], 0.0, 3.0, num_bits=2)
        Array([0., 3.], dtype=float32)
    """
    x = jnp.asarray(inputs)
    x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype("float32")
    num_bits = int(num_bits)
    bounds = [jnp.asarray(v, x.dtype) for v in (min_vals, max_vals)]
    if axis is not None:
        axis = axis % x.ndim
        shape = [1] * x.ndim
        shape[axis] = x.shape[axis]
        if any(b.size not in (1, x.shape[axis]) for b in bounds):
            sizes = [b.size for b in bounds]
            raise ValueError(f"Shapes of min_vals and max_vals must be that of axis {axis}, {x.shape[axis]}; {sizes}.")
        bounds = [jnp.broadcast_to(b.reshape(-1) if b.ndim else b, (x.shape[axis],)).reshape(shape) for b in bounds]
    elif any(b.size != 1 for b in bounds):
        raise ValueError(f"Without an axis, min_vals and max_vals must be scalars, got {[b.shape for b in bounds]}.")
    else:
        bounds = [b.reshape(()) for b in bounds]
    return _fake_quant(x, *bounds, 1 if narrow_range else 0, 2**num_bits - 1)


def _nudged(least: jax.Array, largest: jax.Array, low: int, high: int) -> tuple[jax.Array, ...]:
    """Return scale, inverse scale and bounds, moved so that 0 is one of the values."""
    scale = (largest - least) / (high - low)
    inverse = (high - low) / (largest - least)
    zero = jnp.clip(jnp.round(low - least / scale), low, high)
    return scale, inverse, (low - zero) * scale, (high - zero) * scale


def _fake_values(x: jax.Array, least: jax.Array, largest: jax.Array, low: int, high: int) -> tuple:
    scale, inverse, lower, upper = _nudged(least, largest, low, high)
    inside = jnp.logical_and(x >= lower, x <= upper)
    # The largest step is bounded too: a compiled program may round the sum with 0.5 up to the next one.
    steps = jnp.minimum(jnp.floor((jnp.clip(x, lower, upper) - lower) * inverse + 0.5), high - low)
    values = steps * scale + lower
    both_zero = jnp.logical_and(least == 0, largest == 0)
    return jnp.where(both_zero, 0.0, values).astype(x.dtype), (inside, x < lower, x > upper)


_fake_quant: Any = jax.custom_vjp(
    lambda x, a, b, low, high: _fake_values(x, a, b, low, high)[0], nondiff_argnums=(3, 4)
)


def _fake_forward(x: Tensor, least: Any, largest: Any, low: int, high: int) -> tuple:
    values, where = _fake_values(x, least, largest, low, high)
    return values, (where, least, largest)


def _fake_backward(low: int, high: int, kept: tuple, gradient: Tensor) -> tuple:
    (inside, below, above), least, largest = kept

    def reduced(mask: Tensor, like: Any) -> Any:
        masked = jnp.where(mask, gradient, 0)
        axes = [i for i in range(masked.ndim) if like.ndim == 0 or like.shape[i] == 1]
        return masked.sum(axis=tuple(axes), keepdims=like.ndim > 0).reshape(like.shape)

    return jnp.where(inside, gradient, 0), reduced(below, least), reduced(above, largest)


_fake_quant.defvjp(_fake_forward, _fake_backward)


def compute_float8_scale(amax: Any, scale: Tensor, dtype_max: Any, margin: int = 0) -> jax.Array:
    """Return the scale with which values up to a magnitude fill the range of an 8-bit float.

    Args:
        amax: Largest magnitude. If it is 0 or not finite, the scale is unchanged.
        scale: The current scale.
        dtype_max: Largest value of the dtype.
        margin: Number of spare bits.

    Returns:
        ``amax / dtype_max * 2 ** margin``.

    Example:
        >>> import kernelkit as kk
        >>> float(kk.quantizers.compute_float8_scale(amax=896.0, scale=1.0, dtype_max=448.0))
        2.0
    """
    amax, scale = jnp.asarray(amax), jnp.asarray(scale)
    factor = dtype_max / amax / 2**margin
    factor = jnp.where(jnp.logical_and(amax > 0, jnp.isfinite(amax)), factor, 1 / scale)
    return 1 / factor


def compute_float8_amax_history(x: Tensor, amax_history: Any) -> jax.Array:
    """Put the largest magnitude of an array in front of a history, and drop the oldest entry.

    Example:
        >>> import numpy as np
        >>> compute_float8_amax_history(np.array([-7.0, 2.0]), np.array([1.0, 2.0, 3.0])).tolist()
        [7.0, 3.0, 1.0]
    """
    history = jnp.asarray(amax_history)
    largest = jnp.max(jnp.abs(jnp.asarray(x))).astype(history.dtype)
    return jnp.roll(history, -1).at[0].set(largest)


def quantize_and_dequantize(inputs: Tree, scale: Tensor, quantized_dtype: str, compute_dtype: str) -> jax.Array:
    """Round ``inputs / scale`` to the values of a dtype, and multiply by the scale again.

    Example:
        >>> import kernelkit as kk
        >>> kk.quantizers.quantize_and_dequantize(kk.ops.array([0.3, 1.0]), 1.0, "float8_e4m3fn", "float32").tolist()
        [0.3125, 1.0]
    """
    x = jnp.asarray(inputs)
    dtype = jnp.dtype(quantized_dtype)
    largest = jnp.asarray(jnp.finfo(dtype).max, compute_dtype)
    scale = jnp.asarray(scale, compute_dtype)
    rounded = jnp.clip(x / scale, -largest, largest).astype(dtype)
    return rounded.astype(compute_dtype) * scale
