"""Sources of a debugger's batches: they give any batch of any epoch, as often as needed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit import config
from kernelkit.feeds.arrays import ArrayFeed
from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.feeds.streams import StreamFeed
from kernelkit.viz.debugger.counting import nth

_AHEAD = 64
"""A chunk starts at a multiple of this many steps, so that going back a little needs no new chunk."""


class Drop(NamedTuple):
    """Samples to leave out from some step on."""

    epoch: int
    step: int
    rows: np.ndarray


class ArraySource:
    """Batches of arrays. The seed gives the order of each epoch, so every batch is available at any time.

    Args:
        feed: The arrays.
        drops: Samples to leave out.
    """

    rewinds = "The data are arrays: you can go back to every batch."

    def __init__(self, feed: ArrayFeed, drops: tuple[Drop, ...] = ()) -> None:
        self.feed = feed
        self.drops = drops
        self._orders: dict[int, np.ndarray | None] = {}
        self._chunks: Iterator[Chunk] = iter(())
        self._open: tuple[int, int, int, Chunk] | None = None  # epoch, first step, steps, chunk

    def without(self, drop: Drop) -> ArraySource:
        """Return the same data with samples left out from a step on."""
        return ArraySource(self.feed, (*self.drops, drop))

    def steps(self, epoch: int) -> int:
        """Return the number of steps in an epoch."""
        limit = config.max_steps_per_epoch()
        steps = min(self.feed.steps, -(-self._samples(epoch) // self.feed.batch_size))
        return steps if limit is None else min(steps, limit)

    def has(self, epoch: int, step: int) -> bool:
        """Return whether an epoch has a step of that number."""
        return step < self.steps(epoch)

    def chunk(self, epoch: int, step: int) -> Chunk:
        """Return the batches that begin with a step, as arrays on the device."""
        if self._open is None or not self._covers(epoch, step):
            self._advance(epoch, step)
        assert self._open is not None
        _, first, count, chunk = self._open
        at = step - first
        left = min(count - at, self.steps(epoch) - step)
        return chunk._replace(first=chunk.first + at, count=left)

    def indices(self, epoch: int, step: int) -> np.ndarray:
        """Return the row numbers of a step's samples."""
        size = self.feed.batch_size
        span = slice(step * size, (step + 1) * size)
        order = self._order(epoch)
        return np.arange(self._samples(epoch))[span] if order is None else order[span]

    def _covers(self, epoch: int, step: int) -> bool:
        assert self._open is not None
        opened, first, count, _ = self._open
        return opened == epoch and first <= step < first + count

    def _advance(self, epoch: int, step: int) -> None:
        if self._open is None or self._open[0] != epoch or step != self._open[1] + self._open[2]:
            first = step - step % _AHEAD
            self._chunks = self.feed.chunks(self._order(epoch), first)
        else:
            first = step
        while True:
            chunk = next(self._chunks)
            self._open = (epoch, first, chunk.count, chunk)
            if self._covers(epoch, step):
                return
            first += chunk.count

    def _samples(self, epoch: int) -> int:
        order = self._order(epoch)
        return self.feed.samples if order is None else len(order)

    def _order(self, epoch: int) -> np.ndarray | None:
        if epoch not in self._orders:
            order = self.feed.order(epoch)
            for drop in self.drops:
                if epoch >= drop.epoch:
                    order = np.arange(self.feed.samples, dtype="int32") if order is None else order
                    done = drop.step * self.feed.batch_size if epoch == drop.epoch else 0
                    rest = order[done:]
                    order = np.concatenate([order[:done], rest[~np.isin(rest, drop.rows)]])
            while len(self._orders) > 3:
                self._orders.pop(next(iter(self._orders)))
            self._orders[epoch] = order
        return self._orders[epoch]


class StreamSource:
    """Batches of a stream (any iterable of batches). Batches are kept; a full budget drops the oldest.

    A dropped batch is read again if the stream can restart and then gives the same bytes.

    Args:
        feed: The stream's feed.
        budget: Maximum bytes of kept batches.
        again: Function that returns the stream from its beginning, or ``None`` if it can be read only once.
    """

    drops: tuple[Drop, ...] = ()

    def __init__(self, feed: StreamFeed, budget: int, again: Callable[[], StreamFeed] | None = None) -> None:
        self.feed = feed
        self._budget = budget
        self._again = again
        self._kept: dict[tuple[int, int], Chunk] = {}
        self._sums: dict[tuple[int, int], int] = {}
        self._lengths: dict[int, int] = {}
        self._live: tuple[int, int, Iterator[Chunk]] | None = None
        self._repeat: tuple[int, int, Iterator[Chunk]] | None = None
        self.nbytes = 0

    @property
    def rewinds(self) -> str:
        """The batches that can be reached again, in words."""
        if not self._sums:
            return f"The source yields batches. All {len(self._kept)} so far are kept: you can go back to every one."
        epoch, step = min(self._kept)
        how = (
            "Older ones are read again, if the source gives the same batches twice."
            if self._again is not None
            else "Older ones are gone, because the source can be read only once; a larger memory=... keeps more."
        )
        return f"The source yields batches. Those from batch {nth(step)} of epoch {nth(epoch)} on are kept. {how}"

    def steps(self, epoch: int) -> int | None:
        """Return the number of steps in an epoch, ``None`` if it is not known yet."""
        return self._lengths.get(epoch, self.feed.steps)

    def has(self, epoch: int, step: int) -> bool:
        """Return whether an epoch has a step of that number. This may read the batch."""
        if (epoch, step) in self._kept or (epoch, step) in self._sums:
            return True
        limit = config.max_steps_per_epoch()
        if limit is not None and step >= limit:
            self._end(epoch, step)
        if epoch in self._lengths:
            return step < self._lengths[epoch]
        return self._read(epoch, step)

    def chunk(self, epoch: int, step: int) -> Chunk:
        """Return one batch on the device."""
        if not self.has(epoch, step):
            raise IndexError(f"Epoch {nth(epoch)} has no batch {nth(step)}.")
        return self._kept.get((epoch, step)) or self._read_again(epoch, step)

    def indices(self, epoch: int, step: int) -> None:
        """Return ``None``: a stream does not say which samples its batches hold."""
        return

    def _read(self, epoch: int, step: int) -> bool:
        if self._live is None or self._live[0] != epoch:
            self._live = (epoch, 0, self.feed.batches(epoch))
        assert self._live[1] == step, "batches of a stream come in order"
        chunk = next(self._live[2], None)
        if chunk is None:
            self._end(epoch, step)
            return False
        self._live = (epoch, step + 1, self._live[2])
        self._keep((epoch, step), chunk)
        return True

    def _end(self, epoch: int, step: int) -> None:
        if epoch not in self._lengths:
            self._lengths[epoch] = step
            self.feed.epoch_end()

    def _keep(self, key: tuple[int, int], chunk: Chunk) -> None:
        if jax.default_backend() != "cpu":
            chunk = chunk._replace(data=jtu.tree_map(np.asarray, chunk.data))
        self._kept[key] = chunk
        self.nbytes += _nbytes(chunk)
        while self.nbytes > self._budget and len(self._kept) > 1:
            self._drop(min(self._kept))

    def _drop(self, key: tuple[int, int]) -> None:
        gone = self._kept.pop(key)
        self._sums[key] = _checksum(gone)
        self.nbytes -= _nbytes(gone)

    def _read_again(self, epoch: int, step: int) -> Chunk:
        where = f"Batch {nth(step)} of epoch {nth(epoch)}"
        if self._again is None:
            raise ValueError(
                f"{where} is gone: the source can be read only once, and memory=... had no room to keep it. Go back "
                "fewer steps, give the debugger more memory, or pass data that can be read again (arrays, a Dataset)."
            )
        if self._repeat is None or self._repeat[0] != epoch or self._repeat[1] > step:
            self._repeat = (epoch, 0, self._again().batches(epoch))
        _, at, batches = self._repeat
        chunk = None
        for number in range(at, step + 1):
            chunk = next(batches, None)
            if chunk is None or _checksum(chunk) != self._sums.get((epoch, number), _checksum(chunk)):
                self._repeat = None
                raise ValueError(
                    f"{where} cannot be read again: the source gave other data than the first time (it shuffles, or "
                    "augments at random). A larger memory=... keeps more batches."
                )
        self._repeat = (epoch, step + 1, batches)
        assert chunk is not None
        return chunk


Source = ArraySource | StreamSource


def source_of(feed: Feed, budget: int, again: Callable[[], StreamFeed] | None = None) -> Source:
    """Return the source for a feed of `fit`.

    Args:
        feed: The feed.
        budget: Maximum bytes of kept batches, for a stream.
        again: Function that returns a stream from its beginning.
    """
    if isinstance(feed, ArrayFeed):
        return ArraySource(feed)
    if isinstance(feed, StreamFeed):
        return StreamSource(feed, budget, again)
    raise TypeError(f"A debugger cannot go back in a {type(feed).__name__}.")


def _nbytes(chunk: Chunk) -> int:
    return sum(v.nbytes for v in jtu.tree_leaves(chunk.data))


def _checksum(chunk: Chunk) -> int:
    total = 0
    for value in jtu.tree_leaves(chunk.data):
        total = zlib.crc32(np.ascontiguousarray(value).reshape(-1).view("uint8").data, total)
    return total
