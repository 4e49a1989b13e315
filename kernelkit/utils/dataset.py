"""`Dataset`: elements or batches that can be read several times, with methods such as ``map`` and ``batch``."""

from __future__ import annotations

import functools
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
from kernelkit.masked_arrays import unmasked
from kernelkit.random import make_own_seed
from kernelkit.typing import Tree
from kernelkit.utils.elements import (
    Element,
    call,
    chunks,
    columns_of,
    interleaved,
    padded,
    rows_of,
    spec_of,
    stack,
    to_user,
    windows,
)

AUTOTUNE = -1
_INFINITE, _UNKNOWN = -1, -2


class Dataset:
    """The elements of a source, which can be read several times. `fit`, `evaluate` and `predict` take a Dataset.

    Elements are NumPy arrays, or tuples and dicts of them. In a loop, arrays also have TensorFlow's method ``numpy()``.
    Each method returns a new dataset and computes nothing. The methods are those of `tf.data.Dataset` that tutorials
    use.

    Args:
        make: Function that returns a new iterator over the elements.
        length: Number of elements, if known; ``math.inf`` if they never end.
        is_batched: Whether the first axis of the elements' arrays is the batch axis.

    Attributes:
        class_names: Names of the classes, for a dataset from a folder.
        file_paths: Paths of the files in the order of the listing, for a dataset from a folder.

    Example:
        >>> data = Dataset.from_tensor_slices(np.arange(5)).map(lambda x: x * 10).batch(2)
        >>> [batch.tolist() for batch in data]
        [[0, 10], [20, 30], [40]]
        >>> len(data)
        3
    """

    class_names: list[str] | None = None
    file_paths: list[str] | None = None

    def __init__(self, make: Callable[[], Iterator], length: float | None = None, is_batched: bool = False) -> None:
        self._make = make
        self._length = length
        self._is_batched = is_batched

    @classmethod
    def from_tensor_slices(cls, tensors: Tree) -> Dataset:
        """Return a dataset of the samples of arrays.

        Args:
            tensors: Arrays with a leading axis of samples, nested in tuples or dicts.
        """
        arrays = jtu.tree_map(_array, tensors, is_leaf=lambda v: isinstance(v, list))
        counts = {len(v) for v in jtu.tree_leaves(arrays)}
        if len(counts) != 1:
            raise ValueError(f"Arrays of one dataset need the same number of samples, got {sorted(counts)}.")
        return cls(lambda: rows_of([arrays]), counts.pop())

    @classmethod
    def from_tensors(cls, tensors: Element) -> Dataset:
        """Return a dataset of a single element."""
        element = jtu.tree_map(_array, tensors, is_leaf=lambda v: isinstance(v, list))
        return cls(lambda: iter([element]), 1)

    @classmethod
    def from_generator(cls, generator: Callable[..., Iterator], *_: Any, args: tuple = (), **__: Any) -> Dataset:
        """Return a dataset of a generator function's elements. It is called for each pass and needs no signature."""
        if not callable(generator):
            raise TypeError("from_generator() takes a function that returns an iterator, not the iterator itself.")
        return cls(lambda: iter(generator(*args)))

    @classmethod
    def range(cls, *args: int, **_: Any) -> Dataset:
        """Return a dataset of int64 numbers; arguments as for Python's ``range``."""
        numbers = range(*args)
        return cls(lambda: (np.int64(n) for n in numbers), len(numbers))

    @classmethod
    def zip(cls, *datasets: Any, **_: Any) -> Dataset:
        """Return a dataset of tuples of the elements of several datasets, up to the end of the shortest one.

        Args:
            datasets: Datasets, or one tuple of them (nested at will, dicts too).
        """
        nested = datasets[0] if len(datasets) == 1 else datasets
        parts, treedef = jtu.tree_flatten(nested, is_leaf=lambda v: isinstance(v, Dataset))
        lengths = [part._length for part in parts]
        return cls(
            lambda: (jtu.tree_unflatten(treedef, row) for row in zip(*(p.elements() for p in parts), strict=False)),
            None if None in lengths else min(lengths),
            all(part._is_batched for part in parts),
        )

    @classmethod
    def sample_from_datasets(
        cls, datasets: list, weights: Any = None, seed: int | None = None, stop_on_empty_dataset: bool = False, **_: Any
    ) -> Dataset:
        """Return a dataset of elements drawn at random from several datasets.

        Args:
            datasets: The datasets.
            weights: Probability of each dataset; equal by default.
            seed: Seed of the draws.
            stop_on_empty_dataset: Whether the result ends at the end of the first dataset that ends.
        """
        chances = np.full(len(datasets), 1 / len(datasets)) if weights is None else np.asarray(weights, "float64")
        seed = make_own_seed() if seed is None else seed

        def make() -> Iterator:
            rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
            open_ = {i: dataset.elements() for i, dataset in enumerate(datasets) if chances[i] > 0}
            while open_:
                places = list(open_)
                left = chances[places]
                place = places[int(rng.choice(len(places), p=left / left.sum()))]
                element = next(open_[place], _NOTHING)
                if element is not _NOTHING:
                    yield element
                elif stop_on_empty_dataset:
                    return
                else:
                    del open_[place]

        return cls(make)

    def __iter__(self) -> Iterator:
        return map(to_user, self._make())

    def elements(self) -> Iterator[Element]:
        """Return an iterator over the unconverted elements: arrays on a device stay there."""
        return self._make()

    def __len__(self) -> int:
        if self._length is None or self._length == math.inf:
            raise TypeError(f"The dataset's length is {'unknown' if self._length is None else 'infinite'}.")
        return int(self._length)

    def cardinality(self) -> int:
        """Return the number of elements, -1 if it is infinite, -2 if it is unknown."""
        if self._length is None:
            return _UNKNOWN
        return _INFINITE if self._length == math.inf else int(self._length)

    def as_numpy_iterator(self) -> Iterator:
        """Return an iterator over the elements as NumPy arrays."""
        for element in self.elements():
            yield jtu.tree_map(lambda v: np.asarray(v) if isinstance(v, jax.Array) else v, element)

    def map(
        self, map_func: Callable, num_parallel_calls: int | None = None, deterministic: bool | None = None
    ) -> Dataset:
        """Apply a function to each element.

        Args:
            map_func: Function; the parts of a tuple are its arguments.
            num_parallel_calls: Number of threads; -1 for one on each core. The order stays.
            deterministic: Accepted for compatibility with TensorFlow, without effect: the order always stays.
        """
        one = functools.partial(call, map_func)
        if not num_parallel_calls or num_parallel_calls == 1:
            return self._like(lambda: map(one, self.elements()), self._length)
        workers = (os.cpu_count() or 1) if num_parallel_calls < 0 else num_parallel_calls
        return self._like(lambda: parallel_map(one, self.elements(), workers), self._length)

    def filter(self, predicate: Callable) -> Dataset:
        """Keep the elements for which a function is true; the parts of a tuple are its arguments."""
        return self._like(lambda: (e for e in self.elements() if bool(call(predicate, e))), None)

    def take_while(self, predicate: Callable) -> Dataset:
        """Keep the elements before the first one for which a function is false."""
        return self._like(lambda: itertools.takewhile(lambda e: bool(call(predicate, e)), self.elements()), None)

    def flat_map(self, map_func: Callable) -> Dataset:
        """Turn each element into a dataset, and yield the elements of these datasets one after the other."""
        return Dataset(lambda: (e for element in self.elements() for e in _elements(call(map_func, element))))

    def interleave(
        self, map_func: Callable, cycle_length: int | None = None, block_length: int = 1, *_: Any, **__: Any
    ) -> Dataset:
        """Turn each element into a dataset, and yield the elements of several of these datasets in turn.

        Args:
            map_func: Function of an element that returns a dataset.
            cycle_length: Number of datasets that are read in turn; ``None`` or -1 for the number of cores.
            block_length: Number of consecutive elements from one dataset.
        """
        cycle = (os.cpu_count() or 1) if cycle_length is None or cycle_length < 1 else cycle_length
        return Dataset(
            lambda: interleaved((_elements(call(map_func, e)) for e in self.elements()), cycle, block_length)
        )

    def scan(self, initial_state: Tree, scan_func: Callable) -> Dataset:
        """Yield the result of ``scan_func(state, element) -> (state, result)`` for each element in turn."""

        def make() -> Iterator:
            state = initial_state
            for element in self.elements():
                state, result = scan_func(state, element)
                yield result

        return self._like(make, self._length)

    def reduce(self, initial_state: Tree, reduce_func: Callable) -> Any:
        """Return the last state of ``reduce_func(state, element) -> state``."""
        return to_user(functools.reduce(reduce_func, self.elements(), initial_state))

    def apply(self, transformation_func: Callable) -> Any:
        """Return the result of a function of the dataset."""
        return transformation_func(self)

    def with_options(self, options: Any) -> Dataset:
        """Return the dataset itself: TensorFlow's options don't change the elements."""
        return self

    def batch(self, batch_size: int, drop_remainder: bool = False, *_: Any, **__: Any) -> Dataset:
        """Stack ``batch_size`` elements into one. The last batch may be smaller, unless it is dropped."""
        return self._batched(stack, batch_size, drop_remainder)

    def padded_batch(
        self, batch_size: int, padded_shapes: Any = None, padding_values: Any = None, drop_remainder: bool = False
    ) -> Dataset:
        """Stack ``batch_size`` elements into one, each padded at its end to the shape of the longest.

        Args:
            batch_size: Elements in a batch.
            padded_shapes: Shape to pad to, or shapes nested as an element; ``None`` for the longest of a batch.
            padding_values: Padding value, 0 or ``""`` by default, or several values nested as an element.
            drop_remainder: Whether a smaller last batch is left out.
        """
        join = functools.partial(padded, shapes=padded_shapes, values=padding_values)
        return self._batched(join, batch_size, drop_remainder)

    def _batched(self, join: Callable[[list], Element], size: int, drop_remainder: bool) -> Dataset:
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise ValueError(f"batch_size must be an int of at least 1, got {size!r}.")

        def make() -> Iterator:
            for chunk in chunks(self.elements(), size):
                if len(chunk) == size or not drop_remainder:
                    yield join(chunk)

        count = None if self._length is None else self._length / size
        if count is not None and count != math.inf:
            count = math.floor(count) if drop_remainder else math.ceil(count)
        return Dataset(make, count, is_batched=True)

    def rebatch(self, batch_size: int, drop_remainder: bool = False, **_: Any) -> Dataset:
        """Change the size of the batches."""
        return self.unbatch().batch(batch_size, drop_remainder)

    def window(self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False) -> Dataset:
        """Yield windows over the elements, each as a dataset; for tuples and dicts, a dataset for each part.

        Args:
            size: Elements in a window.
            shift: Elements from the start of a window to the start of the next one; ``size`` by default.
            stride: Elements from one entry of a window to the next.
            drop_remainder: Whether short windows at the end are left out.
        """
        step = size if shift is None else shift
        if size < 1 or step < 1 or stride < 1:
            raise ValueError(f"window() takes whole numbers of at least 1, got {size=}, {shift=}, {stride=}.")

        def make() -> Iterator:
            for found in windows(self.elements(), size, step, stride, drop_remainder):
                parts = [Dataset(functools.partial(iter, column), len(column)) for column in columns_of(found)]
                yield jtu.tree_unflatten(jtu.tree_structure(found[0]), parts)

        return Dataset(make)

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Keep the elements whose number modulo ``num_shards`` is ``index``."""
        if not 0 <= index < num_shards:
            raise ValueError(f"shard() takes an index from 0 to {num_shards - 1}, got {index}.")
        length = self._length
        if length is not None and length != math.inf:
            length = max(0, math.ceil((length - index) / num_shards))
        return self._like(lambda: itertools.islice(self.elements(), index, None, num_shards), length)

    def unique(self) -> Dataset:
        """Keep only the first of several equal elements."""

        def make() -> Iterator:
            seen: set[bytes] = set()
            for element in self.elements():
                key = repr([(np.asarray(v).dtype.str, np.asarray(v).tolist()) for v in jtu.tree_leaves(element)])
                if key.encode() not in seen:
                    seen.add(key.encode())
                    yield element

        return self._like(make, None)

    def get_single_element(self) -> Element:
        """Return the only element.

        Raises:
            ValueError: If the dataset has no element, or more than one.
        """
        found = list(itertools.islice(self.elements(), 2))
        if len(found) != 1:
            raise ValueError(f"get_single_element() needs one element, the dataset has {'more' if found else 'none'}.")
        return to_user(found[0])

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of an element, nested as the element. They are read from the first element."""
        element = next(self.elements(), _NOTHING)
        if element is _NOTHING:
            raise ValueError("element_spec: the dataset has no element.")
        return spec_of(element, self._is_batched)

    def unbatch(self) -> Dataset:
        """Split batches into samples."""
        return Dataset(lambda: rows_of(self.elements()))

    def shuffle(
        self, buffer_size: int | None = None, seed: int | None = None, reshuffle_each_iteration: bool = True, **_: Any
    ) -> Dataset:
        """Yield the elements in a random order, drawn from a buffer.

        Args:
            buffer_size: Number of elements in the buffer; ``None`` for all elements.
            seed: Seed of the order.
            reshuffle_each_iteration: Whether each pass has its own order.
        """
        seed = make_own_seed() if seed is None else seed
        passes = itertools.count()

        def make() -> Iterator:
            number = next(passes) if reshuffle_each_iteration else 0
            rng = np.random.Generator(np.random.Philox(key=[seed, number]))
            buffer: list = []
            for element in self.elements():
                buffer.append(element)
                if buffer_size is not None and len(buffer) >= buffer_size:
                    yield _draw(buffer, rng)
            while buffer:
                yield _draw(buffer, rng)

        return self._like(make, self._length)

    def prefetch(self, buffer_size: int = AUTOTUNE, **_: Any) -> Dataset:
        """Make ``buffer_size`` elements ahead, in a thread."""
        depth = 2 if buffer_size is None or buffer_size < 1 else buffer_size
        return self._like(lambda: ahead(self.elements(), depth=depth), self._length)

    def cache(self, filename: str = "", **_: Any) -> Dataset:
        """Keep the elements of the first whole pass in memory.

        Raises:
            NotImplementedError: If ``filename`` is given.
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
            for element in self.elements():
                seen.append(element)
                yield element
            if not complete:
                kept[:] = seen
                complete.append(True)

        return self._like(make, self._length)

    def take(self, count: int) -> Dataset:
        """Keep the first ``count`` elements, or all for -1."""
        if count < 0:
            return self
        length = None if self._length is None else min(count, self._length)
        return self._like(lambda: itertools.islice(self.elements(), count), length)

    def skip(self, count: int) -> Dataset:
        """Leave out the first ``count`` elements, or all for -1."""
        if count < 0:
            return Dataset(lambda: iter(()), 0)
        length = None if self._length is None else max(0, self._length - count)
        return self._like(lambda: itertools.islice(self.elements(), count, None), length)

    def repeat(self, count: int | None = None) -> Dataset:
        """Repeat the elements ``count`` times; without end for ``None`` or -1."""
        endless = count is None or count < 0

        def make() -> Iterator:
            for _ in itertools.count() if endless else range(count):  # type: ignore[arg-type]
                empty = True
                for element in self.elements():
                    empty = False
                    yield element
                if empty:
                    return

        if endless:
            return self._like(make, math.inf)
        return self._like(make, None if self._length is None else self._length * count)  # type: ignore[operator]

    def concatenate(self, dataset: Dataset) -> Dataset:
        """Yield the elements of another dataset after those of this one."""
        first, second = self._length, dataset._length
        length = None if first is None or second is None else first + second
        return self._like(lambda: itertools.chain(self.elements(), dataset.elements()), length)

    def enumerate(self, start: int = 0) -> Dataset:
        """Yield ``(number, element)`` pairs."""
        return Dataset(lambda: enumerate(self.elements(), start), self._length)

    def _like(self, make: Callable[[], Iterator], length: float | None) -> Dataset:
        """Return a dataset with this one's ``is_batched``."""
        return Dataset(make, length, self._is_batched)

    def __repr__(self) -> str:
        return f"<Dataset length={self.cardinality()}>"


_NOTHING: Any = object()


def _array(value: Any) -> np.ndarray:
    return np.asarray(unmasked(value))


def _elements(source: Any) -> Iterator[Element]:
    return source.elements() if isinstance(source, Dataset) else iter(source)


def _draw(buffer: list, rng: np.random.Generator) -> Any:
    place = int(rng.integers(len(buffer)))
    buffer[place], buffer[-1] = buffer[-1], buffer[place]
    return buffer.pop()
