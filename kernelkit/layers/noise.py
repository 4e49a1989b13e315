"""Random noise on the input while training."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import random
from kernelkit.layers.dropout import checked_rate
from kernelkit.layers.layer import Layer
from kernelkit.typing import SizeList, Tensor


class GaussianNoise(Layer):
    """Add normal noise of mean zero while training.

    Args:
        stddev: Standard deviation, >= 0.
        seed: Int, or ``None`` for a random one.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GaussianNoise(0.1)(kk.ops.zeros((3,))).tolist()
        [0.0, 0.0, 0.0]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not stddev >= 0:
            raise ValueError(f"{self.who()}: stddev must be >= 0, got {stddev!r}.")
        self.stddev = stddev
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if stddev > 0 else None

    def call(self, inputs: Tensor, training: bool | None = False) -> jax.Array:
        if not training or self.stddev == 0:
            return inputs
        return inputs + random.normal(inputs.shape, 0.0, self.stddev, self.compute_dtype, self.seed_generator)


class GaussianDropout(Layer):
    """Multiply by normal noise of mean one and variance ``rate / (1 - rate)`` while training.

    Args:
        rate: Strength of the noise, in [0, 1): its variance equals that of a dropout with this rate.
        seed: Int, or ``None`` for a random one.

    Source: Srivastava et al., 2014, Dropout: a simple way to prevent neural networks from overfitting.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.GaussianDropout(0.5)(kk.ops.ones((3,))).tolist()
        [1.0, 1.0, 1.0]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if checked_rate(self, rate) == 1:
            raise ValueError(f"{self.who()}: rate must be less than 1, where the noise would be infinite.")
        self.rate = rate
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None

    def call(self, inputs: Tensor, training: bool | None = False) -> jax.Array:
        if not training or self.rate == 0:
            return inputs
        stddev = math.sqrt(self.rate / (1 - self.rate))
        return inputs * random.normal(inputs.shape, 1.0, stddev, self.compute_dtype, self.seed_generator)


# The value of selu far below zero: minus its scale times its alpha.
_SELU_FLOOR = -1.0507009873554805 * 1.6732632423543772


class AlphaDropout(Layer):
    """A dropout that keeps mean 0 and variance 1, made for :func:`~kernelkit.activations.selu`.

    Args:
        rate: Share of the elements, in [0, 1).
        noise_shape: Shape of the random mask, broadcast against the input; ``None`` entries take the input's size.
        seed: Int, or ``None`` for a random one.

    Source: Klambauer et al., 2017, Self-normalizing neural networks.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.AlphaDropout(0.5)(kk.ops.ones((3,))).tolist()
        [1.0, 1.0, 1.0]
    """

    supports_masking = True
    _keeps_shape = True

    def __init__(
        self, rate: float, noise_shape: SizeList | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if checked_rate(self, rate) == 1:
            raise ValueError(f"{self.who()}: rate must be less than 1.")
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed) if rate > 0 else None

    def call(self, inputs: Tensor, training: bool | None = False) -> jax.Array:
        if not training or self.rate == 0:
            return inputs
        x = jnp.asarray(inputs)
        shape = x.shape
        if self.noise_shape is not None:
            shape = tuple(n if s is None else s for s, n in zip(self.noise_shape, x.shape, strict=True))
        keep = random.drawn_once(random.uniform(shape, seed=self.seed_generator) >= self.rate)
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        shift = -scale * self.rate * _SELU_FLOOR
        return scale * jnp.where(keep, x, jnp.asarray(_SELU_FLOOR, x.dtype)) + shift
