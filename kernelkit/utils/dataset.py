"""`Dataset`: batches that can be had again and again, and what is done to them on their way."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.ahead import ahead
from kernelkit.feeds.parallel import parallel_map
from kernelkit.random import make_default_seed

AUTOTUNE = -1
_INFINITE, _UNKNOWN = -1, -2


class Dataset:
    """Elements of a source, one after the other, as often as one asks. `fit` and its kin take it as it is.

    Elements are NumPy arrays, or tuples and dicts of them. Each method returns a new dataset and computes nothing.
    The methods are those of `tf.data.Dataset` that tutorials call.

    Args:
        make: Function that returns a new iterator over the elements.
        length: Number of elements, if known; ``math.inf`` if they never end.

    Attributes:
        class_names: Names of the classes, if it was read from a folder.
        file_paths: Paths of the files in the order of the listing, if it was read from a folder.

    Example:
        >>> data = Dataset.from_tensor_slices(np.arange(5)).map(lambda x: x * 10).batch(2)
        >>> [batch.tolist() for batch in data]
        [[0, 10], [20, 30], [40]]
        >>> len(data)
        3
    """

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    def __init__(self, make: Callable[[], Iterator], length: float | None = None) -> None:
        self._make = make
        self._length = length

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> Dataset:
        """Return the samples of arrays.

        Args:
            tensors: Arrays with a leading axis of samples, nested in tuples or dicts.
        """
        arrays = jtu.tree_map(np.asarray, tensors, is_leaf=lambda v: isinstance(v, list))
        counts = {len(v) for v in jtu.tree_leaves(arrays)}
        if len(counts) != 1:
            raise ValueError(f"Arrays of one dataset need the same number of samples, got {sorted(counts)}.")
        count = counts.pop()
        leaves, treedef = _flat(arrays)
        return cls(lambda: (treedef.unflatten(row) for row in zip(*leaves, strict=True)), count)

    def __iter__(self) -> Iterator:
        return self._make()

    def __len__(self) -> int:
        if self._length is None or self._length == math.inf:
            raise TypeError(f"The dataset's length is {'unknown' if self._length is None else 'infinite'}.")
        return int(self._length)

    def cardinality(self) -> int:
        """Return the number of elements, -1 if there is no end, -2 if it is unknown."""
        if self._length is None:
            return _UNKNOWN
        return _INFINITE if self._length == math.inf else int(self._length)

    def as_numpy_iterator(self) -> Iterator:
        """Return an iterator over the elements as NumPy arrays."""
        for element in self:
            yield jtu.tree_map(lambda v: np.asarray(v) if isinstance(v, jax.Array) else v, element)

    def map(
        self, map_func: Callable, num_parallel_calls: int | None = None, deterministic: bool | None = None
    ) -> Dataset:
        """Apply a function to each element.

        Args:
            map_func: Function; the parts of a tuple are its arguments.
            num_parallel_calls: Threads; one for each core with -1. The order stays.
            deterministic: Accepted for TensorFlow's sake: the order always stays.
        """
        call = lambda element: map_func(*element) if isinstance(element, tuple) else map_func(element)  # noqa: E731
        if not num_parallel_calls or num_parallel_calls == 1:
            return Dataset(lambda: map(call, self), self._length)
        workers = (os.cpu_count() or 1) if num_parallel_calls < 0 else num_parallel_calls
        return Dataset(lambda: parallel_map(call, self, workers), self._length)

    def filter(self, predicate: Callable) -> Dataset:
        """Keep the elements for which a function is true; the parts of a tuple are its arguments."""
        true = lambda element: bool(predicate(*element) if isinstance(element, tuple) else predicate(element))  # noqa: E731
        return Dataset(lambda: filter(true, self), None)

    def batch(self, batch_size: int, drop_remainder: bool = False, **_: Any) -> Dataset:
        """Stack so many elements to one; a last batch may be smaller, unless it is dropped."""

        def make() -> Iterator:
            for chunk in chunks(self, batch_size):
                if len(chunk) == batch_size or not drop_remainder:
                    yield stack(chunk)

        count = None if self._length is None else self._length / batch_size
        if count is None or count == math.inf:
            return Dataset(make, count)
        return Dataset(make, math.floor(count) if drop_remainder else math.ceil(count))

    def unbatch(self) -> Dataset:
        """Take batches apart into samples."""

        def make() -> Iterator:
            for batch in self:
                leaves, treedef = _flat(batch)
                for row in zip(*leaves, strict=True):
                    yield treedef.unflatten(row)

        return Dataset(make, None)

    def shuffle(
        self, buffer_size: int | None = None, seed: int | None = None, reshuffle_each_iteration: bool = True, **_: Any
    ) -> Dataset:
        """Give the elements in a random order, drawn from a buffer of so many elements.

        Args:
            buffer_size: Elements held; all of them with ``None``.
            seed: Seed of the order.
            reshuffle_each_iteration: Whether each pass has an order of its own.
        """
        seed = make_default_seed() if seed is None else seed
        passes = itertools.count()

        def make() -> Iterator:
            number = next(passes) if reshuffle_each_iteration else 0
            rng = np.random.Generator(np.random.Philox(key=[seed, number]))
            buffer: list = []
            for element in self:
                buffer.append(element)
                if buffer_size is not None and len(buffer) >= buffer_size:
                    yield _draw(buffer, rng)
            while buffer:
                yield _draw(buffer, rng)

        return Dataset(make, self._length)

    def prefetch(self, buffer_size: int = AUTOTUNE, **_: Any) -> Dataset:
        """Let a thread make so many elements ahead."""
        depth = 2 if buffer_size is None or buffer_size < 1 else buffer_size
        return Dataset(lambda: ahead(iter(self), depth=depth), self._length)

    def cache(self, filename: str = "", **_: Any) -> Dataset:
        """Keep the elements of the first whole pass in memory.

        Raises:
            NotImplementedError: If a file is asked for.
        """
        if filename:
            raise NotImplementedError("cache(filename) is not supported: elements are kept in memory, cache().")
        kept: list = []
        complete: list[bool] = []

        def make() -> Iterator:
            if complete:
                yield from kept
                return
            seen = []
            for element in self:
                seen.append(element)
                yield element
            if not complete:
                kept[:] = seen
                complete.append(True)

        return Dataset(make, self._length)

    def take(self, count: int) -> Dataset:
        """Keep the first elements; all of them with -1."""
        if count < 0:
            return self
        length = None if self._length is None else min(count, self._length)
        return Dataset(lambda: itertools.islice(iter(self), count), length)

    def skip(self, count: int) -> Dataset:
        """Leave the first elements out; all of them with -1."""
        if count < 0:
            return Dataset(lambda: iter(()), 0)
        length = None if self._length is None else max(0, self._length - count)
        return Dataset(lambda: itertools.islice(iter(self), count, None), length)

    def repeat(self, count: int | None = None) -> Dataset:
        """Give the elements so many times over, without end with ``None`` or -1."""
        endless = count is None or count < 0

        def make() -> Iterator:
            for _ in itertools.count() if endless else range(count):  # type: ignore[arg-type]
                empty = True
                for element in self:
                    empty = False
                    yield element
                if empty:
                    return

        if endless:
            return Dataset(make, math.inf)
        return Dataset(make, None if self._length is None else self._length * count)  # type: ignore[operator]

    def concatenate(self, dataset: Dataset) -> Dataset:
        """Give the elements of another dataset after one's own."""
        lengths = (self._length, dataset._length)
        return Dataset(lambda: itertools.chain(self, dataset), None if None in lengths else sum(lengths))  # type: ignore[arg-type]

    def enumerate(self, start: int = 0) -> Dataset:
        """Give ``(number, element)`` pairs."""
        return Dataset(lambda: enumerate(self, start), self._length)

    def __repr__(self) -> str:
        return f"<Dataset length={self.cardinality()}>"


def _flat(arrays: Any) -> tuple[list, Any]:
    return jtu.tree_flatten(arrays)


def _draw(buffer: list, rng: np.random.Generator) -> Any:
    place = int(rng.integers(len(buffer)))
    buffer[place], buffer[-1] = buffer[-1], buffer[place]
    return buffer.pop()


def chunks(elements: Any, size: int) -> Iterator[list]:
    """Yield lists of so many elements; the last may be shorter."""
    iterator = iter(elements)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


def stack(elements: list) -> Any:
    """Return elements as one batch, each of their arrays stacked; texts as an array of objects."""
    return jtu.tree_map(lambda *v: _as_objects(v) if isinstance(v[0], str) else np.stack(v), *elements)


def _as_objects(texts: tuple) -> np.ndarray:
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array
