"""Datasets of windows over a time series."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from kernelkit.masked_arrays import unmasked
from kernelkit.typing import Tensor, Tree
from kernelkit.utils.dataset import Dataset
from kernelkit.utils.image_dataset import check_format


def timeseries_dataset_from_array(
    data: Tree,
    targets: Tensor,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str | None = None,
) -> Dataset:
    """Return sliding windows over a time series, as a dataset that makes them on demand.

    Args:
        data: Array (time, ...).
        targets: Array: ``targets[i]`` belongs to the window that begins at ``data[i]``; ``None`` for windows only.
        sequence_length: Steps in a window.
        sequence_stride: Steps from the start of a window to the start of the next one.
        sampling_rate: Steps from one entry of a window to the next.
        batch_size: Windows in a batch; ``None`` for single windows.
        shuffle: Whether each pass has its own order.
        seed: Seed of the order.
        start_index: First step that is used.
        end_index: Step before which the last window ends.
        format: ``None``, ``"tf"`` or ``"grain"``, all for a kernelkit dataset.

    Returns:
        A :class:`~kernelkit.utils.dataset.Dataset` of windows (batch, sequence_length, ...), or of
        ``(windows, targets)``.

    Raises:
        ValueError: If a number does not fit.

    Example:
        >>> windows = timeseries_dataset_from_array(np.arange(5), None, sequence_length=3)
        >>> next(iter(windows)).tolist()
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    """
    check_format(format)
    data = np.asarray(unmasked(data))
    targets = None if targets is None else np.asarray(unmasked(targets))
    begin, end = _range(len(data), start_index, end_index)
    for name, value in (("sequence_stride", sequence_stride), ("sampling_rate", sampling_rate)):
        if not 0 < value < len(data):
            bound = "higher than 0" if value <= 0 else "lower than the length of the data"
            raise ValueError(f"`{name}` must be {bound}. Received: {name}={value}")
    count = end - begin - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets) - begin)
    starts = np.arange(0, max(0, count), sequence_stride) + begin
    seed = np.random.randint(10**6) if seed is None else seed
    inside = np.arange(sequence_length) * sampling_rate
    passes = itertools.count()

    def make() -> Iterator:
        places = starts
        if shuffle:
            places = np.random.Generator(np.random.Philox(key=[seed, next(passes)])).permutation(starts)
        step = 1 if batch_size is None else batch_size
        for first in range(0, len(places), step):
            chosen = places[first] if batch_size is None else places[first : first + step, None]
            windows = data[chosen + inside]
            yield (
                windows
                if targets is None
                else (windows, targets[places[first] if batch_size is None else chosen[:, 0]])
            )

    length = len(starts) if batch_size is None else -(-len(starts) // batch_size)
    return Dataset(make, length, batch_size is not None)


def _range(length: int, start_index: int | None, end_index: int | None) -> tuple[int, int]:
    """Return the first step, and the step after the last one."""
    for name, value in (("start_index", start_index), ("end_index", end_index)):
        if value is not None and value < 0:
            raise ValueError(f"`{name}` must be 0 or greater. Received: {name}={value}")
    if start_index is not None and start_index >= length:
        raise ValueError(
            f"`start_index` must be lower than the length of the data. Received: start_index={start_index}, for data "
            f"of length {length}"
        )
    if end_index is not None and end_index > length:
        raise ValueError(
            f"`end_index` must be no higher than the length of the data. Received: end_index={end_index}, for data of "
            f"length {length}"
        )
    if start_index is not None and end_index is not None and end_index <= start_index:
        raise ValueError(
            f"`end_index` must be higher than `start_index`. Received: start_index={start_index}, end_index={end_index}"
        )
    return start_index or 0, length if end_index is None else end_index
