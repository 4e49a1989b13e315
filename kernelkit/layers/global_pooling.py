"""Global pooling layers: one number for each channel."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.ops.extremes import largest
from kernelkit.typing import Shape, Tensor

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


class GlobalPoolingLayer(Layer):
    """Pooling by the function ``_reduce`` over all of the ``_spatial`` axes."""

    _spatial: int
    _reduce: Any

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self._spatial + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self._spatial))

    def _known_shape(self, shape: Shape) -> Shape | None:
        sizes = [1 if axis in self._axes else size for axis, size in enumerate(shape)]
        return tuple(sizes if self.keepdims else (s for axis, s in enumerate(shape) if axis not in self._axes))

    def call(self, inputs: Tensor) -> jax.Array:
        return type(self)._reduce(jnp.asarray(inputs), axis=self._axes, keepdims=self.keepdims)


class GlobalAveragePooling1D(GlobalPoolingLayer):
    """The mean over all unmasked steps.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        keepdims: Whether the axis stays, with size 1.

    Call arguments: sequences (batch, steps, channels), and a mask of bools (batch, steps), ``False`` at padding. The
    mean of a fully masked sequence is NaN.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GlobalAveragePooling1D()(kk.ops.ones((2, 10, 3))).shape
        (2, 3)
    """

    _spatial = 1
    _reduce = staticmethod(jnp.mean)
    supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor = None) -> jax.Array:
        if mask is None:
            return super().call(inputs)
        x = jnp.asarray(inputs)
        weights = jnp.expand_dims(jnp.asarray(mask).astype(x.dtype), -1 if self.data_format == "channels_last" else 1)
        total = jnp.sum(x * weights, axis=self._axes, keepdims=self.keepdims)
        return total / jnp.sum(weights, axis=self._axes, keepdims=self.keepdims)

    def compute_mask(self, inputs: Tensor, mask: Tensor = None) -> None:
        """Return ``None``: the output has no steps to mask."""
        return


class GlobalAveragePooling2D(GlobalPoolingLayer):
    """The mean over all pixels.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        keepdims: Whether the axes stay, with size 1.

    Input shape: (batch, height, width, channels). Output shape: (batch, channels).

    Source: Lin et al., 2014, Network in network.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GlobalAveragePooling2D()(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 3)
    """

    _spatial = 2
    _reduce = staticmethod(jnp.mean)


class GlobalAveragePooling3D(GlobalPoolingLayer):
    """The mean over a whole volume. Arguments as :class:`GlobalAveragePooling2D`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GlobalAveragePooling3D()(kk.ops.ones((2, 4, 4, 4, 3))).shape
        (2, 3)
    """

    _spatial = 3
    _reduce = staticmethod(jnp.mean)


class GlobalMaxPooling1D(GlobalPoolingLayer):
    """The largest value over all steps. Arguments as :class:`GlobalMaxPooling2D`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GlobalMaxPooling1D()(kk.ops.ones((2, 10, 3))).shape
        (2, 3)
    """

    _spatial = 1
    _reduce = staticmethod(largest)


class GlobalMaxPooling2D(GlobalPoolingLayer):
    """The largest value over all pixels.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        keepdims: Whether the axes stay, with size 1.

    Input shape: (batch, height, width, channels). Output shape: (batch, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GlobalMaxPooling2D()(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 3)
    """

    _spatial = 2
    _reduce = staticmethod(largest)


class GlobalMaxPooling3D(GlobalPoolingLayer):
    """The largest value of a whole volume. Arguments as :class:`GlobalMaxPooling2D`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GlobalMaxPooling3D()(kk.ops.ones((2, 4, 4, 4, 3))).shape
        (2, 3)
    """

    _spatial = 3
    _reduce = staticmethod(largest)
