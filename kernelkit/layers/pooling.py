"""Pooling layers: maxima and means of windows."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers import windows
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.ops import nn
from kernelkit.typing import Shape, Sizes, Tensor

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


class PoolingLayer(Layer):
    """Pooling by the function ``_pool`` over as many axes as ``_spatial`` says."""

    _spatial: int
    _pool: Any

    def __init__(
        self,
        pool_size: Sizes,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        who = self.who()
        self.pool_size = windows.as_sizes(pool_size, self._spatial, "pool_size", who)
        self.strides = windows.as_sizes(self.pool_size if strides is None else strides, self._spatial, "strides", who)
        self.padding = windows.checked_padding(padding, who)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._spatial + 2)

    def _known_shape(self, shape: Shape) -> Shape | None:
        channels = shape[-1 if self.data_format == "channels_last" else 1]
        ones = (1,) * self._spatial
        return windows.output_shape(shape, channels, self.pool_size, self.strides, ones, self.padding, self.data_format)

    def call(self, inputs: Tensor) -> jax.Array:
        x = jnp.asarray(inputs)
        sizes = x.shape[1:-1] if self.data_format == "channels_last" else x.shape[2:]
        windows.require_fit(sizes, self.pool_size, (1,) * self._spatial, self.padding, self.who(), "pool_size")
        return type(self)._pool(x, self.pool_size, self.strides, self.padding, self.data_format)


class MaxPoolingLayer(PoolingLayer):
    """Max pooling, with windows of 2 by default."""

    _pool = staticmethod(nn.max_pool)

    def __init__(
        self,
        pool_size: Sizes = 2,
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling1D(MaxPoolingLayer):
    """The largest value of each window of steps. Arguments as :class:`MaxPooling2D`.

    Input shape: (batch, steps, channels). Output shape: (batch, windows, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.MaxPooling1D(2)(kk.ops.ones((2, 10, 3))).shape
        (2, 5, 3)
    """

    _spatial = 1


class MaxPooling2D(MaxPoolingLayer):
    """The largest value of each window of pixels.

    Args:
        pool_size: Int or two: height and width of the window.
        strides: Int or two: step between windows; the window's size for ``None``.
        padding: ``"valid"`` (windows inside the input) or ``"same"`` (as many windows as pixels, divided by the
            strides).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        name: Name.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, channels).

    Raises:
        ValueError: If the window is larger than the input.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.MaxPooling2D()(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    _spatial = 2


class MaxPooling3D(MaxPoolingLayer):
    """The largest value of each window of a volume. Arguments as :class:`MaxPooling2D`.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.MaxPooling3D()(kk.ops.ones((1, 4, 4, 4, 2))).shape
        (1, 2, 2, 2, 2)
    """

    _spatial = 3


class AveragePooling1D(PoolingLayer):
    """The mean of each window of steps. Arguments as :class:`AveragePooling2D`.

    Input shape: (batch, steps, channels). Output shape: (batch, windows, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AveragePooling1D(2)(kk.ops.ones((2, 10, 3))).shape
        (2, 5, 3)
    """

    _spatial = 1
    _pool = staticmethod(nn.average_pool)


class AveragePooling2D(PoolingLayer):
    """The mean of each window of pixels; positions outside of the image don't count.

    Args:
        pool_size: Int or two: height and width of the window.
        strides: Int or two: step between windows; the window's size for ``None``.
        padding: ``"valid"`` (windows inside the input) or ``"same"`` (as many windows as pixels, divided by the
            strides).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        name: Name.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, channels).

    Raises:
        ValueError: If the window is larger than the input.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AveragePooling2D(2)(kk.ops.ones((2, 8, 8, 3))).shape
        (2, 4, 4, 3)
    """

    _spatial = 2
    _pool = staticmethod(nn.average_pool)


class AveragePooling3D(PoolingLayer):
    """The mean of each window of a volume. Arguments as :class:`AveragePooling2D`.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AveragePooling3D(2)(kk.ops.ones((1, 4, 4, 4, 2))).shape
        (1, 2, 2, 2, 2)
    """

    _spatial = 3
    _pool = staticmethod(nn.average_pool)
