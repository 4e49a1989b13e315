"""`PyDataset`: batches by number, made by several threads or processes."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from kernelkit.feeds.orders import shuffled
from kernelkit.feeds.parallel import parallel_map, submit_in_order
from kernelkit.tracebacks import users_level
from kernelkit.typing import Batch


class PyDataset:
    """A dataset that returns batches by number; `fit`, `evaluate` and `predict` take it.

    A subclass defines ``__getitem__(self, index)``, which returns a whole batch, and ``__len__``, the number of batches
    (or the property ``num_batches``; ``None`` means endless). It may define ``on_epoch_begin`` and ``on_epoch_end``.

    Args:
        workers: Number of threads or processes that make batches ahead.
        use_multiprocessing: Whether to use processes; the dataset is pickled for them in each epoch.
        max_queue_size: Largest number of batches that wait.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         x = np.array([[2.0 * index], [2.0 * index + 1]])
        ...         return x, x**2
        >>> Squares(workers=2).num_batches
        2
    """

    workers = 1  # for a subclass that doesn't call super().__init__()
    use_multiprocessing = False
    max_queue_size = 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        for name, value in (("workers", workers), ("max_queue_size", max_queue_size)):
            if not isinstance(value, (int, np.integer)) or value < 0:
                raise ValueError(f"{type(self).__name__}: {name} must be a whole number, got {value!r}.")
        self.workers = int(workers)
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = int(max_queue_size)

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index), which returns a batch.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches in an epoch; ``None`` if it is endless."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(
                f"{type(self).__name__} must define __len__(self), the number of batches, or the property num_batches "
                "(None if there is no end)."
            )
        return len(self)

    def on_epoch_begin(self) -> None:
        """Called before the first batch of each epoch is asked for."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""

    def __iter__(self) -> Iterator:
        count = self.num_batches
        return (self[i] for i in (itertools.count() if count is None else range(count)))


class NumberedPasses:
    """The batches of a :class:`PyDataset`, or of anything else that has ``__getitem__`` and a length.

    Args:
        dataset: The dataset.
        shuffle: Whether each pass has its own order of batches.
        seed: Seed of the order.

    Example:
        >>> passes = NumberedPasses(["a", "b", "c"])
        >>> list(passes.open(0, start=1)), passes.length
        (['b', 'c'], 3)
    """

    seeks = repeats = True

    def __init__(self, dataset: Any, shuffle: bool | str = False, seed: int = 0) -> None:
        self._dataset = dataset
        self._shuffle, self.seed = bool(shuffle), seed
        self._processes: _Processes | None = None
        self.name = type(dataset).__name__
        if self.length == 0:
            raise ValueError(f"{self.name} has no batch: its __len__ returns 0.")

    @property
    def length(self) -> int | None:
        """Number of batches in a pass, ``None`` if it is endless."""
        return self._dataset.num_batches if isinstance(self._dataset, PyDataset) else len(self._dataset)

    def epoch_begins(self) -> None:
        """Call the dataset's ``on_epoch_begin``, if it has one."""
        if hasattr(self._dataset, "on_epoch_begin"):
            self._dataset.on_epoch_begin()

    def epoch_ends(self) -> None:
        """Call the dataset's ``on_epoch_end``, if it has one."""
        if hasattr(self._dataset, "on_epoch_end"):
            self._dataset.on_epoch_end()

    def open(self, number: int, start: int) -> Iterator[Batch]:
        """Return an iterator over the batches of a pass, from the batch ``start`` on."""
        dataset, count = self._dataset, self.length
        order: Iterable[int] = itertools.count(start) if count is None else range(start, count)
        if self._shuffle and count is not None:
            order = shuffled(count, self.seed, number)[start:].tolist()
        workers, waiting = getattr(dataset, "workers", 1), max(1, getattr(dataset, "max_queue_size", 10))
        if getattr(dataset, "use_multiprocessing", False):
            try:
                if self._processes is None:
                    self._processes = _Processes(max(1, workers))
                return self._processes.map(dataset, order, waiting)
            except _NotThere as error:
                dataset.use_multiprocessing = False
                warnings.warn(
                    f"{self.name}(use_multiprocessing=True): other processes cannot make this dataset ({error}), so "
                    "threads make the batches. Processes need a class that a module defines, not a notebook, and a "
                    "script that trains under `if __name__ == '__main__':`.",
                    stacklevel=users_level(),
                )
        if workers > 1:
            return parallel_map(dataset.__getitem__, order, workers, waiting)
        return (dataset[i] for i in order)


class _NotThere(Exception):
    """Raised if other processes cannot read a dataset."""


class _Processes:
    """Processes that hold a copy of a dataset. They are spawned, because a fork of a process with jax may hang."""

    def __init__(self, workers: int) -> None:
        self._folder = tempfile.mkdtemp(prefix="kernelkit-")
        self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
        self._copies = itertools.count()
        weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def map(self, dataset: PyDataset, order: Iterable[int], ahead: int) -> Iterator[Batch]:
        """Return an iterator over the dataset's batches in the given order, from copies of its current state.

        Raises:
            ValueError: If the dataset cannot be pickled.
            _NotThere: If the processes cannot read the dataset, or have died.
        """
        path = os.path.join(self._folder, f"{next(self._copies)}.pickle")
        try:
            with open(path, "wb") as file:
                pickle.dump(dataset, file)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{type(dataset).__name__}(use_multiprocessing=True) must be pickled, which failed: {error}. Define "
                "the class in a module and keep no open files in it, or use threads: use_multiprocessing=False."
            ) from error
        try:
            self._pool.submit(_load, path).result()
        except (AttributeError, ImportError, BrokenProcessPool) as error:
            raise _NotThere(f"{type(error).__name__}: {error}") from error
        return submit_in_order(self._pool, _item, ((path, i) for i in order), ahead)


_copy: dict[str, PyDataset] = {}


def _item(task: tuple[str, int]) -> Any:
    """Return a batch of the copy of a dataset; runs in a worker process."""
    path, index = task
    _load(path)
    return _copy[path][index]


def _load(path: str) -> None:
    """Read the copy of a dataset; runs in a worker process."""
    if path not in _copy:
        _copy.clear()
        with open(path, "rb") as file:
            _copy[path] = pickle.load(file)  # written by the parent process, in a private folder
