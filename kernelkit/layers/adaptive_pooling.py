"""Adaptive pooling layers: the number of windows is given, the window sizes follow from the input."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers import windows
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.ops import nn
from kernelkit.typing import Tensor

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


class AdaptivePoolingLayer(Layer):
    """Adaptive pooling by the function ``_pool`` over as many axes as ``_spatial`` says."""

    _spatial: int
    _pool: Any

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = windows.as_sizes(output_size, self._spatial, "output_size", self.who())
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._spatial + 2)

    def call(self, inputs: Tensor) -> jax.Array:
        return type(self)._pool(jnp.asarray(inputs), self.output_size, self.data_format)


class AdaptiveAveragePooling1D(AdaptivePoolingLayer):
    """Means of a given number of windows of steps. Arguments as :class:`AdaptiveAveragePooling2D`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AdaptiveAveragePooling1D(4)(kk.ops.ones((2, 10, 3))).shape
        (2, 4, 3)
    """

    _spatial = 1
    _pool = staticmethod(nn.adaptive_average_pool)


class AdaptiveAveragePooling2D(AdaptivePoolingLayer):
    """Means of a given number of windows, which divide images of any size.

    Args:
        output_size: Int or two: rows and columns of the output.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AdaptiveAveragePooling2D((2, 3))(kk.ops.ones((2, 7, 7, 3))).shape
        (2, 2, 3, 3)
    """

    _spatial = 2
    _pool = staticmethod(nn.adaptive_average_pool)


class AdaptiveAveragePooling3D(AdaptivePoolingLayer):
    """Means of a given number of windows of a volume. Arguments as :class:`AdaptiveAveragePooling2D`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AdaptiveAveragePooling3D(2)(kk.ops.ones((1, 5, 5, 5, 2))).shape
        (1, 2, 2, 2, 2)
    """

    _spatial = 3
    _pool = staticmethod(nn.adaptive_average_pool)


class AdaptiveMaxPooling1D(AdaptivePoolingLayer):
    """Maxima of a given number of windows of steps. Arguments as :class:`AdaptiveMaxPooling2D`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AdaptiveMaxPooling1D(4)(kk.ops.ones((2, 10, 3))).shape
        (2, 4, 3)
    """

    _spatial = 1
    _pool = staticmethod(nn.adaptive_max_pool)


class AdaptiveMaxPooling2D(AdaptivePoolingLayer):
    """Maxima of a given number of windows, which divide images of any size.

    Args:
        output_size: Int or two: rows and columns of the output.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, height, width, channels). Output shape: (batch, rows, columns, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AdaptiveMaxPooling2D((2, 3))(kk.ops.ones((2, 7, 7, 3))).shape
        (2, 2, 3, 3)
    """

    _spatial = 2
    _pool = staticmethod(nn.adaptive_max_pool)


class AdaptiveMaxPooling3D(AdaptivePoolingLayer):
    """Maxima of a given number of windows of a volume. Arguments as :class:`AdaptiveMaxPooling2D`.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AdaptiveMaxPooling3D(2)(kk.ops.ones((1, 5, 5, 5, 2))).shape
        (1, 2, 2, 2, 2)
    """

    _spatial = 3
    _pool = staticmethod(nn.adaptive_max_pool)
