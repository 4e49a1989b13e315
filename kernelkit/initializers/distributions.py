"""Initializers that draw from a fixed distribution."""

from __future__ import annotations

import jax
import numpy as np

from kernelkit import random, serialize
from kernelkit.initializers import draws
from kernelkit.initializers.initializer import Initializer
from kernelkit.typing import DType, KnownShape, Seed


class RandomInitializer(Initializer):
    """The base of random initializers, with a seed.

    Args:
        seed: An int gives the same values at each call; a :class:`~kernelkit.random.SeedGenerator` gives new values at
            each call. With ``None`` a random int is drawn now, so that initializers without a seed differ.

    Example:
        >>> import kernelkit as kk
        >>> initializer = kk.initializers.RandomNormal(seed=1)
        >>> isinstance(initializer, kk.initializers.RandomInitializer)
        True
        >>> bool((initializer((2, 2)) == initializer((2, 2))).all())  # an int as seed: the same values
        True
    """

    def __init__(self, seed: Seed = None) -> None:
        self._given_seed = seed
        if seed is None:
            seed = random.make_default_seed()
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer, random.SeedGenerator)):
            raise ValueError(
                f"The seed of {type(self).__name__} must be None, an int or a kernelkit.random.SeedGenerator, "
                f"got {seed!r}."
            )
        self.seed = seed

    @serialize.derives
    def get_config(self) -> dict:
        # The seed argument itself: an initializer made from a config without a seed draws a new seed.
        return {**super().get_config(), "seed": serialize.serialize_value(self._given_seed)}


class RandomUniform(RandomInitializer):
    """Uniform draws.

    Args:
        minval: Lower bound, included.
        maxval: Upper bound, excluded.
        seed: Int, :class:`~kernelkit.random.SeedGenerator` or ``None``.

    Example:
        >>> from kernelkit import initializers
        >>> values = initializers.RandomUniform(2.0, 3.0, seed=0)((4, 5))
        >>> bool(((values >= 2) & (values < 3)).all())
        True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        return draws.uniform(shape, self.minval, self.maxval, dtype, self.seed)


class RandomNormal(RandomInitializer):
    """Normal draws.

    Args:
        mean: Mean.
        stddev: Standard deviation.
        seed: Int, :class:`~kernelkit.random.SeedGenerator` or ``None``.

    Example:
        >>> from kernelkit import initializers
        >>> initializers.RandomNormal(stddev=1.0, seed=0)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        return draws.normal(shape, self.mean, self.stddev, dtype, self.seed)


class TruncatedNormal(RandomInitializer):
    """Normal draws; values beyond two standard deviations are drawn again.

    Args:
        mean: Mean.
        stddev: Standard deviation before the truncation.
        seed: Int, :class:`~kernelkit.random.SeedGenerator` or ``None``.

    Example:
        >>> from kernelkit import initializers
        >>> bool((abs(initializers.TruncatedNormal(stddev=1.0, seed=0)((100,))) <= 2).all())
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        return draws.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)
