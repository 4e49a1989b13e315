"""`GroupNormalization`: mean 0 and variance 1 over groups of channels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import constraints, initializers, regularizers
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.layers.layer_normalization import checked_axes
from kernelkit.ops.nn.normalization import mean_and_variance
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike, Shapes, Tensor
from kernelkit.variable import Variable


class GroupNormalization(Layer):
    """Give each group of channels of a sample mean 0 and variance 1, then a learned scale and offset.

    Args:
        groups: Number of groups, a divisor of the number of channels; -1 makes each channel a group.
        axis: The axis of the channels.
        epsilon: Added to the variance.
        center: Whether there is an offset (beta).
        scale: Whether there is a scale (gamma).
        beta_initializer: Initializer of the offset.
        gamma_initializer: Initializer of the scale.
        beta_regularizer: Regularizer of the offset.
        gamma_regularizer: Regularizer of the scale.
        beta_constraint: Constraint of the offset.
        gamma_constraint: Constraint of the scale.

    Source: Wu and He, 2018, Group normalization.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GroupNormalization(2)(kk.ops.array([[1.0, 3.0, 10.0, 30.0]])).round(2).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """

    supports_masking = True

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # large inputs would overflow in float16 before they are normalized
        if isinstance(groups, bool) or not isinstance(groups, int) or (groups < 1 and groups != -1):
            raise ValueError(
                f"{self.who()}: invalid value {groups!r} of the argument `groups`: give a positive integer, or -1 for "
                "a group of each channel."
            )
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Shapes) -> None:
        [axis] = checked_axes(self, self.axis, input_shape)
        channels = input_shape[axis]
        if channels is None:
            raise ValueError(
                f"{self.who()}: axis {self.axis} of the input tensor should have a defined dimension but the layer "
                f"received an input with shape {tuple(input_shape)}. Give the channels a size in the model's Input."
            )
        groups = channels if self.groups == -1 else self.groups
        if channels % groups:
            more = ", and cannot be more than the number of channels" if groups > channels else ""
            raise ValueError(
                f"{self.who()}: the number of groups, {groups}, must divide the number of channels, {channels}{more}."
            )
        self.groups = groups
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        if self.scale:
            self.gamma = self.add_weight(
                (channels,),
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
                name="gamma",
            )
        if self.center:
            self.beta = self.add_weight(
                (channels,),
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
                name="beta",
            )

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        wide = jnp.moveaxis(x.astype("float32") if x.dtype.itemsize < 4 else x, self.axis, -1)
        grouped = wide.reshape(*wide.shape[:-1], self.groups, -1)
        axes = (*range(1, grouped.ndim - 2), grouped.ndim - 1)
        mean, variance = (jnp.expand_dims(v, axes) for v in mean_and_variance(grouped, axes))
        y = ((grouped - mean) * jax.lax.rsqrt(variance + self.epsilon)).reshape(wide.shape)
        if self.gamma is not None:
            y = y * self.gamma.value
        if self.beta is not None:
            y = y + self.beta.value
        return jnp.moveaxis(y, -1, self.axis).astype(self.compute_dtype)
