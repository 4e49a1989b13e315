"""The short-time Fourier transform as the kernel of a convolution."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtypes
from kernelkit.initializers.initializer import Initializer
from kernelkit.typing import DType, KnownShape, Tensor


class STFT(Initializer):
    """A convolution kernel that computes the real or the imaginary part of a short-time Fourier transform.

    Args:
        side: ``"real"`` or ``"imag"``.
        window: Name of a window of :mod:`scipy.signal.windows`, an array of the frame's length, or ``None``.
        scaling: ``"density"`` divides the window by its L2 norm, ``"spectrum"`` by its sum, ``None`` by nothing.
        periodic: Whether the window is periodic rather than symmetric.

    Example:
        >>> from kernelkit import initializers
        >>> initializers.STFT("real", window=None)((4, 1, 3))[:, 0, 1].round(1).tolist()
        [1.0, -0.0, -1.0, 0.0]
    """

    def __init__(
        self, side: str = "real", window: Tensor = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"The side of STFT must be 'real' or 'imag', got {side!r}.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f"The scaling of STFT must be 'density', 'spectrum' or None, got {scaling!r}.")
        if isinstance(window, str):
            _named_window(window, 1, periodic)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def __call__(self, shape: KnownShape, dtype: DType = None) -> jax.Array:
        """Return a kernel.

        Args:
            shape: (frame length, channels, bins); the transform's length is ``2 * (bins - 1)``.
            dtype: Float dtype of the result.
        """
        if len(shape) != 3:
            raise ValueError(f"The STFT initializer needs a shape (frame length, channels, bins), got {tuple(shape)}.")
        length, _, bins = shape
        angles = 2 * np.pi / (2 * (bins - 1)) * np.outer(np.arange(length), np.arange(bins))
        kernel = np.cos(angles) if self.side == "real" else -np.sin(angles)
        kernel = kernel * self._scaled_window(length)[:, None]
        return jnp.asarray(np.broadcast_to(kernel[:, None, :], tuple(shape)), dtypes.standardize_dtype(dtype))

    def _scaled_window(self, length: int) -> np.ndarray:
        if self.window is None:
            return np.ones(length)
        if isinstance(self.window, str):
            window = _named_window(self.window, length, self.periodic)
        else:
            window = np.asarray(self.window, "float64")
        if window.shape != (length,):
            raise ValueError(f"The window of STFT has shape {window.shape}, but the frame has {length} samples.")
        return window / self._norm(window)

    def _norm(self, window: np.ndarray) -> float:
        if self.scaling is None:
            return 1.0
        return float(np.sqrt(np.sum(window**2)) if self.scaling == "density" else np.abs(np.sum(window)))


def _named_window(name: str, length: int, periodic: bool) -> np.ndarray:
    from scipy import signal

    try:
        return signal.get_window(name, length, fftbins=periodic)
    except ValueError as error:
        raise ValueError(f"The window of STFT must be one of scipy.signal.windows, got {name!r}.") from error
