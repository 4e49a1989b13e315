"""Random arrays under Keras 2's names."""

from __future__ import annotations

import jax

from kernelkit import config, ops, random
from kernelkit.backend.state import variable
from kernelkit.typing import DType, ShapeLike, SizeList, Tensor
from kernelkit.variable import Variable


def dropout(x: Tensor, level: float, noise_shape: SizeList | None = None, seed: int | None = None) -> Tensor:
    """Return values with a random share set to zero and the others scaled up; see :func:`kernelkit.random.dropout`.

    Example:
        >>> from kernelkit import backend as K
        >>> sorted(set(K.dropout(K.ones(1000), 0.5, seed=0).tolist()))
        [0.0, 2.0]
    """
    return random.dropout(x, level, noise_shape, seed=seed)


def random_normal(
    shape: ShapeLike, mean: float = 0.0, stddev: float = 1.0, dtype: DType = None, seed: int | None = None
) -> jax.Array:
    """Return normally distributed values.

    Example:
        >>> from kernelkit import backend as K
        >>> K.random_normal((2, 3), seed=0).shape
        (2, 3)
    """
    return random.normal(shape, mean, stddev, dtype=dtype, seed=seed)


def random_uniform(
    shape: ShapeLike, minval: float = 0.0, maxval: float = 1.0, dtype: DType = None, seed: int | None = None
) -> jax.Array:
    """Return uniformly distributed values.

    Example:
        >>> from kernelkit import backend as K
        >>> K.random_uniform((2, 3), seed=0).shape
        (2, 3)
    """
    return random.uniform(shape, minval, maxval, dtype=dtype, seed=seed)


def random_bernoulli(shape: ShapeLike, p: float = 0.0, dtype: DType = None, seed: int | None = None) -> jax.Array:
    """Return ones with probability ``p``, zeros otherwise.

    Example:
        >>> from kernelkit import backend as K
        >>> K.random_bernoulli((2, 3), p=0.5, seed=0).shape
        (2, 3)
    """
    return ops.cast(ops.less(random.uniform(shape, seed=seed), p), dtype or config.floatx())


def truncated_normal(
    shape: ShapeLike, mean: float = 0.0, stddev: float = 1.0, dtype: DType = None, seed: int | None = None
) -> jax.Array:
    """Return normally distributed values, none of them further than two standard deviations from the mean.

    Example:
        >>> from kernelkit import backend as K
        >>> K.truncated_normal((2, 3), seed=0).shape
        (2, 3)
    """
    return random.truncated_normal(shape, mean, stddev, dtype=dtype, seed=seed)


def random_normal_variable(
    shape: ShapeLike, mean: float, scale: float, dtype: DType = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """Return a variable with normally distributed values.

    Example:
        >>> from kernelkit import backend as K
        >>> K.random_normal_variable((2, 3), mean=0.0, scale=1.0, seed=0).shape
        (2, 3)
    """
    return variable(random_normal(shape, mean, scale, dtype, seed), dtype, name)


def random_uniform_variable(
    shape: ShapeLike, low: float, high: float, dtype: DType = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """Return a variable with uniformly distributed values.

    Example:
        >>> from kernelkit import backend as K
        >>> K.random_uniform_variable((2, 3), low=0.0, high=1.0, seed=0).shape
        (2, 3)
    """
    return variable(random_uniform(shape, low, high, dtype, seed), dtype, name)
