"""`MelSpectrogram`: sounds turned into images of pitch over time."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import config, dtypes, ops, serialize
from kernelkit.layers.preprocessing.data_layer import DataLayer
from kernelkit.typing import DType, Tensor, Tree

__all__ = ["MelSpectrogram"]


class MelSpectrogram(DataLayer):
    """Turn sounds into mel spectrograms: the loudness of each band of pitch over time.

    Args:
        fft_length: Samples in a Fourier transform.
        sequence_stride: Samples between two columns.
        sequence_length: Samples in a window; ``fft_length`` by default.
        window: ``"hann"``, ``"hamming"``, an array (sequence_length,), or ``None``.
        sampling_rate: Samples in a second.
        num_mel_bins: Number of bands.
        min_freq: Lowest frequency, in Hz.
        max_freq: Highest frequency, in Hz; half the sampling rate by default.
        power_to_db: Whether the result is in decibels.
        top_db: Decibels below the loudest value that are kept; ``None`` for all.
        mag_exp: 1 for magnitudes, 2 for powers.
        min_power: Lower bound of the power, before the logarithm.
        ref_power: Power of 0 decibels.
        **kwargs: ``name``, ``dtype``, ``trainable``.

    Input shape: (..., samples). Output shape: (..., num_mel_bins, columns).

    Raises:
        ValueError: If a window is longer than the transform.

    Source: O'Shaughnessy, 1987, Speech communication: human and machine (the mel scale, in the form of HTK).

    Example:
        >>> import kernelkit as kk
        >>> layer = kk.layers.MelSpectrogram(fft_length=256, sequence_stride=64, num_mel_bins=8)
        >>> layer(kk.ops.ones((2, 1600))).shape
        (2, 8, 26)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Tensor = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float | None = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = fft_length
        self.sequence_stride = sequence_stride
        self.sequence_length = sequence_length or fft_length
        self.window = window
        self.sampling_rate = sampling_rate
        self.num_mel_bins = num_mel_bins
        self.min_freq = min_freq
        self.max_freq = max_freq or int(sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power
        if self.sequence_length > fft_length:
            raise ValueError(
                f"{self.who()}: sequence_length={self.sequence_length} must not be greater than "
                f"fft_length={fft_length}."
            )

        size = 8 * (fft_length + 3 * num_mel_bins * (fft_length // 2 + 1))
        serialize.claim_memory(size, f"{self.who()}: fft_length={fft_length}, num_mel_bins={num_mel_bins}")

    def call(self, inputs: Tree) -> jax.Array:
        dtype = self.compute_dtype if dtypes.is_float(self.compute_dtype) else config.floatx()
        # Transforms and powers are computed in at least 32 bits: powers overflow 16-bit floats.
        real, imaginary = ops.stft(
            jnp.asarray(inputs, jnp.promote_types(dtype, "float32")),
            self.sequence_length,
            self.sequence_stride,
            self.fft_length,
            self.window,
        )
        powers = jnp.hypot(real, imaginary) ** self.mag_exp
        matrix = self.linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq
        )
        mel = jnp.swapaxes(powers @ matrix, -1, -2)
        return (self._decibels(mel) if self.power_to_db else mel).astype(dtype)

    def _decibels(self, powers: jax.Array) -> jax.Array:
        reference = 10 * np.log10(max(self.ref_power, self.min_power))
        decibels = 10 * jnp.log10(jnp.maximum(powers, self.min_power)) - reference
        return decibels if self.top_db is None else jnp.maximum(decibels, decibels.max() - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: int = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: DType = "float32",
    ) -> jax.Array:
        """Return the matrix that sums frequencies into triangular mel bands.

        Args:
            num_mel_bins: Number of bands.
            num_spectrogram_bins: Number of frequencies, from 0 to half the sampling rate.
            sampling_rate: Samples in a second.
            lower_edge_hertz: Start of the lowest band.
            upper_edge_hertz: End of the highest band.
            dtype: Dtype of the result.

        Returns:
            Floats (num_spectrogram_bins, num_mel_bins).
        """
        pitches = _mel(np.linspace(0.0, sampling_rate / 2, num_spectrogram_bins))[:, None]
        edges = np.linspace(_mel(lower_edge_hertz), _mel(upper_edge_hertz), num_mel_bins + 2)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        matrix = np.maximum(0.0, np.minimum((pitches - low) / (middle - low), (high - pitches) / (high - middle)))
        matrix[0] = 0.0  # frequency 0 has no pitch
        return jnp.asarray(matrix, dtype)

    @serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal layer."""
        window = self.window if self.window is None or isinstance(self.window, str) else np.asarray(self.window)
        return super().get_config() | {"window": window.tolist() if isinstance(window, np.ndarray) else window}


def _mel(hertz: Any) -> Tensor:
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)
