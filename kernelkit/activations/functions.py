"""The activation functions that differ from :mod:`kernelkit.ops`, or are missing there."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.typing import Tensor


def linear(x: Tensor) -> Tensor:
    """Return the input.

    Example:
        >>> from kernelkit import activations
        >>> activations.linear(3)
        3
    """
    return x


@op
def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> jax.Array:
    """Return ``max(x, 0)``, or a piecewise linear variant of it.

    Args:
        x: Numbers of any shape.
        negative_slope: Slope below the threshold.
        max_value: Upper bound of the result; ``None`` for no bound.
        threshold: Inputs above it are returned as ``x``, other inputs as ``negative_slope * (x - threshold)``.

    Source: Nair and Hinton, 2010, Rectified linear units improve restricted Boltzmann machines.

    Example:
        >>> from kernelkit import activations
        >>> activations.relu([-10.0, 3.0, 9.0], negative_slope=0.5, max_value=5).tolist()
        [-5.0, 3.0, 5.0]
    """
    x = jnp.asarray(x)
    if not negative_slope and not threshold:
        result = jax.nn.relu(x)
    else:
        x = floats(x)
        result = jnp.where(x > threshold, x, negative_slope * (x - threshold))
    return result if max_value is None else jnp.minimum(result, jnp.asarray(max_value, result.dtype))


@op
def gelu(x: Tensor, approximate: bool = False) -> jax.Array:
    """Return ``x`` times the probability that a standard normal draw is below ``x``.

    Args:
        x: Floats of any shape.
        approximate: Whether to use the approximation with tanh, which is faster.

    Source: Hendrycks and Gimpel, 2016, Gaussian error linear units.

    Example:
        >>> from kernelkit import activations
        >>> round(float(activations.gelu(1.0)), 4)
        0.8413
    """
    return jax.nn.gelu(floats(x), approximate)


@op
def tanh(x: Tensor) -> jax.Array:
    """Return the hyperbolic tangent.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import activations
        >>> float(activations.tanh(0.0))
        0.0
    """
    return jnp.tanh(floats(x))


@op
def exponential(x: Tensor) -> jax.Array:
    """Return ``exp(x)``.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import activations
        >>> float(activations.exponential(0.0))
        1.0
    """
    return jnp.exp(floats(x))


@op
def mish(x: Tensor) -> jax.Array:
    """Return ``x * tanh(softplus(x))``.

    Args:
        x: Floats of any shape.

    Source: Misra, 2020, Mish: a self regularized non-monotonic activation function.

    Example:
        >>> from kernelkit import activations
        >>> round(float(activations.mish(1.0)), 4)
        0.8651
    """
    return jax.nn.mish(floats(x))
