"""Datasets from folders of sound files."""

from __future__ import annotations

import wave
from typing import Any

import numpy as np

from kernelkit.typing import PathLike, Tensor
from kernelkit.utils.directory import Options, read

LARGEST = 2**30
"""Largest size of a resampled sound, in bytes."""


def audio_dataset_from_directory(
    directory: PathLike | None,
    labels: Tensor = "inferred",
    label_mode: str | None = "int",
    class_names: list[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Return the sounds in a folder (``.wav``, PCM) as a dataset that reads them on demand.

    Args:
        directory: The folder; with inferred labels it has one folder for each class.
        labels: ``"inferred"``, ``None``, or a label for each file in the order of the names.
        label_mode: ``"int"``, ``"categorical"`` (one-hot), ``"binary"`` (two classes), or ``None``.
        class_names: Names of the folders, in the order of their labels; alphabetical by default.
        batch_size: Sounds in a batch; ``None`` for single sounds.
        sampling_rate: Samples in a second to resample to (by their Fourier transform); as in the files by default.
        output_sequence_length: Samples to cut or pad to with zeros; the longest of each batch by default.
        ragged: Must be false: kernelkit has no ragged arrays.
        shuffle: Whether each pass has its own order.
        seed: Seed of the order and of the split into subsets.
        validation_split: Share of the files kept for validation.
        subset: ``"training"``, ``"validation"`` or ``"both"``.
        follow_links: Whether to go into folders that are symbolic links.
        verbose: Whether to print the number of files.

    Returns:
        A :class:`~kernelkit.utils.dataset.Dataset` of float32 sounds (batch, samples, channels) from -1 to 1, with
        labels ``(sounds, labels)``; two of them for ``subset="both"``.

    Raises:
        ValueError: If no file is found, or the arguments do not fit.

    Example:
        >>> import os, tempfile, wave
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with wave.open(f"{folder}/a.wav", "wb") as file:
        ...         file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...         file.writeframes(np.array([0, 16384], "<i2").tobytes())
        ...     data = audio_dataset_from_directory(folder, labels=None, verbose=False)
        ...     next(iter(data)).ravel().tolist()
        [0.0, 0.5]
    """
    if ragged:
        raise ValueError("audio_dataset_from_directory(ragged=True) is not supported: sounds are padded with zeros.")
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate <= 0):
        raise ValueError(f"`sampling_rate` should be an integer higher than 0. Received: sampling_rate={sampling_rate}")

    def load(path: str) -> np.ndarray:
        sound, rate = read_wav(path)
        if sampling_rate is not None and rate != sampling_rate:
            sound = resampled(sound, _count(path, sound, rate, sampling_rate))
        return sound if output_sequence_length is None else _fitted(sound, output_sequence_length)

    def join(sounds: list[np.ndarray]) -> np.ndarray:
        longest = max(len(sound) for sound in sounds)
        return np.stack([_fitted(sound, longest) for sound in sounds])

    options = Options(
        directory,
        labels,
        label_mode,
        class_names,
        batch_size,
        shuffle,
        seed,
        validation_split,
        subset,
        follow_links,
        verbose,
        kind="audio files",
    )
    return read(options, (".wav",), load, join)


def _count(path: str, sound: np.ndarray, rate: int, wanted: int) -> int:
    """Return the number of samples of a sound at another rate."""
    count = max(1, round(len(sound) * wanted / rate))
    if count * sound.shape[1] * 4 > LARGEST:
        raise ValueError(
            f"{path} has a sampling rate of {rate}: at {wanted} samples in a second its {len(sound)} samples would be "
            f"{count}, which take more than {LARGEST >> 20} MB."
        )
    return count


def read_wav(path: str) -> tuple[np.ndarray, int]:
    """Return a sound as float32 (samples, channels) from -1 to 1, and its samples in a second.

    Raises:
        ValueError: If the file is not a PCM sound.
    """
    try:
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is not a .wav file of PCM samples: {error}") from error
    if rate < 1:
        raise ValueError(f"{path} has a sampling rate of {rate}; it must be at least 1.")
    data = data[: len(data) // (width * channels) * width * channels]
    if width == 1:
        values = (np.frombuffer(data, "uint8").astype("float32") - 128) / 128
    else:
        raw = np.frombuffer(data, "uint8").reshape(-1, width)
        padded = np.zeros((len(raw), 4), "uint8")
        padded[:, 4 - width :] = raw  # the low bytes are zero, so that the sign is where 32-bit numbers have it
        values = (padded.view("<i4")[:, 0] / 2.0**31).astype("float32")
    return values.reshape(-1, channels), rate


def resampled(sound: np.ndarray, count: int) -> np.ndarray:
    """Return a sound with another number of samples; frequencies too high for it are removed."""
    if not len(sound):
        return sound
    spectrum = np.fft.rfft(sound, axis=0)
    kept = min(len(spectrum), count // 2 + 1)
    return (np.fft.irfft(spectrum[:kept], count, axis=0) * (count / len(sound))).astype("float32")


def _fitted(sound: np.ndarray, length: int) -> np.ndarray:
    return np.pad(sound[:length], ((0, max(0, length - len(sound))), (0, 0)))
