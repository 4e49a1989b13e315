"""What `fit(x, y, sample_weight)` and its kin accept, made into a feed; with errors that say what doesn't fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.arrays import ArrayFeed
from kernelkit.feeds.batch import pack, unpack
from kernelkit.feeds.check import check_lengths
from kernelkit.feeds.class_weights import weights_of_classes
from kernelkit.feeds.convert import to_arrays, to_host
from kernelkit.feeds.feed import Feed
from kernelkit.feeds.py_dataset import PyDataset, PyDatasetFeed
from kernelkit.feeds.row_batches import RowBatches, prepared_size
from kernelkit.feeds.rows import CONVERTED_BYTES
from kernelkit.feeds.sparse_rows import is_sparse_data, sparse_rows
from kernelkit.feeds.streams import StreamFeed
from kernelkit.layers.preprocessing.strings import holds_strings
from kernelkit.sparse import is_sparse


def make_feed(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    seed: int = 0,
    epochs: int = 1,
    class_weight: dict | None = None,
    what: str = "fit",
    on_host: Callable[[Any], Any] | None = None,
) -> Feed:
    """Return a feed of arrays, or of anything that yields batches.

    Args:
        x: Arrays (nested), a DataFrame, a `PyDataset`, or an iterable of batches: generator, `tf.data.Dataset`, torch
            `DataLoader`. Sparse arrays, of SciPy or jax, are made dense a batch at a time.
        y: Targets, for arrays.
        sample_weight: Weights of the samples, for arrays.
        batch_size: Samples in a step, 32 by default; for arrays.
        steps: Steps in an epoch.
        shuffle: Whether each epoch has an order of its own.
        seed: Seed of the order.
        epochs: How many epochs will be asked for.
        class_weight: Dict from class index to weight.
        what: Name of the method, for errors.
        on_host: What the model does with inputs before its compiled step: turn strings into numbers.

    Raises:
        ValueError: If the parts have unequal lengths, or arguments come that the source cannot take.
    """
    if x is None:
        raise ValueError(f"{what}() needs data: x=... was not given.")
    if is_stream(x):
        extra = [n for n, v in (("y", y), ("sample_weight", sample_weight)) if v is not None]
        if extra:
            raise ValueError(
                f"{what}(): x is a {type(x).__name__} that yields whole batches, so {extra[0]}=... must "
                "not be given: let it "
                "yield (x, y) or (x, y, sample_weight)."
            )
        if batch_size is not None:
            raise ValueError(
                f"{what}(): x is a {type(x).__name__} that yields whole batches; batch_size=... has no effect on it."
            )
        prepare = _preparation(class_weight, on_host)
        if isinstance(x, PyDataset):
            return PyDatasetFeed(x, steps, shuffle, seed, prepare)
        return StreamFeed(_iterable(x), steps, prepare)
    arrays = [to_arrays(v) for v in (x, y, sample_weight)]
    check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)), what)
    if holds_strings(arrays[1]):
        raise TypeError(
            f"{what}(): y holds strings. Turn labels into numbers first: with kernelkit.layers.StringLookup, say."
        )
    if class_weight:
        arrays[2] = weights_of_classes(arrays[1], class_weight, arrays[2])
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise ValueError(f"{what}(): batch_size must be an int of at least 1, got {batch_size!r}.")
    size = int(batch_size or _size_for(arrays[0], steps))
    if on_host is not None:
        first = jtu.tree_map(lambda v: v[:size], arrays[0])
        prepared = on_host(first)
        if prepared is not first:
            prepared = _sparse_as_rows(prepared)
            if prepared_size(len(jtu.tree_leaves(arrays[0])[0]), prepared) > CONVERTED_BYTES:
                rows = RowBatches(pack(*arrays), size, shuffle, seed)
                return StreamFeed(rows, steps, _preparation(None, on_host))
            arrays[0] = _sparse_as_rows(on_host(arrays[0]))
    return ArrayFeed(pack(*arrays), size, shuffle, seed, steps, epochs)


def _preparation(class_weight: dict | None, on_host: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Return what is done to each batch of a stream."""
    if class_weight is None and on_host is None:
        return None

    def prepare(batch: Any) -> Any:
        x, y, sample_weight = unpack(batch)
        if class_weight:
            sample_weight = weights_of_classes(y, class_weight, sample_weight)
        prepared = x if on_host is None else on_host(x)
        prepared = prepared if prepared is x else to_host(prepared)
        return batch if prepared is x and not class_weight else pack(prepared, y, sample_weight)

    return prepare


def _sparse_as_rows(x: Any) -> Any:
    return jtu.tree_map(lambda v: sparse_rows(v) if is_sparse(v) else v, x, is_leaf=is_sparse)


def _size_for(x: Any, steps: int | None) -> int:
    """32, or as many as it takes to see all samples in the steps asked for."""
    return 32 if steps is None else max(1, -(-len(jtu.tree_leaves(x)[0]) // steps))


def is_stream(x: Any) -> bool:
    """Return whether data are an iterable of batches rather than arrays."""
    if is_sparse_data(x):
        return False
    if isinstance(x, (list, tuple, dict, np.ndarray, jax.Array, int, float)) or hasattr(x, "__array__"):
        return False
    if type(x).__module__.partition(".")[0] == "pandas":
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


def _iterable(x: Any) -> Any:
    if hasattr(x, "as_numpy_iterator"):
        return _Numpy(x)
    return x


class _Numpy:
    """A `tf.data.Dataset` as an iterable of NumPy batches."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __iter__(self) -> Any:
        return self.dataset.as_numpy_iterator()

    def cardinality(self) -> int:
        return int(self.dataset.cardinality())
