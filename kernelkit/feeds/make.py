"""Feeds made from the data arguments of `fit`, `evaluate` and `predict`, with errors that name the wrong argument."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.arrays import ArrayFeed
from kernelkit.feeds.batch import pack, unpack
from kernelkit.feeds.check import called, check_lengths
from kernelkit.feeds.class_weights import ClassWeight, by_index, check_for_streams, is_given, weights_of_classes
from kernelkit.feeds.convert import dense, to_arrays
from kernelkit.feeds.feed import Feed
from kernelkit.feeds.frames import is_frame
from kernelkit.feeds.py_dataset import NumberedPasses, PyDataset
from kernelkit.feeds.row_batches import RowBatches, prepared_size
from kernelkit.feeds.rows import CONVERTED_BYTES
from kernelkit.feeds.sparse_rows import is_sparse_data, sparse_rows
from kernelkit.feeds.streams import IterablePasses, Passes, StreamFeed
from kernelkit.layers.preprocessing.strings import holds_strings
from kernelkit.sparse import is_sparse
from kernelkit.tracebacks import users_level
from kernelkit.typing import Batch, Tree


def make_feed(
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    seed: int = 0,
    epochs: int = 1,
    class_weight: ClassWeight | None = None,
    goes_on: bool = True,
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
        shuffle: Whether each epoch has its own order.
        seed: Seed of the order.
        epochs: Number of epochs that will be read.
        class_weight: Weights of the classes; see :func:`~kernelkit.feeds.class_weights.weights_of_classes`.
        goes_on: Whether an epoch of ``steps`` continues where the last one stopped, if x yields batches.
        what: Name of the method, for errors.
        on_host: Function of the inputs that runs before the compiled step: it turns strings into numbers.

    Raises:
        ValueError: If the parts have unequal lengths, or an argument does not apply to the kind of source.
    """
    if x is None:
        raise ValueError(f"{called(what)} needs data: x=... was not given.")
    steps = _checked_steps(steps, what)
    if is_stream(x):
        extra = [n for n, v in (("y", y), ("sample_weight", sample_weight)) if v is not None]
        if extra:
            raise ValueError(
                f"{called(what)}: x is a {type(x).__name__} that yields whole batches, so {extra[0]}=... must not be "
                "given: let it yield (x, y) or (x, y, sample_weight)."
            )
        if batch_size is not None:
            warnings.warn(
                f"{called(what)}: batch_size={batch_size} has no effect, since x is a {type(x).__name__} that yields "
                "whole batches.",
                stacklevel=users_level(),
            )
        if class_weight is not None:
            check_for_streams(class_weight)
        return StreamFeed(_passes(x, shuffle, seed), steps, _preparation(class_weight, on_host), goes_on)
    if inspect.isroutine(x) or isinstance(x, type):
        raise ValueError(f"{called(what)}: x is {_described(x)}, not data: call it, x().")
    arrays = [to_arrays(v) for v in (x, y, sample_weight)]
    check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)), what)
    if holds_strings(arrays[1]):
        raise TypeError(
            f"{called(what)}: y holds strings. Turn labels into numbers first, for example with "
            "kernelkit.layers.StringLookup. [K19]"
        )
    if is_given(class_weight):
        arrays[2] = weights_of_classes(arrays[1], class_weight, arrays[2])
    if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
        raise ValueError(f"{called(what)}: batch_size must be an int of at least 1, got {batch_size!r}.")
    size = int(batch_size or _size_for(arrays[0], steps))
    if on_host is not None:
        first = jtu.tree_map(lambda v: v[:size], arrays[0])
        prepared = on_host(first)
        if prepared is not first:
            prepared = _sparse_as_rows(prepared)
            if prepared_size(len(jtu.tree_leaves(arrays[0])[0]), prepared) > CONVERTED_BYTES:
                rows = RowBatches(pack(*arrays), size, shuffle, seed)
                return StreamFeed(rows, steps, _preparation(None, on_host), goes_on)
            arrays[0] = _sparse_as_rows(on_host(arrays[0]))
    return ArrayFeed(pack(*arrays), size, shuffle, seed, steps, epochs)


def _passes(x: Tree, shuffle: bool | str, seed: int) -> Passes:
    """Return a source of batches as :class:`Passes`."""
    if hasattr(x, "as_numpy_iterator") and not isinstance(x, PyDataset):
        x = _Numpy(x)
    if isinstance(x, PyDataset) or not hasattr(x, "__iter__"):
        return NumberedPasses(x, shuffle, seed)
    return IterablePasses(x)


def _checked_steps(steps: Any, what: str) -> int | None:
    """Return a number of steps as an int; ``None`` stays ``None``."""
    if steps is None:
        return None
    whole = isinstance(steps, (int, float, np.integer, np.floating)) and not isinstance(steps, bool)
    if not whole or steps != int(steps) or steps < 1:
        name = {"fit": "steps_per_epoch", "fit(validation_data)": "validation_steps"}.get(what, "steps")
        raise ValueError(f"{called(what)}: {name} must be a whole number of at least 1, got {steps!r}.")
    return int(steps)


def _described(x: Tree) -> str:
    kind = "the class" if isinstance(x, type) else "the function"
    return f"{kind} {getattr(x, '__name__', x)!r}"


def _preparation(class_weight: ClassWeight | None, on_host: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Return the function that prepares each batch of a stream, or ``None``."""
    weights = class_weight if is_given(class_weight) else None
    if weights is not None:
        by_index(weights)  # raises before the first batch is read
    if weights is None and on_host is None:
        return None

    def prepare(batch: Batch) -> Any:
        x, y, sample_weight = unpack(batch)
        if weights is not None:
            sample_weight = weights_of_classes(y, weights, sample_weight)
        prepared = x if on_host is None else on_host(x)
        prepared = prepared if prepared is x else dense(prepared)
        return batch if prepared is x and weights is None else pack(prepared, y, sample_weight)

    return prepare


def _sparse_as_rows(x: Tree) -> Any:
    return jtu.tree_map(lambda v: sparse_rows(v) if is_sparse(v) else v, x, is_leaf=is_sparse)


def _size_for(x: Tree, steps: int | None) -> int:
    """Return 32, or the batch size that covers all samples in the given steps."""
    return 32 if steps is None else max(1, -(-len(jtu.tree_leaves(x)[0]) // steps))


def is_stream(x: Any) -> bool:
    """Return whether data are an iterable of batches rather than arrays."""
    if is_sparse_data(x):
        return False
    if isinstance(x, (list, tuple, dict, str, bytes, int, float, type)) or hasattr(x, "__array__"):
        return False
    if is_frame(x):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__getitem__")


def _iterable(x: Tree) -> Any:
    if hasattr(x, "as_numpy_iterator"):
        return _Numpy(x)
    return x


class _Numpy:
    """A `tf.data.Dataset` as an iterable of NumPy batches."""

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __iter__(self) -> Iterator[Batch]:
        return self._dataset.as_numpy_iterator()

    def cardinality(self) -> int:
        return int(self._dataset.cardinality())
