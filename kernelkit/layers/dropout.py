"""Dropout: parts of the input set to zero at random while training."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import config, random
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.layer import Layer
from kernelkit.typing import SizeList, Tensor


class Dropout(Layer):
    """Set a random share of the elements to zero while training, and scale up the others.

    Args:
        rate: Share of the elements, in [0, 1].
        noise_shape: Shape of the random mask, broadcast against the input; ``None`` entries take the input's size.
        seed: Int, or ``None`` for a random one.

    Call arguments: the input, and ``training``. Outside of training, the input is returned unchanged.

    Source: Srivastava et al., 2014, Dropout: a simple way to prevent neural networks from overfitting.

    Example:
        >>> import kernelkit as kk
        >>> y = kk.layers.Dropout(0.5, seed=0)(kk.ops.ones((100,)), training=True)
        >>> sorted(set(y.tolist()))
        [0.0, 2.0]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(
        self, rate: float, noise_shape: SizeList | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = checked_rate(self, rate)
        self.noise_shape = _checked_noise_shape(self, noise_shape)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None

    def call(self, inputs: Tensor, training: bool | None = False) -> jax.Array:
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return jnp.zeros_like(inputs)
        return random.dropout(inputs, self.rate, self._mask_shape(inputs), self.seed_generator)

    def _mask_shape(self, inputs: Tensor) -> tuple | None:
        return self.noise_shape


def checked_rate(layer: Layer, rate: float, name: str = "rate") -> float:
    """Return a rate; raise ``ValueError`` unless it is in [0, 1]."""
    if not 0 <= rate <= 1:
        raise ValueError(
            f"Invalid value received for argument `{name}`. Expected a float value between 0 and 1. {layer.who()} got "
            f"{rate!r}."
        )
    return rate


def _checked_noise_shape(layer: Layer, shape: SizeList | None) -> tuple | None:
    if shape is None:
        return None
    expected = None
    if not isinstance(shape, (tuple, list)):
        expected = "a tuple or list of integers"
    elif not all(
        size is None or (isinstance(size, (int, np.integer)) and not isinstance(size, bool)) for size in shape
    ):
        expected = "all elements to be integers or None"
    elif any(size is not None and size < 1 for size in shape):
        expected = "all dimensions to be positive integers or None"
    if expected is not None:
        raise ValueError(
            f"Invalid value received for argument `noise_shape`. Expected {expected}. {layer.who()} got {shape!r}."
        )
    return tuple(shape)


class _SpatialDropout(Dropout):
    """Dropout of whole channels."""

    _spatial_axes: int
    _not_in_config: tuple[str, ...] = ("noise_shape",)

    def __init__(self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._spatial_axes + 2)

    def _mask_shape(self, inputs: Tensor) -> tuple:
        batch, *rest = inputs.shape
        ones = (1,) * self._spatial_axes
        return (batch, rest[0], *ones) if self.data_format == "channels_first" else (batch, *ones, rest[-1])


class SpatialDropout1D(_SpatialDropout):
    """Set whole channels of sequences to zero while training.

    Args:
        rate: Share of the channels, in [0, 1].
        seed: Int, or ``None`` for a random one.

    Input shape: (batch, steps, channels).

    Source: Tompson et al., 2015, Efficient object localization using convolutional networks.

    Example:
        >>> import kernelkit as kk
        >>> y = kk.layers.SpatialDropout1D(0.5, seed=0)(kk.ops.ones((1, 3, 4)), training=True)
        >>> bool((y[:, 0] == y[:, 2]).all())
        True
    """

    _spatial_axes = 1
    _not_in_config = ("noise_shape", "data_format")

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, "channels_last", seed, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Set whole channels of images to zero while training.

    Args:
        rate: Share of the channels, in [0, 1].
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.
        seed: Int, or ``None`` for a random one.

    Input shape: (batch, height, width, channels).

    Source: Tompson et al., 2015, Efficient object localization using convolutional networks.

    Example:
        >>> import kernelkit as kk
        >>> y = kk.layers.SpatialDropout2D(0.5, seed=0)(kk.ops.ones((1, 2, 2, 3)), training=True)
        >>> bool((y[:, 0, 0] == y[:, 1, 1]).all())  # a channel is kept or dropped as a whole
        True
    """

    _spatial_axes = 2


class SpatialDropout3D(_SpatialDropout):
    """Set whole channels of volumes to zero while training. Arguments as :class:`SpatialDropout2D`.

    Input shape: (batch, depth, height, width, channels).

    Example:
        >>> import kernelkit as kk
        >>> y = kk.layers.SpatialDropout3D(0.5, seed=0)(kk.ops.ones((1, 2, 2, 2, 3)), training=True)
        >>> bool((y[:, 0, 0, 0] == y[:, 1, 1, 1]).all())  # a channel is kept or dropped as a whole
        True
    """

    _spatial_axes = 3
