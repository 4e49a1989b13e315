"""Small functions of signals."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.typing import Tensor


@op
def psnr(x1: Tensor, x2: Tensor, max_val: float) -> jax.Array:
    """Return the peak signal-to-noise ratio ``10 log10(max_val^2 / mean((x1 - x2)^2))`` in decibels.

    Args:
        x1: Floats of any shape.
        x2: Floats of the same shape.
        max_val: Largest possible value of the signals.

    Returns:
        A scalar, infinite for equal signals.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> from kernelkit import ops
        >>> round(float(ops.psnr([1.0, 0.0], [0.0, 1.0], 10.0)), 3)
        20.0
    """
    x1, x2 = floats(x1), floats(x2)
    if x1.shape != x2.shape:
        raise ValueError(f"psnr() compares signals of the same shape, got {x1.shape} and {x2.shape}.")
    peak = jnp.asarray(max_val, x1.dtype)
    return 20 * jnp.log10(peak) - 10 * jnp.log10(jnp.mean(jnp.square(x1 - x2)))


@op
def polar(abs_: Any, angle: Any) -> jax.Array:
    """Return complex numbers from absolute values and angles.

    Args:
        abs_: Absolute values.
        angle: Angles in radians, of the same shape.

    Example:
        >>> from kernelkit import ops
        >>> complex(ops.polar(2.0, 0.0))
        (2+0j)
    """
    length, angle = floats(abs_), floats(angle)
    return jax.lax.complex(length * jnp.cos(angle), length * jnp.sin(angle))
