"""Hash bins of integers in compiled programs: the hash of the decimal text, without making the text.

TensorFlow hashes an integer as its decimal text. Here the characters are computed by arithmetic on 64-bit words, which
jax can trace.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.preprocessing.hashes import K0, K1, K2
from kernelkit.typing import Tensor

_ROOM = 32  # a number has at most 20 characters; words are read a little beyond the end


def decimal_bins(values: jax.Array, bins: int, key: tuple[int, int] | None = None) -> jax.Array:
    """Return the hash bin of each number's decimal text.

    Args:
        values: Integers of any shape.
        bins: Number of bins.
        key: Two numbers for SipHash; ``None`` for FarmHash's fingerprint.

    Returns:
        Integers (int32) of the same shape in ``[0, bins)``.

    Example:
        >>> decimal_bins(jnp.array([0, -1, 10]), 1000)
        Array([735, 430, 862], dtype=int32)
    """
    longest = 11 if values.dtype.itemsize <= 4 else 20
    with jax.enable_x64(True):
        chars, size = _characters(values.astype(jnp.int64))
        hashes = _fingerprint(chars, size, longest) if key is None else _siphash(chars, size, key, longest)
        return (hashes % jnp.uint64(bins)).astype(jnp.int32)


def _characters(values: Tensor) -> tuple[Any, Any]:
    """Return the texts as character codes (..., 32), padded with zeros, and their lengths (...,)."""
    negative = (values < 0)[..., None]
    words = values.astype(jnp.uint64)[..., None]
    words = jnp.where(negative, ~words + jnp.uint64(1), words)
    powers = jnp.asarray([10**i for i in range(20)], dtype=jnp.uint64)
    digits = words // powers % jnp.uint64(10) + jnp.uint64(48)
    count = 1 + (words >= powers[1:]).sum(-1, keepdims=True)
    place = jnp.arange(_ROOM)
    from_end = count - 1 - (place - negative)
    taken = jnp.take_along_axis(digits, jnp.clip(from_end, 0, 19), axis=-1)
    chars = jnp.where((from_end >= 0) & (from_end < count), taken, jnp.uint64(0))
    chars = jnp.where(negative & (place == 0), jnp.uint64(ord("-")), chars)
    return chars, (count + negative)[..., 0]


def _word(chars: Any, at: Any, size: int = 8) -> Any:
    """Return ``size`` characters from a position on as a little-endian number."""
    places = jnp.clip(jnp.broadcast_to(at, chars.shape[:-1])[..., None] + jnp.arange(size), 0, _ROOM - 1)
    shifts = (8 * jnp.arange(size)).astype(jnp.uint64)
    return (jnp.take_along_axis(chars, places, axis=-1) << shifts).sum(-1, dtype=jnp.uint64)


def _right(x: Tensor, by: int) -> Tensor:
    return x >> jnp.uint64(by) | x << jnp.uint64(64 - by)


def _shift_mix(x: Tensor) -> Tensor:
    return x ^ x >> jnp.uint64(47)


def _mix(u: Any, v: Tensor, multiplier: Any) -> Tensor:
    a = _shift_mix((u ^ v) * multiplier)
    return _shift_mix((v ^ a) * multiplier) * multiplier


def _fingerprint(chars: Any, size: Any, longest: int) -> Tensor:
    """Return `hashes.fingerprint64` of texts of up to ``longest`` characters."""
    k0, k1, k2 = (jnp.uint64(k) for k in (K0, K1, K2))
    length = size.astype(jnp.uint64)
    multiplier = k2 + jnp.uint64(2) * length

    first, middle, last = (_word(chars, at, 1) for at in (0, size // 2, size - 1))
    y, z = first + (middle << jnp.uint64(8)), length + (last << jnp.uint64(2))
    result = _shift_mix(y * k2 ^ z * k0) * k2

    halves = _mix(length + (_word(chars, 0, 4) << jnp.uint64(3)), _word(chars, size - 4, 4), multiplier)
    result = jnp.where(size >= 4, halves, result)

    begin, end = _word(chars, 0), _word(chars, size - 8)
    a, b = begin + k2, end
    c = _right(b, 37) * multiplier + a
    result = jnp.where(size >= 8, _mix(c, (_right(a, 25) + b) * multiplier, multiplier), result)
    if longest <= 16:
        return result
    a, b = begin * k1, _word(chars, 8)
    c, d = end * multiplier, _word(chars, size - 16) * k2
    u = _right(a + b, 43) + _right(c, 30) + d
    return jnp.where(size > 16, _mix(u, a + _right(b + k2, 18) + c, multiplier), result)


def _siphash(chars: Any, size: Any, key: tuple[int, int], longest: int) -> Tensor:
    """Return `hashes.siphash` of texts of up to ``longest`` characters."""
    a, b = (number & ((1 << 64) - 1) for number in key)
    starts = (a ^ 0x736F6D6570736575, b ^ 0x646F72616E646F6D, a ^ 0x6C7967656E657261, b ^ 0x7465646279746573)
    state = [jnp.full(size.shape, start, dtype=jnp.uint64) for start in starts]
    for i in range(longest // 8 + 1):
        word = _word(chars, 8 * i) | jnp.where(size // 8 == i, size.astype(jnp.uint64) << jnp.uint64(56), jnp.uint64(0))
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _rounds(2, v0, v1, v2, v3 ^ word)
        state = [jnp.where(i <= size // 8, new, old) for new, old in zip((v0 ^ word, v1, v2, v3), state, strict=True)]
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _rounds(4, v0, v1, v2 ^ jnp.uint64(0xFF), v3)
    return v0 ^ v1 ^ v2 ^ v3


def _rounds(count: int, v0: Any, v1: Any, v2: Any, v3: Any) -> tuple[Any, Any, Any, Any]:
    def left(x: Tensor, by: int) -> Tensor:
        return _right(x, 64 - by)

    for _ in range(count):
        v0, v2 = v0 + v1, v2 + v3
        v1, v3 = left(v1, 13) ^ v0, left(v3, 16) ^ v2
        v0 = left(v0, 32)
        v2, v0 = v2 + v1, v0 + v3
        v1, v3 = left(v1, 17) ^ v2, left(v3, 21) ^ v0
        v2 = left(v2, 32)
    return v0, v1, v2, v3
