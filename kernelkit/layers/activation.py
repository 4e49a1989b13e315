"""Activations as layers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, constraints, initializers, regularizers
from kernelkit.layers.base.arguments import warn_once
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.layers.layer_normalization import checked_axes
from kernelkit.typing import (
    ActivationLike,
    Axis,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
    Shape,
    Shapes,
    Tensor,
)


class Activation(Layer):
    """Apply an activation function.

    Args:
        activation: The function or its name.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Activation("relu")(kk.ops.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    supports_masking = True
    _takes_sparse = True

    def __init__(self, activation: ActivationLike, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def _known_shape(self, shape: Shape) -> Shape | None:
        return shape if activations.keeps_shape(self.activation) else None

    def call(self, inputs: Tensor) -> jax.Array:
        return self.activation(inputs)


class ReLU(Layer):
    """``max(x, 0)``, or a piecewise linear variant of it.

    Args:
        max_value: Upper bound of the output, >= 0; ``None`` for no bound.
        negative_slope: Slope below the threshold, >= 0.
        threshold: Inputs >= threshold are returned as ``x``, inputs below as ``negative_slope * (x - threshold)``.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ReLU(max_value=1.0)(kk.ops.array([-1.0, 2.0])).tolist()
        [0.0, 1.0]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None:
            _check_not_negative(self, "max_value of a ReLU layer cannot be a negative value", max_value)
        _check_not_negative(self, "negative_slope of a ReLU layer cannot be None or a negative value", negative_slope)
        _check_not_negative(self, "threshold of a ReLU layer cannot be None or a negative value", threshold)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Tensor) -> jax.Array:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Layer):
    """``x`` where it is positive, else ``negative_slope * x``.

    Args:
        negative_slope: Slope below zero, >= 0.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.LeakyReLU(0.5)(kk.ops.array([-1.0, 2.0])).tolist()
        [-0.5, 2.0]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warn_once("leaky_relu:alpha", "LeakyReLU(alpha=...) is an old spelling of negative_slope=...")
        super().__init__(**kwargs)
        rule = "The negative_slope value of a Leaky ReLU layer cannot be None or a negative value"
        _check_not_negative(self, rule, negative_slope)
        self.negative_slope = negative_slope

    def call(self, inputs: Tensor) -> jax.Array:
        return activations.leaky_relu(inputs, self.negative_slope)


def _check_not_negative(layer: Layer, rule: str, value: Any) -> None:
    if value is None or value < 0:
        raise ValueError(f"{rule}. {layer.who()} got {value!r}.")


class PReLU(Layer):
    """``x`` where it is positive, else ``alpha * x`` with a learned ``alpha``.

    Args:
        alpha_initializer: Initializer of the slopes.
        alpha_regularizer: Regularizer of the slopes.
        alpha_constraint: Constraint of the slopes.
        shared_axes: Axes along which the slopes are shared, counted from 1 (0 is the batch axis): [1, 2] for images.

    Source: He et al., 2015, Delving deep into rectifiers.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.PReLU("ones")(kk.ops.array([[-1.0, 2.0]])).tolist()
        [[-1.0, 2.0]]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(
        self,
        alpha_initializer: InitializerLike = "Zeros",
        alpha_regularizer: RegularizerLike = None,
        alpha_constraint: ConstraintLike = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes and list(shared_axes)

    def build(self, input_shape: Shapes) -> None:
        shared = checked_axes(self, self.shared_axes or (), input_shape)
        shape = tuple(1 if i in shared else size for i, size in enumerate(input_shape))[1:]
        self.alpha = self.add_weight(
            shape,
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        own = {i: size for i, size in enumerate(input_shape) if i and i not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=own)

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        return jnp.maximum(x, 0) + self.alpha.value * jnp.minimum(x, 0)


class ELU(Layer):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``.

    Args:
        alpha: Scale of the negative part: the output approaches ``-alpha`` far below zero.

    Source: Clevert et al., 2016, Fast and accurate deep network learning by exponential linear units.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.ELU()(kk.ops.array([0.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Tensor) -> jax.Array:
        return activations.elu(inputs, self.alpha)


class Softmax(Layer):
    """Turn scores into probabilities.

    Args:
        axis: Axis or axes along which the probabilities add up to one.

    Call arguments: scores, and a mask of bools that broadcasts to them; ``False`` gets probability 0.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Softmax()(kk.ops.array([0.0, 0.0])).tolist()
        [0.5, 0.5]
    """

    supports_masking = True

    def __init__(self, axis: Axis = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = tuple(axis) if isinstance(axis, list) else axis

    def call(self, inputs: Tensor, mask: Tensor = None) -> jax.Array:
        x = jnp.asarray(inputs)
        if mask is None:
            return activations.softmax(x, axis=self.axis)
        mask = jnp.asarray(mask).astype(bool)
        self._check_mask(mask.shape, x.shape)
        lowest = -3e4 if x.dtype == jnp.float16 else -1e9
        y = activations.softmax(jnp.where(mask, x, jnp.asarray(lowest, x.dtype)), axis=self.axis)
        return jnp.where(mask, y, jnp.zeros((), y.dtype))  # a fully masked row gives zeros, not equal probabilities

    def _check_mask(self, mask: tuple, inputs: tuple) -> None:
        if len(mask) > len(inputs):
            problem = "must not have more dimensions than the inputs"
        elif any(m not in (1, n) for m, n in zip(reversed(mask), reversed(inputs), strict=False)):
            problem = "must be broadcastable to the inputs"
        else:
            return
        raise ValueError(f"{self.who()}: the mask {problem}; got the shape {mask} for inputs of shape {inputs}.")
