"""Arrays as chunks of batches.

Arrays are copied to an accelerator once, whole, and each batch is gathered there by index. On the CPU this is done for
small shuffled arrays. For larger arrays, the host gathers the next batches while the current ones are computed.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterator
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.distribution.batches import BatchPlacement
from kernelkit.feeds.ahead import ahead
from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.feeds.file_rows import FileRows, can_read
from kernelkit.feeds.orders import order_of_samples
from kernelkit.feeds.rows import converted, fill, fits_on_accelerator, host_array, host_rows, is_small
from kernelkit.typing import Batch, Tree

CHUNK_BYTES = 8 * 2**20
"""A chunk of this size stays in the processor's cache, and is copied while the device computes."""

RESIDENT_BYTES = 64 * 2**20
"""On the CPU, arrays up to this size are copied once for a fit of several epochs, and each step takes its rows from the
copy. Gathering rows during small steps would make these a tenth slower. Larger copies take too much memory."""


class ArrayFeed(Feed):
    """Arrays in memory.

    Args:
        data: NumPy or jax arrays with a leading sample axis, nested as a batch is.
        batch_size: Samples in a step; the last step of an epoch may have fewer.
        shuffle: ``True``, ``False`` or ``"batch"`` (shuffle within blocks of a batch's size).
        seed: Seed of the order; epochs differ.
        steps: Steps in an epoch, if an epoch doesn't use all data. The next epoch continues from there; the end of the
            data ends an epoch early.
        epochs: Number of epochs that will be read, if known.
    """

    steps: int
    batch_size: int
    samples: int

    def __init__(
        self,
        data: Tree,
        batch_size: int,
        shuffle: bool | str = False,
        seed: int = 0,
        steps: int | None = None,
        epochs: int = 1,
    ) -> None:
        leaves, self._treedef = jtu.tree_flatten(data)
        self.samples = len(leaves[0])
        self.batch_size = min(batch_size, self.samples)
        available = -(-self.samples // self.batch_size)
        self.steps = available if steps is None else min(steps, available)
        self._epochs_in_pass = -(-available // self.steps)
        self._shuffle = shuffle
        self.seed = seed
        self._leaves = [FileRows(v) if can_read(v) else v for v in leaves]
        self._resident: list | None = None
        self._check: Callable[[Batch], None] | None = None
        self._on_device = fits_on_accelerator(self._leaves)
        # For a single epoch larger than a chunk, making a copy would take longer than it saves.
        self._is_copied = bool(shuffle) and is_small(self._leaves, RESIDENT_BYTES if epochs > 1 else CHUNK_BYTES)

    def order(self, number: int) -> np.ndarray | None:
        """Return the order of the samples in an epoch, ``None`` for the arrays' own order from the first sample."""
        number, part = divmod(number, self._epochs_in_pass)
        order = order_of_samples(self.samples, self.batch_size, self._shuffle, self.seed, number)
        if not part:
            return order
        order = np.arange(self.samples, dtype="int32") if order is None else order
        return order[part * self.steps * self.batch_size :]

    def whole(self) -> Batch:
        """Return all data, nested as a batch is, in the order of the arrays."""
        return jtu.tree_unflatten(self._treedef, self._leaves)

    def sample(self, epoch: int = 0) -> Batch:
        return jtu.tree_unflatten(self._treedef, [host_rows(v, slice(0, self.batch_size)) for v in self._leaves])

    def watch(self, check: Callable[[Batch], None]) -> None:
        if any(isinstance(v, FileRows) for v in self._leaves):
            self._check = check  # a file may be larger than the memory
        else:
            check(self.whole())

    def kinds_of_chunks(self) -> list[Chunk]:
        """Return a chunk of each shape in an epoch without a shuffle: the full batches, and a smaller last one.

        Rows of a file are not read for this: then the list is empty.
        """
        if any(isinstance(v, FileRows) for v in self._leaves):
            return []
        with contextlib.closing(self.chunks(None)) as chunks:
            first = next(chunks)
        smaller = self.smaller_last_batch()
        return [first] if smaller is None else [first, smaller]

    def smaller_last_batch(self) -> Chunk | None:
        """Return a chunk of the shape of an epoch's last batch, if that is smaller than the others."""
        if self._on_device or any(isinstance(v, FileRows) for v in self._leaves):
            return None
        full = min(self.samples // self.batch_size, self.steps)
        return next(self._last_chunk(None, full), None)

    def epoch(self, number: int, start: int = 0) -> Generator[Chunk, None, None]:
        yield from self.chunks(self.order(number), start)

    def chunks(self, order: np.ndarray | None, start: int = 0) -> Generator[Chunk, None, None]:
        """Yield the chunks of an epoch whose samples come in a given order.

        Args:
            order: Places of the samples, of all or of some; ``None`` for all in the order of the arrays.
            start: Step to begin with.
        """
        full = min((self.samples if order is None else len(order)) // self.batch_size, self.steps)
        if self.placement is not None:
            chunks = self._spread_chunks(self.placement, order, start, full)
            yield from chunks if jax.default_backend() == "cpu" else ahead(chunks)
        elif self._on_device:
            yield from self._resident_chunks(order, start, full)
        elif self._is_copied and order is not None and full > 1:
            yield from self._copied_chunks(order, start, full)
        elif jax.default_backend() == "cpu" and not any(isinstance(v, FileRows) for v in self._leaves):
            # The loop asks for the next rows while earlier steps run. A thread that copied rows at any time would
            # take cores away from the threads of a step.
            yield from self._host_chunks(order, start, full)
        else:
            yield from ahead(self._host_chunks(order, start, full))

    def _resident_chunks(self, order: np.ndarray | None, start: int, full: int) -> Iterator[Chunk]:
        if self._resident is None:
            self._resident = [jax.device_put(host_array(v)) for v in self._leaves]
        data = jtu.tree_unflatten(self._treedef, self._resident)
        places = jax.device_put(np.arange(self.samples, dtype="int32") if order is None else order)
        if start < full:
            yield Chunk(data, places, self.batch_size, start, full - start)
        rest = len(places) - full * self.batch_size
        if full < self.steps and rest:
            rows = places[full * self.batch_size :]
            yield Chunk(jtu.tree_map(lambda v: v[rows], data), None, rest, 0, 1)

    def _copied_chunks(self, order: np.ndarray, start: int, full: int) -> Iterator[Chunk]:
        # Room for a chunk, or for a power of two of rows, so that fits of different lengths share executables. The
        # pages after the last row are never touched and take no memory.
        room = self._capacity() * self.batch_size
        if self.samples > room:
            room = 1 << (self.samples - 1).bit_length()
        if self._resident is None:
            rows = slice(0, self.samples)
            filled = [fill(v, rows, self.samples, room) for v in self._leaves]
            self._resident = [jax.device_put(v, may_alias=True) for v in filled]
        places = np.zeros(room, "int32")
        places[: len(order)] = order
        if start < full:
            data = jtu.tree_unflatten(self._treedef, self._resident)
            yield Chunk(data, jax.device_put(places), self.batch_size, start, full - start)
        yield from self._last_chunk(order, full)

    def _capacity(self) -> int:
        row = sum(math.prod(v.shape[1:]) * v.dtype.itemsize for v in self._leaves)
        batches = max(1, CHUNK_BYTES // max(1, row * self.batch_size))
        # A power of two, whatever the number of samples, so that fits of different lengths share one executable.
        return min(512, 1 << (batches.bit_length() - 1))

    def _host_chunks(self, order: np.ndarray | None, start: int, full: int) -> Iterator[Chunk]:
        size, capacity = self.batch_size, self._capacity() if full > 1 else 1
        if full > capacity:
            self._leaves = [converted(v) for v in self._leaves]
        for first in range(start, full, capacity):
            count = min(capacity, full - first)
            places = (
                slice(first * size, (first + count) * size)
                if order is None
                else order[first * size : (first + count) * size]
            )
            yield Chunk(self._gather(places, count * size, capacity * size), None, size, 0, count)
        yield from self._last_chunk(order, full)

    def _spread_chunks(
        self, placement: BatchPlacement, order: np.ndarray | None, start: int, full: int
    ) -> Iterator[Chunk]:
        """Yield chunks for several devices. With several processes, each gathers its own rows only."""
        size, capacity = self.batch_size, self._capacity() if full > 1 else 1
        if full > capacity:
            self._leaves = [converted(v) for v in self._leaves]
        groups = [(first, min(capacity, full - first), size, capacity) for first in range(start, full, capacity)]
        rest = (self.samples if order is None else len(order)) - full * size
        if full < self.steps and rest:
            groups.append((full, 1, rest, 1))
        for first, count, rows, room in groups:
            mine = placement.rows(rows)
            wide = mine.stop - mine.start
            begins = (first + np.arange(count))[:, None] * size
            places = (begins + np.arange(mine.start, mine.stop)).reshape(-1)
            gathered = [
                fill(v, places if order is None else order[places], count * wide, room * wide) for v in self._leaves
            ]
            if self._check is not None:
                self._check(jtu.tree_unflatten(self._treedef, [v[: count * wide] for v in gathered]))
            batches = [v.reshape(room, wide, *v.shape[1:]) for v in gathered]
            yield Chunk(placement.put(jtu.tree_unflatten(self._treedef, batches), rows), None, rows, 0, count)

    def _last_chunk(self, order: np.ndarray | None, full: int) -> Iterator[Chunk]:
        first = full * self.batch_size
        rest = (self.samples if order is None else len(order)) - first
        if full < self.steps and rest:
            places = slice(first, None) if order is None else order[first:]
            yield Chunk(self._gather(places, rest, rest), None, rest, 0, 1)

    def _gather(self, places: Any, count: int, room: int) -> Any:
        if count == room and isinstance(places, slice) and all(type(v) is np.ndarray for v in self._leaves):
            # Rows in order need no copy: a dispatch takes NumPy arrays too.
            rows: list = [host_array(v[places]) for v in self._leaves]
        else:
            filled = [fill(v, places, count, room) for v in self._leaves]
            if self._check is not None:
                self._check(jtu.tree_unflatten(self._treedef, [v[:count] for v in filled]))
            rows = [jax.device_put(v, may_alias=True) for v in filled]
        return jtu.tree_unflatten(self._treedef, rows)
