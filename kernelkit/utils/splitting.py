"""Splitting a dataset into two parts."""

from __future__ import annotations

import random
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.masked_arrays import unmasked
from kernelkit.utils.dataset import Dataset


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Return the first and the last samples of a dataset as two datasets.

    Args:
        dataset: Arrays of equal length (one, or nested in a list, tuple or dict), a
            :class:`~kernelkit.utils.dataset.Dataset` or `tf.data.Dataset` of samples, or a torch `Dataset`.
        left_size: Samples in the first part, or their share if a float; by default the samples that the second part
            leaves.
        right_size: The same for the second part.
        shuffle: Whether samples are first put into a random order.
        seed: Seed of the order.
        preferred_backend: Accepted for compatibility with Keras, without effect: the parts are kernelkit datasets.

    Returns:
        Two datasets of single samples; ``.batch(32)`` makes batches of them.

    Raises:
        ValueError: If the sizes do not fit the number of samples.
        TypeError: If the dataset has another type.

    Example:
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), [int(x) for x in right]
        (8, [8, 9])
    """
    if left_size is None and right_size is None:
        raise ValueError(
            "At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and "
            "right_size=None"
        )
    arrays = _as_arrays(dataset)
    total = len(jtu.tree_leaves(arrays)[0])
    left, right = _sizes(left_size, right_size, total)
    order = list(range(total))
    if shuffle:
        random.Random(random.randint(0, 10**6) if seed is None else seed).shuffle(order)

    def part(places: list[int]) -> Dataset:
        return Dataset.from_tensor_slices(jtu.tree_map(lambda v: v[places], arrays))

    return part(order[:left]), part(order[total - right :])


def _as_arrays(dataset: Any) -> Any:
    """Return all samples as arrays with a leading axis of samples."""
    if isinstance(dataset, (np.ndarray, jax.Array)):
        return np.asarray(unmasked(dataset))
    if isinstance(dataset, dict):
        return {key: _as_arrays(value) for key, value in dataset.items()}
    if isinstance(dataset, (list, tuple)):
        if not dataset:
            raise ValueError(f"Received an empty {type(dataset).__name__} dataset. Please provide arrays.")
        if all(hasattr(v, "shape") for v in dataset):
            counts = {len(v) for v in dataset}
            if len(counts) > 1:
                raise ValueError(f"All arrays must have the same number of samples, got {sorted(counts)}.")
            return tuple(np.asarray(unmasked(v)) for v in dataset)
        return np.asarray(unmasked(dataset))
    if hasattr(dataset, "as_numpy_iterator"):
        samples = list(dataset.as_numpy_iterator())
    elif hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__"):
        samples = [dataset[i] for i in range(len(dataset))]
    else:
        raise TypeError(f"split_dataset() takes arrays or a dataset of samples, got {type(dataset).__name__}.")
    if not samples:
        raise ValueError("The dataset has no samples.")
    return jtu.tree_map(lambda *v: np.stack(v), *samples)


def _sizes(left: float | None, right: float | None, total: int) -> tuple[int, int]:
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            continue
        if isinstance(size, bool) or not isinstance(size, (int, float, np.integer, np.floating)):
            raise TypeError(f"Invalid `{name}` type {type(size)}: it should be an int, a float, or None.")
        if not (0 <= size <= 1 if isinstance(size, (float, np.floating)) else 0 < size < total):
            raise ValueError(
                f"`{name}` should be either a positive integer smaller than {total}, or a float within the range "
                f"`[0, 1]`. Received: {name}={size}"
            )
    if isinstance(left, float) and isinstance(right, float) and left + right > 1:
        raise ValueError("The sum of `left_size` and `right_size` is greater than 1.")
    counts = [
        None if s is None else round(s * total) if isinstance(s, (float, np.floating)) else int(s)
        for s in (left, right)
    ]
    first = total - counts[1] if counts[0] is None else counts[0]  # type: ignore[operator]
    second = total - first if counts[1] is None else counts[1]
    if first + second > total:
        raise ValueError(f"left_size and right_size ask for {first + second} samples, but the dataset has {total}.")
    if 0 in (first, second):
        raise ValueError(f"left_size={left} and right_size={right} leave one part of the {total} samples empty.")
    return first, second
