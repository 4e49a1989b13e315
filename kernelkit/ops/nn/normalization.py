"""Means, variances, and normalizations."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.tracebacks import users_level
from kernelkit.typing import Axis, DType, Tensor


@op
def moments(x: Tensor, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> tuple[jax.Array, jax.Array]:
    """Return the mean and the variance over some axes.

    Args:
        x: Numbers of any shape. 16-bit floats are summed in 32 bits.
        axes: Axis or axes to average over; ``None`` for all.
        keepdims: Whether to keep these axes, with size one.
        synchronized: Accepted for compatibility with Keras: jax averages over all devices in any case.

    Returns:
        Two arrays of the dtype of ``x``.

    Example:
        >>> from kernelkit import ops
        >>> [v.tolist() for v in ops.moments([1.0, 3.0], axes=0)]
        [2.0, 1.0]
    """
    x = floats(x)
    axes = normalized_axes(tuple(range(x.ndim)) if axes is None else axes, x.ndim)
    mean, variance = mean_and_variance(_wide(x), axes)
    if keepdims:
        mean, variance = jnp.expand_dims(mean, axes), jnp.expand_dims(variance, axes)
    return _narrow(mean, x.dtype), _narrow(variance, x.dtype)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def mean_and_variance(x: jax.Array, axes: tuple[int, ...]) -> tuple[jax.Array, jax.Array]:
    """Return mean and variance over axes of an array, with a gradient that needs two passes over the array.

    Args:
        x: Floats.
        axes: Axes to reduce.
    """
    mean = jnp.mean(x, axis=axes, keepdims=True)
    return jnp.squeeze(mean, axes), jnp.mean(jnp.square(jnp.abs(x - mean)), axis=axes)


@mean_and_variance.defjvp
def _mean_and_variance_jvp(axes: tuple[int, ...], primals: tuple, tangents: tuple) -> tuple:
    # Derived by hand: the variance's derivative by the mean is zero, but autodiff would compute it as a sum.
    (x,), (change,) = primals, tangents
    mean, variance = mean_and_variance(x, axes)
    centered = x - jnp.expand_dims(mean, axes)
    along_variance = 2 * jnp.mean(jnp.real(centered * jnp.conj(change)), axis=axes)
    return (mean, variance), (jnp.mean(change, axis=axes), along_variance.astype(variance.dtype))


@op
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor = None,
    scale: Tensor = None,
    epsilon: float = 1e-3,
) -> jax.Array:
    """Return ``(x - mean) / sqrt(variance + epsilon) * scale + offset``.

    Args:
        x: Floats of any shape.
        mean: Means, one for each index along ``axis``.
        variance: Variances, one for each index along ``axis``.
        axis: The axis of the channels.
        offset: Numbers added at the end, one for each index along ``axis``.
        scale: Factors, one for each index along ``axis``.
        epsilon: Added to the variance, to avoid a division by zero for constant inputs.

    Source: Ioffe and Szegedy, 2015, Batch normalization.

    Example:
        >>> from kernelkit import ops
        >>> ops.batch_normalization([[1.0], [3.0]], [2.0], [1.0], -1, epsilon=0.0).tolist()
        [[-1.0], [1.0]]
    """
    x = floats(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    for name, vector in (("mean", mean), ("variance", variance), ("offset", offset), ("scale", scale)):
        if vector is not None and jnp.size(vector) != x.shape[axis]:
            raise ValueError(
                f"batch_normalization(): `{name}` must be a vector of length {x.shape[axis]} (axis {axis} of the "
                f"inputs {x.shape}), got the shape {jnp.shape(vector)}."
            )
    factor = jax.lax.rsqrt(floats(variance) + epsilon)
    if scale is not None:
        factor = factor * scale
    # The mean is subtracted first: `x * factor - mean * factor` would lose precision for a large mean.
    normalized = (x - jnp.reshape(floats(mean), shape)) * jnp.reshape(factor, shape)
    return normalized if offset is None else normalized + jnp.reshape(floats(offset), shape)


@op
def layer_normalization(
    x: Tensor, gamma: Tensor = None, beta: Tensor = None, axis: Axis = -1, epsilon: float | None = None, **kwargs: Any
) -> jax.Array:
    """Give each sample mean 0 and variance 1 over some axes.

    Args:
        x: Floats of any shape.
        gamma: Factors of the shape of the normalized axes.
        beta: Offsets of the same shape.
        axis: Axis or axes to normalize over.
        epsilon: Added to the variance; :func:`kernelkit.config.epsilon` for ``None``.
        **kwargs: ``rms_scaling=True``, a deprecated setting of Keras, divides by the standard deviation without
            subtracting the mean; ``beta`` is not added.

    Source: Ba et al., 2016, Layer normalization.

    Example:
        >>> from kernelkit import ops
        >>> ops.layer_normalization([1.0, 3.0]).round(3).tolist()
        [-1.0, 1.0]
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if rms_scaling:
        warnings.warn(
            "layer_normalization(): You passed `rms_scaling=True`, which is deprecated. It divides by the standard "
            "deviation; use rms_normalization() to divide by the root mean square.",
            stacklevel=users_level(),
        )
    if kwargs:
        raise TypeError(f"layer_normalization() got unknown arguments {sorted(kwargs)}.")
    x = floats(x)
    axes = normalized_axes(axis, x.ndim)
    wide = _wide(x)
    mean, variance = (jnp.expand_dims(v, axes) for v in mean_and_variance(wide, axes))
    factor = jax.lax.rsqrt(variance + (config.epsilon() if epsilon is None else epsilon))
    result = (wide if rms_scaling else wide - mean) * _scaled(factor, gamma, axes, x)
    if beta is not None and not rms_scaling:
        result = result + along(beta, axes, x)
    return result.astype(x.dtype)


@op
def rms_normalization(x: Tensor, scale: Tensor = None, axis: Axis = -1, epsilon: float | None = None) -> jax.Array:
    """Divide each sample by its root mean square over some axes.

    Args:
        x: Floats of any shape.
        scale: Factors of the shape of the normalized axes.
        axis: Axis or axes to average over.
        epsilon: Added to the mean square; :func:`kernelkit.config.epsilon` for ``None``.

    Source: Zhang and Sennrich, 2019, Root mean square layer normalization.

    Example:
        >>> from kernelkit import ops
        >>> ops.rms_normalization([3.0, 3.0]).round(3).tolist()
        [1.0, 1.0]
    """
    x = floats(x)
    axes = normalized_axes(axis, x.ndim)
    wide = _wide(x)
    squares = jnp.mean(jnp.square(wide), axis=axes, keepdims=True)
    factor = jax.lax.rsqrt(squares + (config.epsilon() if epsilon is None else epsilon))
    return (wide * _scaled(factor, scale, axes, x)).astype(x.dtype)


@op
def normalize(x: Tensor, axis: Axis = -1, order: int = 2, epsilon: float | None = None) -> jax.Array:
    """Divide vectors by their p-norm.

    Args:
        x: Numbers of any shape.
        axis: Axis or axes along which the vectors lie.
        order: The p of the norm, an int >= 1.
        epsilon: Lower bound of the divisor; :func:`kernelkit.config.epsilon` for ``None``.

    Raises:
        ValueError: If ``order`` is not an int >= 1.

    Example:
        >>> from kernelkit import ops
        >>> ops.normalize([0.0, 4.0]).round(3).tolist()
        [0.0, 1.0]
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"normalize(): Argument `order` must be an int >= 1, got {order!r}.")
    x = floats(x)
    axis = tuple(axis) if isinstance(axis, list) else axis
    epsilon = config.epsilon() if epsilon is None else epsilon
    if order == 2:
        # The bound is applied before the root: at zero the root's gradient is infinite.
        return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), epsilon**2))
    norm = jnp.linalg.norm(x, ord=order, axis=axis, keepdims=True)
    return x / jnp.maximum(norm, epsilon)


def normalized_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return one or more axes as sorted, non-negative ints.

    Raises:
        numpy.exceptions.AxisError: If there is no such axis (a subclass of ``ValueError`` and ``IndexError``).
    """
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    for a in axes:
        if not -ndim <= a < ndim:
            raise np.exceptions.AxisError(f"axis {a} is out of bounds for an array of {ndim} dimensions")
    return tuple(sorted(a % ndim for a in axes))


def along(weights: Tensor, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    """Return weights of the shape of some axes of ``x``, reshaped to broadcast against all of ``x``."""
    weights = floats(weights)
    if weights.ndim == len(axes):
        return jnp.reshape(weights, [x.shape[i] if i in axes else 1 for i in range(x.ndim)])
    return weights


def _scaled(factor: jax.Array, scale: Tensor, axes: tuple[int, ...], x: jax.Array) -> jax.Array:
    return factor if scale is None else factor * along(scale, axes, x)


def _wide(x: jax.Array) -> jax.Array:
    return x.astype("float32") if x.dtype.itemsize < 4 else x


def _narrow(x: jax.Array, dtype: DType) -> jax.Array:
    if x.dtype == dtype:
        return x
    limits = jnp.finfo(dtype)
    return jnp.clip(x, float(limits.min), float(limits.max)).astype(dtype)
