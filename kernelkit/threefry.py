"""jax's random bits, computed in one kernel.

On the CPU, jax rolls the rounds of its generator, Threefry-2x32, into a loop: a draw takes several kernels, and each
round reads and writes all its words. Written out, the rounds are arithmetic of single elements, which XLA fuses into
one kernel. A dropout mask of 32x64x64 compiles in a quarter of the time and is drawn in less than half.

The bits are those of ``jax.random`` for the same key (with ``jax_threefry_partitionable``, jax's default).

Source: Salmon et al., 2011, Parallel random numbers: as easy as 1, 2, 3.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernelkit import devices
from kernelkit.typing import Tensor

__all__ = ["as_key", "words"]

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_CHUNK = 65536  # words that NumPy computes at a time: they stay in the processor's cache


def as_key(pair: Tensor) -> jax.Array:
    """Return the key of ``jax.random`` that a pair of uint32 numbers stands for.

    Args:
        pair: uint32, shape (2,).

    Example:
        >>> import jax, numpy as np
        >>> from kernelkit.threefry import as_key
        >>> pair = np.array([7, 0], "uint32")
        >>> jax_key = jax.random.wrap_key_data(pair, impl="threefry2x32")
        >>> bool((jax.random.bits(as_key(pair), (3,)) == jax.random.bits(jax_key, (3,))).all())
        True
    """
    return jax.random.wrap_key_data(pair, impl=_in_one_kernel() if devices.on_cpu() else "threefry2x32")


def _hashed(key: Tensor, first: Tensor, second: Tensor) -> tuple[Any, Any]:
    """Return two random words for each pair of counters: 20 rounds of Threefry-2x32."""
    # The operations of `lax` are traced and lowered in half the time of `+` and `^`, and a draw has 150 of them.
    words = (key[0], key[1], lax.bitwise_xor(lax.bitwise_xor(key[0], key[1]), _PARITY))
    x, y = lax.add(first, words[0]), lax.add(second, words[1])
    for group in range(5):
        for distance in _ROTATIONS[group % 2]:
            x = lax.add(x, y)
            left = lax.shift_left(y, np.uint32(distance))
            right = lax.shift_right_logical(y, np.uint32(32 - distance))
            y = lax.bitwise_xor(x, lax.bitwise_or(left, right))
        x = lax.add(x, words[(group + 1) % 3])
        y = lax.add(lax.add(y, words[(group + 2) % 3]), np.uint32(group + 1))
    return x, y


def words(pair: tuple[int, int], count: int) -> np.ndarray:
    """Return random words, computed by NumPy: ``jax.random.bits`` for the key of the same pair, without a program.

    Args:
        pair: Two numbers below 2**32.
        count: Number of words, less than 2**32.

    Returns:
        uint32, shape (count,).

    Example:
        >>> import jax, numpy as np
        >>> from kernelkit.threefry import words
        >>> jax_key = jax.random.wrap_key_data(np.array([7, 0], "uint32"), impl="threefry2x32")
        >>> bool((words((7, 0), 3) == jax.random.bits(jax_key, (3,))).all())
        True
    """
    key = np.array([*pair, pair[0] ^ pair[1] ^ int(_PARITY)], np.uint32)
    found = np.empty(count, np.uint32)
    x, y, turned = (np.empty(min(count, _CHUNK), np.uint32) for _ in range(3))
    for start in range(0, count, _CHUNK):
        place = found[start : start + _CHUNK]
        x, y, turned = x[: len(place)], y[: len(place)], turned[: len(place)]
        x.fill(key[0])
        np.add(np.arange(start, start + len(place), dtype=np.uint32), key[1], out=y)
        for group in range(5):
            for distance in _ROTATIONS[group % 2]:
                x += y
                np.right_shift(y, np.uint32(32 - distance), out=turned)
                y <<= np.uint32(distance)
                y |= turned
                y ^= x
            x += key[(group + 1) % 3]
            y += key[(group + 2) % 3]
            y += np.uint32(group + 1)
        np.bitwise_xor(x, y, out=place)
    return found


def _counted(key: Tensor, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return two random words for each place of an array of less than 2**32 elements."""
    counters = lax.iota(np.uint32, math.prod(shape)).reshape(shape)
    return _hashed(key, jnp.zeros_like(counters), counters)


def _bits(key: Tensor, bit_width: int, shape: tuple[int, ...]) -> Any:
    if math.prod(shape) >= 2**32:
        return jax.random.bits(jax.random.wrap_key_data(key, impl="threefry2x32"), shape, f"uint{bit_width}")
    x, y = _counted(key, shape)
    if bit_width == 64:
        return (x.astype("uint64") << np.uint64(32)) | y.astype("uint64")
    return (x ^ y).astype(f"uint{bit_width}")


def _split(key: Tensor, shape: tuple[int, ...]) -> Any:
    return jnp.stack(_counted(key, shape), axis=-1)


def _seed(seed: Tensor) -> Any:
    seed = jnp.asarray(seed)
    high = (seed >> 32).astype("uint32") if seed.dtype.itemsize == 8 else jnp.zeros((), "uint32")
    return jnp.stack([high, seed.astype("uint32")])


def _fold_in(key: Tensor, data: Tensor) -> Any:
    return jnp.stack(_hashed(key, *_seed(data)))


@functools.cache
def _in_one_kernel() -> Any:
    return _define_prng_impl()(
        key_shape=(2,),
        seed=_seed,
        split=_split,
        random_bits=_bits,
        fold_in=_fold_in,
        name="threefry_in_one_kernel",
        tag="fry1",
    )


def _define_prng_impl() -> Any:
    """Return ``jax.extend.random.define_prng_impl``.

    The package ``jax.extend`` imports Pallas, which takes 40 ms of a first training step. The module behind it is
    private, so the public one is used where it is missing.
    """
    try:
        from jax._src.extend.random import define_prng_impl
    except ImportError:
        from jax.extend.random import define_prng_impl
    return define_prng_impl
