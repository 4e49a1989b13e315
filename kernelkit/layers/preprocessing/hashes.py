"""Hashes of byte strings that are the same on every machine, in every version.

Sources: FarmHash (github.com/google/farmhash), whose ``Fingerprint64`` is the 64-bit hash ``farmhashna::Hash64``;
SipHash-2-4 (Aumasson and Bernstein, 2012, SipHash: a fast short-input PRF).
"""

from __future__ import annotations

_WORD = (1 << 64) - 1
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def fingerprint64(data: bytes) -> int:
    """Return FarmHash's 64-bit fingerprint of a byte string.

    Example:
        >>> hex(fingerprint64(b"hello"))
        '0xb48be5a931380ce8'
    """
    size = len(data)
    if size <= 16:
        return _upto_16(data, size)
    if size <= 32:
        return _upto_32(data, size)
    return _upto_64(data, size) if size <= 64 else _longer(data, size)


def fingerprint_cat64(first: int, second: int) -> int:
    """Return one fingerprint combined from two; the order matters."""
    multiplier = 0xC6A4A7935BD1E995
    result = first ^ multiplier ^ (_shift_mix(second * multiplier & _WORD) * multiplier & _WORD)
    result = result * multiplier & _WORD
    return _shift_mix(_shift_mix(result) * multiplier & _WORD)


def siphash(data: bytes, key: tuple[int, int]) -> int:
    """Return SipHash-2-4 of a byte string.

    Args:
        data: The bytes.
        key: Two 64-bit numbers.

    Example:
        The test vector of the paper's appendix A:

        >>> hex(siphash(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))
        '0xa129ca6149be45e5'
    """
    a, b = (number & _WORD for number in key)
    state = (a ^ 0x736F6D6570736575, b ^ 0x646F72616E646F6D, a ^ 0x6C7967656E657261, b ^ 0x7465646279746573)
    end = len(data) // 8 * 8
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, end, 8)]
    words.append(int.from_bytes(data[end:], "little") | (len(data) & 0xFF) << 56)
    for word in words:
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _sip_round(*_sip_round(v0, v1, v2, v3 ^ word))
        state = (v0 ^ word, v1, v2, v3)
    v0, v1, v2, v3 = state
    state = (v0, v1, v2 ^ 0xFF, v3)
    for _ in range(4):
        state = _sip_round(*state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_round(v0: int, v1: int, v2: int, v3: int) -> tuple[int, int, int, int]:
    v0 = v0 + v1 & _WORD
    v2 = v2 + v3 & _WORD
    v1 = _left(v1, 13) ^ v0
    v3 = _left(v3, 16) ^ v2
    v0 = _left(v0, 32)
    v2 = v2 + v1 & _WORD
    v0 = v0 + v3 & _WORD
    v1 = _left(v1, 17) ^ v2
    v3 = _left(v3, 21) ^ v0
    return v0, v1, _left(v2, 32), v3


# FarmHash -------------------------------------------------------------------------------------------------------------


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _half(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")


def _left(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & _WORD


def _right(value: int, by: int) -> int:
    return (value >> by | value << (64 - by)) & _WORD


def _shift_mix(value: int) -> int:
    return value ^ value >> 47


def _mix(u: int, v: int, multiplier: int) -> int:
    a = _shift_mix((u ^ v) * multiplier & _WORD)
    b = _shift_mix((v ^ a) * multiplier & _WORD)
    return b * multiplier & _WORD


def _upto_16(data: bytes, size: int) -> int:
    if size >= 8:
        multiplier = K2 + 2 * size & _WORD
        a = _word(data, 0) + K2 & _WORD
        b = _word(data, size - 8)
        c = _right(b, 37) * multiplier + a & _WORD
        d = (_right(a, 25) + b) * multiplier & _WORD
        return _mix(c, d, multiplier)
    if size >= 4:
        multiplier = K2 + 2 * size & _WORD
        return _mix(size + (_half(data, 0) << 3), _half(data, size - 4), multiplier)
    if size > 0:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[size - 1] << 2)
        return _shift_mix((y * K2 ^ z * K0) & _WORD) * K2 & _WORD
    return K2


def _upto_32(data: bytes, size: int) -> int:
    multiplier = K2 + 2 * size & _WORD
    a = _word(data, 0) * K1 & _WORD
    b = _word(data, 8)
    c = _word(data, size - 8) * multiplier & _WORD
    d = _word(data, size - 16) * K2 & _WORD
    u = _right(a + b & _WORD, 43) + _right(c, 30) + d & _WORD
    return _mix(u, a + _right(b + K2 & _WORD, 18) + c & _WORD, multiplier)


def _upto_64(data: bytes, size: int) -> int:
    multiplier = K2 + 2 * size & _WORD
    a = _word(data, 0) * K2 & _WORD
    b = _word(data, 8)
    c = _word(data, size - 8) * multiplier & _WORD
    d = _word(data, size - 16) * K2 & _WORD
    y = _right(a + b & _WORD, 43) + _right(c, 30) + d & _WORD
    z = _mix(y, a + _right(b + K2 & _WORD, 18) + c & _WORD, multiplier)
    e = _word(data, 16) * multiplier & _WORD
    f = _word(data, 24)
    g = (y + _word(data, size - 32)) * multiplier & _WORD
    h = (z + _word(data, size - 24)) * multiplier & _WORD
    u = _right(e + f & _WORD, 43) + _right(g, 30) + h & _WORD
    return _mix(u, e + _right(f + a & _WORD, 18) + g & _WORD, multiplier)


def _longer(data: bytes, size: int) -> int:
    x, y = 81, 81 * K1 + 113 & _WORD
    z = _shift_mix(y * K2 + 113 & _WORD) * K2 & _WORD
    v, w = (0, 0), (0, 0)
    x = x * K2 + _word(data, 0) & _WORD
    end = (size - 1) // 64 * 64
    for at in range(0, end, 64):
        x, y, z, v, w = _block(data, at, x, y, z, v, w, K1, 1)
    multiplier = K1 + ((z & 0xFF) << 1) & _WORD
    w = (w[0] + (size - 1 & 63) & _WORD, w[1])
    v = (v[0] + w[0] & _WORD, v[1])
    w = (w[0] + v[0] & _WORD, w[1])
    x, y, z, v, w = _block(data, size - 64, x, y, z, v, w, multiplier, 9)
    first = _mix(v[0], w[0], multiplier) + _shift_mix(y) * K0 + z & _WORD
    return _mix(first, _mix(v[1], w[1], multiplier) + x & _WORD, multiplier)


def _block(
    data: bytes, at: int, x: int, y: int, z: int, v: tuple[int, int], w: tuple[int, int], multiplier: int, weight: int
) -> tuple[int, int, int, tuple[int, int], tuple[int, int]]:
    """Mix 64 bytes into the state ``(x, y, z, v, w)``."""
    x = _right(x + y + v[0] + _word(data, at + 8) & _WORD, 37) * multiplier & _WORD
    y = _right(y + v[1] + _word(data, at + 48) & _WORD, 42) * multiplier & _WORD
    x ^= w[1] * weight & _WORD
    y = y + v[0] * weight + _word(data, at + 40) & _WORD
    z = _right(z + w[0] & _WORD, 33) * multiplier & _WORD
    v = _weak(data, at, v[1] * multiplier & _WORD, x + w[0] & _WORD)
    w = _weak(data, at + 32, z + w[1] & _WORD, y + _word(data, at + 16) & _WORD)
    return z, y, x, v, w


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(data, at + i) for i in (0, 8, 16, 24))
    a = a + w & _WORD
    b = _right(b + a + z & _WORD, 21)
    c = a
    a = a + x + y & _WORD
    b = b + _right(a, 44) & _WORD
    return a + z & _WORD, b + c & _WORD
