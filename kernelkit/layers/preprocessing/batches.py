"""Batches of inputs for ``adapt``, from arrays or from anything that yields batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit import progress
from kernelkit.layers.preprocessing.strings import is_strings, to_strings
from kernelkit.masked_arrays import unmasked
from kernelkit.torch_tensors import is_torch, to_numpy
from kernelkit.typing import Batch, Tensor, Tree


def batches_of(data: Tree, steps: int | None = None, batch_size: int | None = None) -> Iterator[np.ndarray]:
    """Yield the batches of a data set.

    Args:
        data: An array (NumPy, jax, pandas), a list of numbers or strings; or an iterable of such batches: a generator,
            a `tf.data.Dataset`, a torch `DataLoader`, an object with ``__len__`` and ``__getitem__``. From batches
            ``(x, y)``, only ``x`` is used.
        steps: Largest number of batches to take.
        batch_size: Samples in the batches of an array; all of them by default.

    Raises:
        ValueError: If batches are dicts, or ``data`` is neither an array nor an iterable of batches.

    Example:
        >>> [batch.shape for batch in batches_of(np.zeros((2, 3)) for _ in range(2))]
        [(2, 3), (2, 3)]
    """
    if _is_array(data):
        array = as_array(data)
        whole = None if batch_size is None or array.ndim == 0 else -(-len(array) // batch_size)
        total = whole if steps is None or whole is None else min(steps, whole)
        yield from progress.over(itertools.islice(_slices(array, batch_size), steps), "adapt", total=total)
        return
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise ValueError(f"adapt() takes arrays or an iterable of batches, got {data!r}.")
    total = steps or (len(data) if hasattr(data, "__len__") else None)
    for batch in progress.over(itertools.islice(_iterate(data), steps), "adapt", total=total):
        yield as_array(_inputs(batch))


def _slices(array: np.ndarray, batch_size: int | None) -> Iterator[np.ndarray]:
    if array.ndim == 0 or batch_size is None:
        yield array
        return
    for start in range(0, len(array), batch_size):
        yield array[start : start + batch_size]


def as_array(data: Tree) -> np.ndarray:
    """Return array-likes as NumPy arrays, strings as arrays of Python's ``str``."""
    if is_strings(data):
        return to_strings(data)
    if is_torch(data):
        data = to_numpy(data)
    return np.asarray(unmasked(data))


def _is_array(data: Tree) -> bool:
    if hasattr(data, "__array__") or isinstance(data, (str, bytes, int, float)):
        return True
    if not isinstance(data, (list, tuple)) or not data:
        return False
    # A list of arrays is a list of batches; a list of numbers, strings or rows is one array.
    return not any(_has_samples(leaf) for leaf in jtu.tree_leaves(data[0]))


def _has_samples(value: Tensor) -> bool:
    return hasattr(value, "shape") and np.ndim(value) > 0


def _iterate(data: Tree) -> Iterable:
    if hasattr(data, "as_numpy_iterator"):
        return data.as_numpy_iterator()
    if hasattr(data, "__iter__"):
        return data
    return (data[i] for i in range(len(data)))


def _inputs(batch: Batch) -> Any:
    """Return the inputs of a batch, without its targets."""
    if isinstance(batch, (list, tuple)) and any(map(_has_samples, batch)):
        return _inputs(batch[0])
    if isinstance(batch, dict):
        raise ValueError(
            f"adapt() takes one input, but a batch is a dict with {sorted(batch)}. Let the data set yield one of them."
        )
    return batch
