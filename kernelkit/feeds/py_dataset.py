"""`PyDataset`: batches by number, made by several threads or processes."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import tempfile
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import batch_rows
from kernelkit.feeds.convert import to_host
from kernelkit.feeds.feed import Chunk
from kernelkit.feeds.parallel import parallel_map, submit_in_order
from kernelkit.feeds.streams import StreamFeed


class PyDataset:
    """A dataset whose batches are asked for by number; `fit`, `evaluate` and `predict` take it.

    A subclass defines ``__getitem__(self, index)``, which returns a whole batch, and ``__len__``, the number of batches
    (or the property ``num_batches``, which may be ``None``: there is no end). It may define ``on_epoch_begin`` and
    ``on_epoch_end``.

    Args:
        workers: Threads or processes that make batches ahead.
        use_multiprocessing: Whether they are processes, to which the dataset is pickled anew for each epoch.
        max_queue_size: Batches that may wait.

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
        """The number of batches in an epoch; ``None`` if there is no end."""
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


class PyDatasetFeed(StreamFeed):
    """Batches of a :class:`PyDataset`.

    Args:
        dataset: The dataset.
        steps: Steps in an epoch, if not as many as batches.
        shuffle: Whether each epoch has an order of batches of its own.
        seed: Seed of the order.
        prepare: Function applied to each batch.
    """

    def __init__(
        self,
        dataset: PyDataset,
        steps: int | None = None,
        shuffle: bool | str = False,
        seed: int = 0,
        prepare: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(dataset, steps, prepare)
        self._dataset = dataset
        self._shuffle, self._seed = bool(shuffle), seed
        self._sample: list = []
        self._rest: Iterator | None = None
        self._passes = itertools.count()
        self._processes: _Processes | None = None
        self.steps = dataset.num_batches if steps is None else steps

    def sample(self) -> Any:
        if not self._sample:
            if self._dataset.num_batches == 0:
                raise ValueError(f"{type(self._dataset).__name__} has no batch: its __len__ returns 0.")
            self._sample.append(self._prepare(to_host(self._dataset[0])))
        return self._sample[0]

    @property
    def restarts(self) -> bool:
        """Whether each pass gives the same batches in the same order."""
        return not self._limited and not self._shuffle

    def anew(self) -> PyDatasetFeed:
        """Return a feed of the same dataset, at the beginning of a pass."""
        return PyDatasetFeed(self._dataset, None, False, 0, self._prepare)

    def epoch_end(self) -> None:
        self._dataset.on_epoch_end()

    def batches(self) -> Iterator[Chunk]:
        """Yield the batches of the next epoch, each made when it is asked for or a little before."""
        self._dataset.on_epoch_begin()
        taken = 0
        while not self._limited or taken < (self.steps or 0):
            if self._rest is None:
                self._rest = self._pass()
            for batch in self._rest:
                batch = self._prepare(to_host(batch))
                yield Chunk(jtu.tree_map(jax.device_put, batch), None, batch_rows(batch), 0, 1)
                taken += 1
                if self._limited and taken >= (self.steps or 0):
                    return  # what is left of this pass belongs to the next epoch
            self._rest = None
            if not self._limited:
                return

    def _pass(self) -> Iterator:
        """Return the batches of one pass."""
        dataset, count = self._dataset, self._dataset.num_batches
        order: Any = itertools.count() if count is None else range(count)
        if self._shuffle and count is not None:
            key = [self._seed, next(self._passes)]
            order = np.random.Generator(np.random.Philox(key=key)).permutation(count).tolist()
        waiting = max(1, dataset.max_queue_size)
        if dataset.use_multiprocessing:
            if self._processes is None:
                self._processes = _Processes(max(1, dataset.workers))
            return self._processes.map(dataset, order, waiting)
        if dataset.workers > 1:
            return parallel_map(dataset.__getitem__, order, dataset.workers, waiting)
        return (dataset[i] for i in order)


class _Processes:
    """Processes that hold a copy of a dataset. They are started anew, since a fork of a process with jax may hang."""

    def __init__(self, workers: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kernelkit-")
        self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
        self._copies = itertools.count()
        weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)

    def map(self, dataset: PyDataset, order: Any, ahead: int) -> Iterator:
        """Yield the dataset's batches in an order; the copies are as the dataset is now."""
        path = os.path.join(self._folder.name, f"{next(self._copies)}.pickle")
        try:
            with open(path, "wb") as file:
                pickle.dump(dataset, file)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(
                f"{type(dataset).__name__}(use_multiprocessing=True) must be pickled, which failed: {error}. Define "
                "the class in a module and keep no open files in it, or use threads: use_multiprocessing=False."
            ) from error
        yield from submit_in_order(self._pool, _item, ((path, i) for i in order), ahead)


_copy: dict[str, PyDataset] = {}


def _item(task: tuple[str, int]) -> Any:
    """Return a batch of the copy of a dataset, in a process of its own."""
    path, index = task
    if path not in _copy:
        _copy.clear()
        with open(path, "rb") as file:
            _copy[path] = pickle.load(file)  # written by this program's own parent, in a folder that is only its own
    return _copy[path][index]
