"""Random draws on the host, so that no program is compiled for each new shape of weights.

The numbers come from NumPy's Philox generator, keyed by the seed: a seed gives the same numbers on every machine.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes, random
from kernelkit.known_sizes import as_shape
from kernelkit.typing import DType, KnownShape, Seed

# A normal distribution cut off at two standard deviations has this standard deviation.
TRUNCATED_STDDEV = 0.87962566103423978


def uniform(shape: KnownShape, low: float, high: float, dtype: DType, seed: Seed) -> jax.Array:
    """Draw uniformly from [low, high).

    Args:
        shape: Tuple of ints.
        low: Lower bound, included.
        high: Upper bound, excluded.
        dtype: Float dtype of the result.
        seed: Int or :class:`~kernelkit.random.SeedGenerator`.
    """
    name, source = _prepare(dtype, seed)
    if not isinstance(source, np.random.Generator):
        return random.uniform(shape, low, high, name, seed=source)
    sample = source.random(as_shape(shape), _host_dtype(name))
    return jnp.asarray(low + (high - low) * sample, name)


def normal(shape: KnownShape, mean: float, stddev: float, dtype: DType, seed: Seed) -> jax.Array:
    """Draw from a normal distribution. Arguments as :func:`uniform`."""
    name, source = _prepare(dtype, seed)
    if not isinstance(source, np.random.Generator):
        return random.normal(shape, mean, stddev, name, seed=source)
    return jnp.asarray(mean + stddev * source.standard_normal(as_shape(shape), _host_dtype(name)), name)


def truncated_normal(shape: KnownShape, mean: float, stddev: float, dtype: DType, seed: Seed) -> jax.Array:
    """Draw from a normal distribution cut off at two standard deviations. Arguments as :func:`uniform`."""
    name, source = _prepare(dtype, seed)
    if not isinstance(source, np.random.Generator):
        return random.truncated_normal(shape, mean, stddev, name, seed=source)
    sample = np.asarray(source.standard_normal(as_shape(shape), _host_dtype(name)))
    outside = np.abs(sample) > 2
    while outside.any():
        sample[outside] = source.standard_normal(int(outside.sum()), sample.dtype)
        outside = np.abs(sample) > 2
    return jnp.asarray(mean + stddev * sample, name)


def _prepare(dtype: DType, seed: Seed) -> tuple[str, Any]:
    name = dtypes.standardize_dtype(dtype)
    if not dtypes.is_float(name):
        raise ValueError(f"A random initializer makes floats, but was asked for the dtype {name!r}.")
    return name, _source(seed)


def _source(seed: Seed) -> np.random.Generator | jax.Array:
    """Return the generator for a seed; for a traced seed, return a key of jax."""
    if not isinstance(seed, random.SeedGenerator):
        return _philox(seed, 0)
    pair = seed.next()
    return pair if isinstance(pair, jax.core.Tracer) else _philox(*np.asarray(pair).tolist())


def _philox(seed: Any, counter: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([int(seed) % 2**64, counter], "uint64")))


def _host_dtype(name: str) -> Any:
    return np.float64 if name == "float64" else np.float32
