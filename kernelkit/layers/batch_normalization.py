"""`BatchNormalization`: mean 0 and variance 1 over the batch."""

from __future__ import annotations

import math
import operator
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config, constraints, initializers, regularizers
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.layers.layer_normalization import checked_axes
from kernelkit.ops.nn import batch_normalization
from kernelkit.ops.nn.normalization import mean_and_variance
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike, Shapes, Tensor
from kernelkit.variable import Variable


class BatchNormalization(Layer):
    """Give each channel mean 0 and variance 1 over the batch, then a learned scale and offset.

    Training uses the batch's own mean and variance, and updates moving averages of them. Inference, and a layer that is
    not ``trainable``, use the moving averages.

    Args:
        axis: The axis of the channels; the mean is taken over all other axes.
        momentum: Share of the old value in a moving average.
        epsilon: Added to the variance.
        center: Whether there is an offset (beta).
        scale: Whether there is a scale (gamma).
        beta_initializer: Initializer of the offset.
        gamma_initializer: Initializer of the scale.
        moving_mean_initializer: Initializer of the moving mean.
        moving_variance_initializer: Initializer of the moving variance.
        beta_regularizer: Regularizer of the offset.
        gamma_regularizer: Regularizer of the scale.
        beta_constraint: Constraint of the offset.
        gamma_constraint: Constraint of the scale.
        renorm: Whether training normalizes by moving averages too (batch renormalization, for small batches): a scale r
            and an offset d correct the batch's own statistics. No gradient flows through r and d.
        renorm_clipping: Dict of bounds of the correction: ``rmin`` and ``rmax`` for r (0 and infinity by default),
            ``dmax`` for the absolute value of d (infinity).
        renorm_momentum: Momentum of the moving averages that renorm uses.
        synchronized: Accepted for compatibility with Keras: jax averages over all devices in any case.

    Call arguments: the input, ``training``, and a mask of bools (batch, steps): steps that are ``False`` don't count.

    Raises:
        ValueError: If ``renorm_clipping`` has other keys or impossible bounds.

    Source: Ioffe and Szegedy, 2015, Batch normalization; Ioffe, 2017, Batch renormalization.

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.BatchNormalization()
        >>> layer(kk.ops.array([[1.0], [3.0]]), training=True).round(2).tolist()
        [[-1.0], [1.0]]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        renorm: bool = False,
        renorm_clipping: dict | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._bounds = _renorm_bounds(self, renorm_clipping) if renorm else None
        self.axis = operator.index(axis)
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.renorm = renorm
        self.renorm_clipping = renorm_clipping or {} if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        self.synchronized = synchronized
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Shapes) -> None:
        [axis] = checked_axes(self, self.axis, input_shape)
        size = input_shape[axis]
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})
        # Statistics, scale and offset stay in full precision under mixed precision.
        if self.scale:
            self.gamma = self.add_weight(
                (size,),
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                (size,),
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
                name="beta",
            )
        self.moving_mean = self.add_weight(
            (size,), self.moving_mean_initializer, trainable=False, autocast=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            (size,), self.moving_variance_initializer, trainable=False, autocast=False, name="moving_variance"
        )
        if self.renorm:
            self._build_renorm(size)

    def _build_renorm(self, size: int) -> None:
        def root(*args: Any, **kwargs: Any) -> jax.Array:
            return jnp.sqrt(jnp.asarray(self.moving_variance_initializer(*args, **kwargs)))

        fixed: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_stddev = self.add_weight((size,), root, name="moving_stddev", **fixed)
        self.renorm_mean = self.add_weight((size,), self.moving_mean_initializer, name="renorm_mean", **fixed)
        self.renorm_stddev = self.add_weight((size,), root, name="renorm_stddev", **fixed)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> jax.Array:
        x = jnp.asarray(inputs)
        wide = x.astype("float32") if x.dtype.itemsize < 4 or not jnp.issubdtype(x.dtype, jnp.inexact) else x
        mean, variance = self.moving_mean.value, self.moving_variance.value
        beta, gamma = (None if v is None else v.value.astype(wide.dtype) for v in (self.beta, self.gamma))
        if training and self.trainable:
            mean, variance = self._moments(wide, mask)
            _update(self.moving_mean, mean, self.momentum)
            if self._bounds is None:
                _update(self.moving_variance, variance, self.momentum)
            else:
                r, d = self._correction(mean, jnp.sqrt(variance + self.epsilon), self._bounds)
                beta = (d if gamma is None else gamma * d) + (0 if beta is None else beta)
                gamma = r if gamma is None else gamma * r
        mean, variance = mean.astype(wide.dtype), variance.astype(wide.dtype)
        y = batch_normalization(wide, mean, variance, self.axis, beta, gamma, self.epsilon)
        return y.astype(self.compute_dtype)

    def _moments(self, x: jax.Array, mask: Tensor) -> tuple[jax.Array, jax.Array]:
        """Return mean and variance of a batch for each channel. The name is Keras's; subclasses override it."""
        axes = tuple(i for i in range(x.ndim) if i != self.axis % x.ndim)
        if mask is None:
            return mean_and_variance(x, axes)
        mask = jnp.asarray(mask).astype(x.dtype)
        weights = jnp.broadcast_to(mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)), x.shape)
        total = jnp.sum(weights, axis=axes, keepdims=True) + config.epsilon()
        mean = jnp.sum(x * weights, axis=axes, keepdims=True) / total
        variance = jnp.sum(jnp.square(x - mean) * weights, axis=axes, keepdims=True) / total
        return jnp.squeeze(mean, axes), jnp.squeeze(variance, axes)

    def _correction(self, mean: jax.Array, stddev: jax.Array, bounds: tuple) -> tuple[jax.Array, jax.Array]:
        """Return the scale r and the offset d that correct the batch's statistics to the moving averages."""
        rmin, rmax, dmax = bounds
        average = self.renorm_stddev.value.astype(stddev.dtype)
        r = jnp.clip(stddev / average, rmin, rmax)
        d = jnp.clip((mean - self.renorm_mean.value.astype(mean.dtype)) / average, -dmax, dmax)
        _update(self.renorm_mean, mean, self.renorm_momentum)
        _update(self.renorm_stddev, stddev, self.renorm_momentum)
        _update(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(jnp.square(self.moving_stddev.value) - self.epsilon)
        return jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)


def _update(moving: Any, value: jax.Array, momentum: float) -> None:
    value = jax.lax.stop_gradient(value).astype(moving.dtype)
    moving.assign(moving.value * momentum + value * (1 - momentum))


def _renorm_bounds(layer: Layer, clipping: dict | None) -> tuple[float, float, float]:
    """Return rmin, rmax and dmax of a ``renorm_clipping``."""
    bounds = {"rmin": 0.0, "rmax": math.inf, "dmax": math.inf}
    unknown = sorted(set(clipping or {}) - set(bounds))
    problem = f"Received invalid keys {unknown}: known are {list(bounds)}" if unknown else None
    bounds |= {k: v for k, v in (clipping or {}).items() if v is not None}
    if bounds["rmax"] < bounds["rmin"]:
        problem = f"rmax should be >= rmin, got {bounds['rmax']} and {bounds['rmin']}"
    if bounds["dmax"] < 0:
        problem = f"dmax should be non-negative, got {bounds['dmax']}"
    if problem is not None:
        raise ValueError(f"{layer.who()}, renorm_clipping: {problem}.")
    return bounds["rmin"], bounds["rmax"], bounds["dmax"]
