"""Layers that make sequences, images and volumes larger."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.ops.nn.arrays import as_tuple, from_channels_last, to_channels_last
from kernelkit.typing import Tensor

_INTERPOLATIONS = {
    "bicubic": "cubic",
    "bilinear": "linear",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
    "nearest": "nearest",
}


class UpSampling1D(Layer):
    """Repeat each step.

    Args:
        size: Number of repetitions.

    Input shape: (batch, steps, features). Output shape: (batch, steps * size, features).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.UpSampling1D(2)(kk.ops.ones((5, 8, 3))).shape
        (5, 16, 3)
    """

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"{self.who()}: Expected an integer value for `size`, got {size!r}.")
        if size < 1:
            raise ValueError(f"{self.who()}: `size` should be a positive integer, got {size}.")
        self.size = size
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> jax.Array:
        return jnp.repeat(jnp.asarray(inputs), self.size, axis=1)


class UpSampling2D(Layer):
    """Make images larger by whole factors.

    Args:
        size: Int, or two ints: factors of height and width.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        interpolation: ``"nearest"``, ``"bilinear"``, ``"bicubic"``, ``"lanczos3"`` or ``"lanczos5"``.

    Input shape: (batch, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.UpSampling2D((2, 3))(kk.ops.ones((5, 8, 8, 3))).shape
        (5, 16, 24, 3)
    """

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.size = as_tuple(size, 2, "size")
        self.data_format = config.standardize_data_format(data_format)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"{self.who()}: interpolation must be one of {sorted(_INTERPOLATIONS)}, got {interpolation!r}."
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> jax.Array:
        x = to_channels_last(jnp.asarray(inputs), self.data_format)
        if self.interpolation == "nearest":
            x = _repeat(x, self.size)
        else:
            batch, height, width, channels = x.shape
            shape = (batch, height * self.size[0], width * self.size[1], channels)
            x = jax.image.resize(x, shape, _INTERPOLATIONS[self.interpolation])
        return from_channels_last(x, self.data_format)


class UpSampling3D(Layer):
    """Repeat each element of volumes.

    Args:
        size: Int, or three ints: number of repetitions along each axis.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.UpSampling3D(2)(kk.ops.ones((5, 4, 4, 4, 3))).shape
        (5, 8, 8, 8, 3)
    """

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = as_tuple(size, 3, "size")
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Tensor) -> jax.Array:
        x = to_channels_last(jnp.asarray(inputs), self.data_format)
        return from_channels_last(_repeat(x, self.size), self.data_format)


def _repeat(x: jax.Array, size: tuple[int, ...]) -> jax.Array:
    for axis, times in enumerate(size, start=1):
        x = jnp.repeat(x, times, axis=axis)
    return x
