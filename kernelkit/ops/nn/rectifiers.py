"""Activations of the ReLU family: positive values pass, negative values are damped."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.typing import Tensor


@op
def relu(x: Tensor) -> jax.Array:
    """Return ``max(x, 0)``.

    Args:
        x: Numbers of any shape.

    Source: Nair and Hinton, 2010, Rectified linear units improve restricted Boltzmann machines.

    Example:
        >>> from kernelkit import ops
        >>> ops.relu([-1.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    x = jnp.asarray(x)
    return jax.nn.relu(x.astype("int32") if x.dtype == bool else x)


@op
def relu6(x: Tensor) -> jax.Array:
    """Return ``min(max(x, 0), 6)``.

    Args:
        x: Floats of any shape.

    Source: Krizhevsky, 2010, Convolutional deep belief networks on CIFAR-10.

    Example:
        >>> from kernelkit import ops
        >>> ops.relu6([-1.0, 2.0, 9.0]).tolist()
        [0.0, 2.0, 6.0]
    """
    return jax.nn.relu6(floats(x))


@op
def leaky_relu(x: Tensor, negative_slope: Any = 0.2) -> jax.Array:
    """Return ``x`` where it is positive, else ``negative_slope * x``.

    Args:
        x: Floats of any shape.
        negative_slope: Slope below zero.

    Source: Maas et al., 2013, Rectifier nonlinearities improve neural network acoustic models.

    Example:
        >>> from kernelkit import ops
        >>> ops.leaky_relu([-1.0, 2.0], 0.5).tolist()
        [-0.5, 2.0]
    """
    return jax.nn.leaky_relu(floats(x), negative_slope)


@op
def elu(x: Tensor, alpha: float = 1.0) -> jax.Array:
    """Return ``x`` where it is positive, else ``alpha * (exp(x) - 1)``.

    Args:
        x: Floats of any shape.
        alpha: Scale of the negative part: the result approaches ``-alpha`` far below zero.

    Source: Clevert et al., 2016, Fast and accurate deep network learning by exponential linear units.

    Example:
        >>> from kernelkit import ops
        >>> ops.elu([-1.0, 2.0]).round(3).tolist()
        [-0.6320000290870667, 2.0]
    """
    return jax.nn.elu(floats(x), alpha)


@op
def selu(x: Tensor) -> jax.Array:
    """Return the scaled exponential linear unit, which keeps mean 0 and variance 1 from layer to layer.

    Args:
        x: Floats of any shape.

    Source: Klambauer et al., 2017, Self-normalizing neural networks.

    Example:
        >>> from kernelkit import ops
        >>> round(float(ops.selu(1.0)), 4)
        1.0507
    """
    return jax.nn.selu(floats(x))


@op
def celu(x: Tensor, alpha: float = 1.0) -> jax.Array:
    """Return ``max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))``.

    Args:
        x: Floats of any shape.
        alpha: Scale of the negative part: the result approaches ``-alpha`` far below zero. The slope is continuous.

    Source: Barron, 2017, Continuously differentiable exponential linear units.

    Example:
        >>> from kernelkit import ops
        >>> ops.celu([0.0, 2.0]).tolist()
        [0.0, 2.0]
    """
    return jax.nn.celu(floats(x), alpha)


@op
def gelu(x: Tensor, approximate: bool = True) -> jax.Array:
    """Return ``x`` times the probability that a standard normal draw is below ``x``.

    Args:
        x: Floats of any shape.
        approximate: Whether to use the approximation with tanh, which is faster.

    Source: Hendrycks and Gimpel, 2016, Gaussian error linear units.

    Example:
        >>> from kernelkit import ops
        >>> round(float(ops.gelu(1.0)), 4)
        0.8412
    """
    return jax.nn.gelu(floats(x), approximate)


@op
def silu(x: Tensor) -> jax.Array:
    """Return ``x * sigmoid(x)``, also called swish.

    Args:
        x: Floats of any shape.

    Source: Elfwing et al., 2018, Sigmoid-weighted linear units for neural network function approximation.

    Example:
        >>> from kernelkit import ops
        >>> round(float(ops.silu(1.0)), 4)
        0.7311
    """
    return jax.nn.silu(floats(x))


swish = silu


@op
def hard_silu(x: Tensor) -> jax.Array:
    """Return ``x * relu6(x + 3) / 6``, a piecewise approximation of silu, also called hard swish.

    Args:
        x: Floats of any shape.

    Source: Howard et al., 2019, Searching for MobileNetV3.

    Example:
        >>> from kernelkit import ops
        >>> ops.hard_silu([-3.0, 0.0, 3.0]).tolist()
        [-0.0, 0.0, 3.0]
    """
    return jax.nn.hard_silu(floats(x))


hard_swish = hard_silu


@op
def glu(x: Tensor, axis: int = -1) -> jax.Array:
    """Return the first half of ``x`` times the sigmoid of the second half.

    Args:
        x: Floats; the size along ``axis`` is even.
        axis: The axis that is cut in half.

    Raises:
        ValueError: If the size is odd.

    Source: Dauphin et al., 2017, Language modeling with gated convolutional networks.

    Example:
        >>> from kernelkit import ops
        >>> ops.glu([2.0, 0.0]).tolist()
        [1.0]
    """
    x = floats(x)
    if x.shape[axis] % 2:
        raise ValueError(f"glu() halves axis {axis}, whose size must be even; the input has shape {x.shape}.")
    return jax.nn.glu(x, axis)


@op
def squareplus(x: Tensor, b: float = 4) -> jax.Array:
    """Return ``(x + sqrt(x^2 + b)) / 2``, a softplus without exponentials.

    Args:
        x: Floats of any shape.
        b: Smoothness, >= 0; 0 gives relu.

    Source: Barron, 2021, Squareplus: a softplus-like algebraic rectifier.

    Example:
        >>> from kernelkit import ops
        >>> float(ops.squareplus(0.0))
        1.0
    """
    x = floats(x)
    return (x + jnp.sqrt(jnp.square(x) + jnp.asarray(b, x.dtype))) / 2


@op
def softplus(x: Tensor) -> jax.Array:
    """Return ``log(1 + exp(x))``.

    Args:
        x: Floats of any shape.

    Source: Dugas et al., 2000, Incorporating second-order functional knowledge for better option pricing.

    Example:
        >>> from kernelkit import ops
        >>> round(float(ops.softplus(0.0)), 4)
        0.6931
    """
    return jax.nn.softplus(floats(x))


@op
def sparse_plus(x: Tensor) -> jax.Array:
    """Return 0 for ``x <= -1``, ``(x + 1)^2 / 4`` between -1 and 1, ``x`` for ``x >= 1``.

    Args:
        x: Floats of any shape.

    Example:
        >>> from kernelkit import ops
        >>> ops.sparse_plus([-2.0, 0.0, 2.0]).tolist()
        [0.0, 0.25, 2.0]
    """
    return jax.nn.sparse_plus(floats(x))


@op
def threshold(x: Tensor, threshold: Any, default_value: Any) -> jax.Array:
    """Return ``x`` where it is greater than a threshold, else a default.

    Args:
        x: Numbers of any shape.
        threshold: The threshold.
        default_value: Replacement for values that don't exceed the threshold.

    Example:
        >>> from kernelkit import ops
        >>> ops.threshold([0.5, 2.0], 1.0, -7.0).tolist()
        [-7.0, 2.0]
    """
    x = jnp.asarray(x)
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))
