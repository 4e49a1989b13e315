"""Random draws on the host, so that no program is compiled for each new shape of weights.

The numbers are those of ``jax.random`` for the same seed, but for their last bit: its words, which
:func:`kernelkit.threefry.words` computes, become floats in NumPy. So weights begin with Keras's numbers.

Source of the inverse error function: Giles, 2010, Approximating the erfinv function.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes, random
from kernelkit.known_sizes import as_shape
from kernelkit.threefry import words
from kernelkit.typing import DType, KnownShape, Seed

# A normal distribution cut off at two standard deviations has this standard deviation.
TRUNCATED_STDDEV = 0.87962566103423978

# Bits of the fraction of a float, and the width of the random words that it is made of.
_WIDTHS = {"float32": (23, 32), "bfloat16": (7, 8), "float16": (10, 16)}

# Coefficients of the inverse error function, from the highest power down: in the middle, and near -1 and 1.
_MIDDLE = (
    *(2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087),
    *(-0.00125372503, -0.00417768164, 0.246640727, 1.50140941),
)
_TAILS = (
    *(-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773),
    *(-0.0076224613, 0.00943887047, 1.00167406, 2.83297682),
)


def uniform(shape: KnownShape, low: float, high: float, dtype: DType, seed: Seed) -> jax.Array:
    """Draw uniformly from [low, high).

    Args:
        shape: Tuple of ints.
        low: Lower bound, included.
        high: Upper bound, excluded.
        dtype: Float dtype of the result.
        seed: Int or :class:`~kernelkit.random.SeedGenerator`.
    """
    name, pair = _prepare(dtype, seed)
    if not isinstance(pair, tuple):
        return random.uniform(shape, low, high, name, seed=pair)
    return jnp.asarray(_floats(shape, low, high, name, pair), name)


def normal(shape: KnownShape, mean: float, stddev: float, dtype: DType, seed: Seed) -> jax.Array:
    """Draw from a normal distribution. Arguments as :func:`uniform`."""
    name, pair = _prepare(dtype, seed)
    if not isinstance(pair, tuple):
        return random.normal(shape, mean, stddev, name, seed=pair)
    sample = _standard(_floats(shape, -1 + 0.5 ** (_WIDTHS[name][0] + 1), 1.0, name, pair))
    return jnp.asarray(_moved(sample, mean, stddev), name)


def truncated_normal(shape: KnownShape, mean: float, stddev: float, dtype: DType, seed: Seed) -> jax.Array:
    """Draw from a normal distribution cut off at two standard deviations. Arguments as :func:`uniform`."""
    name, pair = _prepare(dtype, seed)
    if not isinstance(pair, tuple):
        return random.truncated_normal(shape, mean, stddev, name, seed=pair)
    bound = math.erf(math.sqrt(2))
    sample = _standard(_floats(shape, -bound, bound, name, pair))
    two = sample.dtype.type(2)
    return jnp.asarray(_moved(np.clip(sample, -two, two), mean, stddev), name)


def _prepare(dtype: DType, seed: Seed) -> tuple[str, Any]:
    """Return the dtype's name and the pair of a seed; a traced pair, and a pair for float64, as an array of jax."""
    name = dtypes.standardize_dtype(dtype)
    if not dtypes.is_float(name):
        raise ValueError(f"A random initializer makes floats, but was asked for the dtype {name!r}.")
    pair: Any = random.draw_seed(seed) if isinstance(seed, random.SeedGenerator) else (_number(seed) % 2**32, 0)
    if isinstance(pair, jax.core.Tracer) or name not in _WIDTHS:
        return name, jnp.asarray(pair, "uint32")
    return name, tuple(int(number) for number in np.asarray(pair))


def _number(seed: Any) -> int:
    return int(seed)


def _floats(shape: KnownShape, low: Any, high: Any, name: str, pair: tuple[int, int]) -> np.ndarray:
    """Return numbers from [low, high). Each operation rounds to the dtype, as jax's do."""
    fraction, width = _WIDTHS[name]
    sizes, dtype = as_shape(shape), jnp.dtype(name)
    bits = words(pair, math.prod(sizes))
    if width < 32:
        bits &= np.uint32(2**width - 1)
    bits >>= np.uint32(width - fraction)
    bits <<= np.uint32(23 - fraction)
    bits |= np.uint32(0x3F800000)  # floats from 1 to 2
    sample = bits.view(np.float32).reshape(sizes)
    sample -= np.float32(1)
    sample = sample.astype(dtype, copy=False)
    low, high = dtype.type(low), dtype.type(high)
    sample *= high - low
    sample += low
    return np.maximum(sample, low, out=sample)


def _standard(uniforms: np.ndarray) -> np.ndarray:
    """Return normal numbers for uniform ones in (-1, 1): the square root of 2 times the inverse error function."""
    u = uniforms.astype(np.float32, copy=False)
    with np.errstate(divide="ignore"):
        w = -np.log((1 - u) * (1 + u))
    result = _polynomial(_MIDDLE, w - np.float32(2.5))
    far = w >= 5
    result[far] = _polynomial(_TAILS, np.sqrt(w[far]) - np.float32(3))
    result *= u
    result = result.astype(uniforms.dtype, copy=False)
    result *= uniforms.dtype.type(math.sqrt(2))
    return result


def _polynomial(coefficients: tuple, x: np.ndarray) -> np.ndarray:
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result *= x
        result += np.float32(coefficient)
    return result


def _moved(sample: np.ndarray, mean: Any, stddev: Any) -> np.ndarray:
    if not isinstance(mean, (int, float)) or not isinstance(stddev, (int, float)):
        return sample * stddev + mean
    sample *= sample.dtype.type(stddev)
    sample += sample.dtype.type(mean)
    return sample
