"""Fourier transforms. Complex arrays are pairs of real and imaginary parts, as in Keras."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.dispatch import op
from kernelkit.ops.rows import as_array, as_float
from kernelkit.typing import Sizes, Tensor

Pair = tuple[jax.Array, jax.Array]


def _complex(name: str, x: Tensor, rank: int = 1) -> jax.Array:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        given = f"{type(x).__name__} of {len(x)}" if isinstance(x, (tuple, list)) else type(x).__name__
        raise ValueError(
            f"{name}(): Input `x` should be a tuple of two tensors, the real and the imaginary part; got {given}."
        )
    real, imaginary = as_float(x[0]), as_float(x[1])
    if real.shape != imaginary.shape:
        raise ValueError(
            f"{name}(): Both the real and imaginary parts should have the same shape, got {real.shape} and "
            f"{imaginary.shape}."
        )
    _check_rank(name, real, rank)
    return jax.lax.complex(_wide(real), _wide(imaginary))


def _check_rank(name: str, x: jax.Array, rank: int) -> None:
    if x.ndim < rank:
        raise ValueError(f"{name}(): Input should have rank >= {rank}. Received: an array of shape {x.shape}.")


def _check_stride(name: str, stride: Sizes) -> None:
    if isinstance(stride, bool) or not isinstance(stride, (int, np.integer)) or stride < 1:
        raise ValueError(f"{name}(): `sequence_stride` must be a positive integer, got {stride!r}.")


def _wide(x: jax.Array) -> jax.Array:
    return x if jnp.finfo(x.dtype).bits >= 32 else x.astype("float32")


def _pair(x: jax.Array) -> Pair:
    return jnp.real(x), jnp.imag(x)


@op
def fft(x: Tensor) -> Pair:
    """Return the Fourier transform along the last axis.

    Args:
        x: Real and imaginary parts, floats (..., n) each.

    Returns:
        Real and imaginary parts.

    Example:
        >>> from kernelkit import ops
        >>> real, imaginary = ops.fft(([0.0, 1.0, 0.0, -1.0], [0.0, 0.0, 0.0, 0.0]))
        >>> print(imaginary)
        [ 0. -2.  0.  2.]
    """
    return _pair(jnp.fft.fft(_complex("fft", x)))


@op
def fft2(x: Tensor) -> Pair:
    """Return the Fourier transform along the last two axes.

    Args:
        x: Real and imaginary parts, floats (..., m, n) each.

    Returns:
        Real and imaginary parts.

    Example:
        >>> from kernelkit import ops
        >>> real, imaginary = ops.fft2((ops.ones((2, 2)), ops.zeros((2, 2))))
        >>> print(real)
        [[4. 0.]
         [0. 0.]]
    """
    return _pair(jnp.fft.fft2(_complex("fft2", x, rank=2)))


@op
def ifft2(x: Tensor) -> Pair:
    """Return the inverse Fourier transform along the last two axes.

    Args:
        x: Real and imaginary parts, floats (..., m, n) each.

    Returns:
        Real and imaginary parts.

    Example:
        >>> from kernelkit import ops
        >>> real, imaginary = ops.ifft2((ops.ones((2, 2)), ops.zeros((2, 2))))
        >>> print(real)
        [[1. 0.]
         [0. 0.]]
    """
    return _pair(jnp.fft.ifft2(_complex("ifft2", x, rank=2)))


@op
def rfft(x: Tensor, fft_length: int | None = None) -> Pair:
    """Return the non-negative frequencies of the Fourier transform of real numbers along the last axis.

    Args:
        x: Floats (..., n).
        fft_length: Length to which ``x`` is cut or padded with zeros, n by default.

    Returns:
        Real and imaginary parts (..., fft_length // 2 + 1).

    Example:
        >>> from kernelkit import ops
        >>> real, imaginary = ops.rfft([0.0, 1.0, 0.0, -1.0])
        >>> print(imaginary)
        [ 0. -2.  0.]
    """
    x = _wide(as_float(x))
    _check_rank("rfft", x, 1)
    return _pair(jnp.fft.rfft(x, n=fft_length))


@op
def irfft(x: Tensor, fft_length: int | None = None) -> jax.Array:
    """Invert :func:`rfft`.

    Args:
        x: Real and imaginary parts, floats (..., m) each.
        fft_length: Length of the result, 2 (m - 1) by default.

    Returns:
        Floats (..., fft_length).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.irfft(ops.rfft([1.0, 2.0, 3.0, 4.0])))
        [1. 2. 3. 4.]
    """
    return jnp.fft.irfft(_complex("irfft", x), n=fft_length)


def _frames(x: jax.Array, length: int, stride: int) -> jax.Array:
    count = max(0, 1 + (x.shape[-1] - length) // stride)
    return x[..., np.arange(count)[:, None] * stride + np.arange(length)]


@op
def extract_sequences(x: Tensor, sequence_length: int, sequence_stride: int) -> jax.Array:
    """Cut the last axis into sequences that may overlap.

    Args:
        x: Array-like (..., n).
        sequence_length: Length of each sequence.
        sequence_stride: Distance between the starts of two sequences.

    Returns:
        Array (..., sequences, sequence_length).

    Example:
        >>> from kernelkit import ops
        >>> print(ops.extract_sequences([1, 2, 3, 4, 5], 3, 2))
        [[1 2 3]
         [3 4 5]]
    """
    x = as_array(x)
    _check_rank("extract_sequences", x, 1)
    _check_stride("extract_sequences", sequence_stride)
    return _frames(x, sequence_length, sequence_stride)


def _window(window: Tensor, length: int, fft_length: int) -> jax.Array:
    """Return the window, centered in ``fft_length`` points."""
    if fft_length < length:
        raise ValueError(
            f"`fft_length` must equal or exceed `sequence_length`, got {fft_length} and {length}: the transform would "
            "cut the pieces."
        )
    if window is None:
        values: Tensor = np.ones(length)
    elif isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                f"If a string is passed to `window`, it must be 'hann' or 'hamming', got {window!r}. Other windows can "
                "be passed as arrays."
            )
        # Periodic windows, which overlap to a constant.
        bias = 0.5 if window == "hann" else 0.54
        values = bias - (1 - bias) * np.cos(2 * np.pi * np.arange(length) / length)
    else:
        values = as_array(window)
        if values.shape != (length,):
            raise ValueError(
                f"The shape of `window` must be equal to (sequence_length,) = ({length},), got {values.shape}."
            )
    before = (fft_length - length) // 2
    return jnp.pad(jnp.asarray(values, "float32"), (before, fft_length - length - before))


@op
def stft(
    x: Tensor, sequence_length: int, sequence_stride: int, fft_length: int, window: Tensor = "hann", center: bool = True
) -> Pair:
    """Return the short-time Fourier transform: the spectrum of each of many overlapping pieces.

    Args:
        x: Floats (..., n).
        sequence_length: Length of a piece.
        sequence_stride: Distance of the starts of two pieces.
        fft_length: Length of the transforms, at least ``sequence_length``.
        window: Factors of each piece: ``"hann"``, ``"hamming"``, an array (sequence_length,) or ``None``.
        center: Whether ``x`` is mirrored at its ends, so that the pieces are centered at 0, stride, 2 stride...

    Returns:
        Real and imaginary parts (..., pieces, fft_length // 2 + 1).

    Source: Allen and Rabiner, 1977, A unified approach to short-time Fourier analysis and synthesis.

    Example:
        >>> from kernelkit import ops
        >>> real, imaginary = ops.stft(ops.ones((16,)), 8, 4, 8)
        >>> real.shape
        (5, 5)
    """
    x = _wide(as_float(x))
    _check_rank("stft", x, 1)
    _check_stride("stft", sequence_stride)
    values = _window(window, sequence_length, fft_length).astype(x.dtype)
    if center:
        x = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect")
    return _pair(jnp.fft.rfft(_frames(x, fft_length, sequence_stride) * values, n=fft_length))


@op
def istft(
    x: Tensor,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Tensor = "hann",
    center: bool = True,
) -> jax.Array:
    """Invert :func:`stft`: transform the pieces back and add them up where they overlap.

    Args:
        x: Real and imaginary parts (..., pieces, fft_length // 2 + 1).
        sequence_length: Length of a piece.
        sequence_stride: Distance of the starts of two pieces.
        fft_length: Length of the transforms.
        length: Length of the result; by default the length that the pieces cover.
        window: The window of the forward transform; with ``None`` the overlapping pieces are summed, not averaged.
        center: Whether the forward transform mirrored the ends.

    Returns:
        Floats (..., length).

    Example:
        >>> from kernelkit import ops
        >>> signal = ops.sin(ops.arange(16.0))
        >>> restored = ops.istft(ops.stft(signal, 8, 4, 8), 8, 4, 8)
        >>> print(ops.allclose(signal, restored, atol=1e-5))
        True
    """
    _check_stride("istft", sequence_stride)
    frames = jnp.fft.irfft(_complex("istft", x, rank=2), n=fft_length)
    values = _window(window, sequence_length, fft_length).astype(frames.dtype)
    count = frames.shape[-2]
    places = np.arange(count)[:, None] * sequence_stride + np.arange(fft_length)
    total = sequence_stride * (count - 1) + fft_length if count else 0
    signal = jnp.zeros((*frames.shape[:-2], total), frames.dtype).at[..., places].add(frames * values)
    if window is not None:
        weight = jnp.zeros(total, frames.dtype).at[places].add(jnp.square(values))
        signal = jnp.where(weight > 1e-10, signal / jnp.where(weight > 1e-10, weight, 1), 0)
    start = fft_length // 2 if center else 0
    end = total - start if length is None else start + length
    signal = signal[..., start:end]
    missing = 0 if length is None else length - signal.shape[-1]
    return jnp.pad(signal, [(0, 0)] * (signal.ndim - 1) + [(0, missing)])
