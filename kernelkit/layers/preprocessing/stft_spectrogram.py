"""`STFTSpectrogram`: sounds turned into images of frequency over time, with trainable kernels."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernelkit import config, dtypes, initializers
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.preprocessing.data_layer import DataLayer
from kernelkit.typing import Shapes, Tensor, Tree

__all__ = ["STFTSpectrogram"]

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


class STFTSpectrogram(DataLayer):
    """Turn signals into spectrograms: the short-time Fourier transform, as a convolution with trainable kernels.

    Args:
        mode: ``"log"`` (of the magnitude), ``"magnitude"``, ``"psd"`` (power spectral density), ``"real"``, ``"imag"``,
            ``"angle"``, or ``"stft"`` (real parts followed by imaginary parts).
        frame_length: Samples in a frame.
        frame_step: Samples between the starts of two frames; half a frame by default.
        fft_length: Length of the transform; the next power of two by default.
        window: Name of a window of :mod:`scipy.signal.windows`, an array (frame_length,), or ``None``.
        periodic: Whether the window is periodic rather than symmetric.
        scaling: ``"density"`` divides the window by its L2 norm, ``"spectrum"`` by its sum, ``None`` by nothing.
        padding: ``"valid"`` or ``"same"``.
        expand_dims: Whether frequencies have an axis of their own, as in images.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        **kwargs: ``name``, ``dtype``, ``trainable``.

    Input shape: (batch, time, channels), or (batch, channels, time) if ``channels_first``.

    Output shape: (batch, frames, channels * bins); with ``expand_dims`` (batch, frames, bins, channels). If
    ``channels_first``, (batch, channels * bins, frames) and (batch, channels, frames, bins).

    Raises:
        ValueError: If an argument is invalid.

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.STFTSpectrogram(frame_length=16)(kk.ops.ones((2, 100, 1))).shape
        (2, 11, 9)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Tensor = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._check(frame_length, frame_step, fft_length, window)
        for name, value, allowed in (
            ("mode", mode, _MODES),
            ("scaling", scaling, ("density", "spectrum", None)),
            ("padding", padding, ("valid", "same")),
        ):
            if value not in allowed:
                raise ValueError(f"{self.who()}: {name} must be one of {allowed}, got {value!r}.")
        self.mode = mode
        self.frame_length = frame_length
        self.frame_step = frame_step
        self._step = frame_step or frame_length // 2
        self.fft_length = fft_length
        self._bins = (fft_length or 2 ** math.ceil(math.log2(frame_length))) // 2 + 1
        self.window = np.asarray(window).tolist() if hasattr(window, "tolist") else window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=3)
        for side in self._sides():
            initializers.STFT(side, self.window, scaling, periodic)  # raises now if the window is invalid

    def _check(self, frame_length: int, frame_step: int | None, fft_length: int | None, window: Tensor) -> None:
        who = self.who()
        if frame_length <= 0:
            raise ValueError(f"{who}: frame_length must be positive, got {frame_length}.")
        if frame_step is not None and not 0 < frame_step <= frame_length:
            raise ValueError(f"{who}: frame_step must be from 1 to frame_length={frame_length}, got {frame_step}.")
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(f"{who}: fft_length must be at least frame_length={frame_length}, got {fft_length}.")
        if window is not None and not isinstance(window, str) and np.shape(window) != (frame_length,):
            raise ValueError(f"{who}: the window must have the shape ({frame_length},), got {np.shape(window)}.")

    def _sides(self) -> tuple[str, ...]:
        return (self.mode,) if self.mode in ("real", "imag") else ("real", "imag")

    def build(self, input_shape: Shapes) -> None:
        shape = (self.frame_length, 1, self._bins)
        window = None if self.window is None or isinstance(self.window, str) else np.asarray(self.window, "float32")
        window = self.window if window is None else window
        for side in self._sides():
            initializer = initializers.STFT(side, window, self.scaling, self.periodic)
            setattr(self, f"{side}_kernel", self.add_weight(shape, initializer, name=f"{side}_kernel"))

    def call(self, inputs: Tree) -> jax.Array:
        inputs = jnp.asarray(inputs)
        if not dtypes.is_float(inputs.dtype.name):
            raise TypeError(f"{self.who()} takes floats, got an array of {inputs.dtype}.")
        if self.data_format == "channels_last":
            inputs = jnp.swapaxes(inputs, 1, 2)
        batch, channels, time = inputs.shape
        signals = inputs.reshape(batch * channels, 1, time)
        parts = [self._convolve(signals, getattr(self, f"{side}_kernel").value) for side in self._sides()]
        values = self._in_mode(*parts)
        return self._arrange(values.reshape(batch, channels, *values.shape[1:]))

    def _convolve(self, signals: jax.Array, kernel: jax.Array) -> jax.Array:
        """Return (signals, frames, bins) for signals (signals, 1, time)."""
        return lax.conv_general_dilated(
            signals,
            kernel.astype(signals.dtype),
            (self._step,),
            self.padding.upper(),
            dimension_numbers=("NCH", "HIO", "NHC"),
        )

    def _in_mode(self, real: jax.Array, imaginary: Any = None) -> jax.Array:
        if self.mode in ("real", "imag"):
            return real
        if self.mode == "stft":
            return jnp.concatenate([real, imaginary], axis=-1)
        if self.mode == "angle":
            return jnp.arctan2(imaginary, real)
        powers = real**2 + imaginary**2
        if self.mode == "psd":
            # All frequencies except the first and the last also represent a negative frequency.
            return powers * jnp.full(self._bins, 2, powers.dtype).at[jnp.array([0, -1])].set(1)
        magnitude = jnp.sqrt(jnp.maximum(powers, config.epsilon()))
        return jnp.log(magnitude) if self.mode == "log" else magnitude

    def _arrange(self, values: jax.Array) -> jax.Array:
        """Transpose (batch, channels, frames, bins) to the layout of the output."""
        if self.expand_dims:
            return values if self.data_format == "channels_first" else jnp.moveaxis(values, 1, 3)
        batch, channels, frames, bins = values.shape
        flat = jnp.swapaxes(values, 2, 3).reshape(batch, channels * bins, frames)
        return flat if self.data_format == "channels_first" else jnp.swapaxes(flat, 1, 2)
