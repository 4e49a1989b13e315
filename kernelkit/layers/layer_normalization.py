"""Normalization of each sample on its own."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from kernelkit import constraints, initializers, regularizers
from kernelkit.layers.layer import Layer
from kernelkit.ops import nn
from kernelkit.ops.nn.normalization import normalized_axes
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike, Shapes, Tensor
from kernelkit.variable import Variable


class LayerNormalization(Layer):
    """Give each sample mean 0 and variance 1 over some axes, then a learned scale and offset.

    Args:
        axis: Axis or axes to normalize over, usually the features.
        epsilon: Added to the variance.
        center: Whether there is an offset (beta).
        scale: Whether there is a scale (gamma).
        beta_initializer: Initializer of the offset.
        gamma_initializer: Initializer of the scale.
        beta_regularizer: Regularizer of the offset.
        gamma_regularizer: Regularizer of the scale.
        beta_constraint: Constraint of the offset.
        gamma_constraint: Constraint of the scale.
        rms_scaling: Deprecated. Despite its name, it divides by the standard deviation without subtracting the mean; it
            always has a scale and never an offset. :class:`RMSNormalization` divides by the root mean square.

    Source: Ba et al., 2016, Layer normalization.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.LayerNormalization()(kk.ops.array([[1.0, 3.0]])).round(2).tolist()
        [[-1.0, 1.0]]
    """

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = checked_axis(self, axis)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.rms_scaling = rms_scaling
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Shapes) -> None:
        shape = shape_along(self, input_shape)
        if self.scale or self.rms_scaling:
            self.gamma = self.add_weight(
                shape,
                self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                autocast=False,
                name="gamma",
            )
        if self.center and not self.rms_scaling:
            self.beta = self.add_weight(
                shape,
                self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                autocast=False,
                name="beta",
            )

    def call(self, inputs: Tensor) -> jax.Array:
        old = {"rms_scaling": True} if self.rms_scaling else {}
        y = nn.layer_normalization(inputs, self.gamma, self.beta, self.axis, self.epsilon, **old)
        return y.astype(self.compute_dtype)


class RMSNormalization(Layer):
    """Divide each sample by its root mean square over some axes, then multiply by a learned scale.

    Args:
        axis: Axis or axes to average over.
        epsilon: Added to the mean square.

    Source: Zhang and Sennrich, 2019, Root mean square layer normalization.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.RMSNormalization()(kk.ops.array([[3.0, 3.0]])).round(2).tolist()
        [[1.0, 1.0]]
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = checked_axis(self, axis)
        self.epsilon = epsilon

    def build(self, input_shape: Shapes) -> None:
        self.scale = self.add_weight(shape_along(self, input_shape), "ones", name="scale")

    def call(self, x: Tensor) -> jax.Array:
        return nn.rms_normalization(x, self.scale, self.axis, self.epsilon)


class UnitNormalization(Layer):
    """Divide each sample by its L2 norm over some axes.

    Args:
        axis: Axis or axes along which the vectors lie.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.UnitNormalization()(kk.ops.array([[0.0, 4.0]])).tolist()
        [[0.0, 1.0]]
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = checked_axis(self, axis)

    def call(self, inputs: Tensor) -> jax.Array:
        return nn.normalize(inputs, axis=self.axis, order=2, epsilon=1e-12)


def checked_axis(layer: Layer, axis: Any) -> int | list[int]:
    """Return an axis, or several as a list; raise ``TypeError`` for anything else."""
    axes = list(axis) if isinstance(axis, (list, tuple)) else axis
    if not all(isinstance(a, int) for a in (axes if isinstance(axes, list) else [axes])):
        raise TypeError(
            f"{layer.who()}: Invalid value for `axis` argument: expected an int or a list/tuple of ints. Received: "
            f"axis={axis!r}."
        )
    return axes


def shape_along(layer: LayerNormalization | RMSNormalization, input_shape: Shapes) -> tuple:
    """Return the sizes of the normalized axes."""
    return tuple(input_shape[a] for a in checked_axes(layer, layer.axis, input_shape))


def checked_axes(layer: Layer, axis: Any, input_shape: Shapes) -> tuple[int, ...]:
    """Return axes of an input as sorted, non-negative ints.

    Raises:
        numpy.exceptions.AxisError: If the input has no such axis; it is a ``ValueError`` and an ``IndexError``.
    """
    try:
        return normalized_axes(axis, len(input_shape))
    except np.exceptions.AxisError:
        raise np.exceptions.AxisError(
            f"{layer.who()}: axis={axis!r} does not fit inputs of the shape {tuple(input_shape)}, which have the axes "
            f"{-len(input_shape)} to {len(input_shape) - 1}."
        ) from None
