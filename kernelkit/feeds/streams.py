"""Sources that yield batches: generators, `tf.data`, torch's `DataLoader`, `PyDataset`. A thread reads ahead."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Protocol

from kernelkit.feeds.ahead import ahead
from kernelkit.feeds.batch import batch_rows, check_is_batch, check_rows
from kernelkit.feeds.convert import one_batch, to_host
from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.feeds.rows import on_device
from kernelkit.placement import Spread
from kernelkit.typing import Batch

_END: Any = object()


class Passes(Protocol):
    """A source of batches that can be read in one or several passes.

    Attributes:
        name: Name of the source in errors, such as "the generator".
        length: Number of batches in a pass, ``None`` if it is unknown or endless.
        seeks: Whether a pass can be opened by its number and at any batch. If so, the batches of an epoch depend on
            its number only, not on the epochs that were read before.
        repeats: Whether a pass can be opened more than once.
        seed: Seed of the order of batches, where passes are shuffled.
    """

    name: str
    seed: int
    seeks: bool
    repeats: bool

    @property
    def length(self) -> int | None: ...

    def open(self, number: int, start: int) -> Iterator[Batch]:
        """Return an iterator over the batches of a pass, from the batch ``start`` on."""

    def epoch_begins(self) -> None:
        """Tell the source that an epoch begins, before its first batch is read."""

    def epoch_ends(self) -> None:
        """Tell the source that an epoch has ended."""


class IterablePasses:
    """Any iterable. An iterator, such as a generator, has one pass only.

    Args:
        source: The iterable.

    Example:
        >>> passes = IterablePasses([1, 2])
        >>> list(passes.open(0, 0)), list(passes.open(1, 0)), passes.length
        ([1, 2], [1, 2], 2)
    """

    seeks = False

    seed = 0

    def __init__(self, source: Iterable[Batch]) -> None:
        self._source = source
        kind = type(source).__name__
        self.name = f"the {kind}" if kind == "generator" else kind
        self.repeats = not hasattr(source, "__next__")

    @property
    def length(self) -> int | None:
        """Number of batches in a pass, ``None`` if unknown."""
        if hasattr(self._source, "cardinality"):
            count = int(self._source.cardinality())
            return count if count >= 0 else None
        try:
            return len(self._source)  # type: ignore[arg-type]
        except TypeError:
            return None

    def open(self, number: int, start: int) -> Iterator[Batch]:
        """Return a new iterator over the source. If the source is an iterator, return its remaining batches."""
        # Elements of a kernelkit dataset are not converted, so arrays on a device stay there.
        return self._source.elements() if hasattr(self._source, "elements") else iter(self._source)

    def epoch_begins(self) -> None:
        """Call the source's ``on_epoch_begin``, if it has one."""
        getattr(self._source, "on_epoch_begin", _nothing)()

    def epoch_ends(self) -> None:
        """Call the source's ``on_epoch_end``, if it has one."""
        getattr(self._source, "on_epoch_end", _nothing)()


def _nothing() -> None:
    return


class StreamFeed(Feed):
    """A source that yields batches, as epochs.

    Without ``steps`` an epoch is one pass over the source. With ``steps`` an epoch has that many batches, and the next
    epoch continues after them. When a pass ends, the next pass begins. A pass without a batch ends the data.

    Args:
        passes: The source.
        steps: Steps in an epoch.
        prepare: Function applied to each batch, such as class weights.
        goes_on: Whether an epoch of ``steps`` continues where the last one stopped. If not, each epoch starts at the
            beginning of the source, if the source can be read again.

    Example:
        >>> import numpy as np
        >>> feed = StreamFeed(IterablePasses([np.array([0]), np.array([1]), np.array([2])]), steps=2)
        >>> [[chunk.data.tolist() for chunk in feed.epoch(number)] for number in range(3)]
        [[[0], [1]], [[2], [0]], [[1], [2]]]
    """

    def __init__(
        self,
        passes: Passes,
        steps: int | None = None,
        prepare: Callable[[Batch], Batch] | None = None,
        goes_on: bool = True,
    ) -> None:
        self._passes = passes
        self._limit = steps
        self._prepare = prepare
        self._goes_on = goes_on or not passes.repeats
        self._check: Callable[[Batch], None] | None = None
        self._first: list[Batch] = []  # the first batch of the next epoch, if `sample` has read it
        self._open: Iterator[Batch] | None = None
        self._number = 0  # of the open pass
        self._read = 0  # batches read from the open pass
        self._following = 0  # the epoch to which the open pass's next batch belongs
        self._ready: int | None = None  # the next epoch, if it was prepared
        self.steps = passes.length if steps is None else steps

    @property
    def seed(self) -> int:
        """Seed of the order of batches, where passes are shuffled."""
        return self._passes.seed

    @seed.setter
    def seed(self, value: int) -> None:
        self._passes.seed = value

    @property
    def rereads(self) -> bool:
        """Whether the batches of an epoch can be read a second time, by a feed that :meth:`anew` returns."""
        return self._passes.repeats and (self._passes.seeks or self._limit is None)

    def anew(self) -> StreamFeed:
        """Return a feed of the same source that has read nothing yet."""
        feed = StreamFeed(self._passes, self._limit, self._prepare, self._goes_on)
        feed.placement = self.placement
        return feed

    def watch(self, check: Callable[[Batch], None]) -> None:
        self._check = check
        for batch in self._first:
            check(batch)

    def sample(self, epoch: int = 0) -> Batch:
        self._begin(epoch)
        if not self._first:
            batch = self._take()
            if batch is _END:
                raise ValueError(
                    f"The data source ({self._passes.name}) yielded no batch. A generator can be used only once: "
                    "make a new one for each call."
                )
            self._first.append(batch)
        return self._first[0]

    def epoch(self, number: int, start: int = 0) -> Generator[Chunk, None, None]:
        yield from ahead(self.batches(number))

    def batches(self, number: int) -> Iterator[Chunk]:
        """Yield the batches of an epoch, each read on demand."""
        self._begin(number)
        self._ready, self._following = None, number + 1
        taken = 0
        while self._limit is None or taken < self._limit:
            batch = self._take()
            if batch is _END:
                return
            taken += 1
            rows = batch_rows(batch)
            data = on_device(batch) if self.placement is None else self._spread(batch, rows, first=taken == 1)
            yield Chunk(data, None, rows, 0, 1)

    def _spread(self, batch: Batch, rows: int, first: bool) -> Spread:
        assert self.placement is not None
        batch = one_batch(batch)
        spread = self.placement.one(batch, rows)
        if first:
            spread.checksum = self.placement.checksum(batch)
        return spread

    def epoch_end(self) -> None:
        self._passes.epoch_ends()

    def _begin(self, epoch: int) -> None:
        """Open the pass in which an epoch begins, unless it is open already."""
        if self._ready == epoch or (self._ready is not None and not self._passes.seeks):
            return
        if self._ready is None:
            self._passes.epoch_begins()
        self._ready = epoch
        if not self._continues(epoch):
            self._first.clear()
            self._number, self._read = self._position(epoch)
            self._open = self._passes.open(self._number, self._read)

    def _continues(self, epoch: int) -> bool:
        """Return whether an epoch begins where the last one stopped."""
        if self._open is None or self._limit is None or not self._goes_on:
            return False
        return not self._passes.seeks or epoch == self._following

    def _position(self, epoch: int) -> tuple[int, int]:
        """Return the number of the pass, and of the batch in it, at which an epoch begins."""
        if self._limit is None:
            return epoch, 0
        if not self._passes.seeks or not self._goes_on:
            return 0, 0
        length = self._passes.length
        return (0, epoch * self._limit) if length is None else divmod(epoch * self._limit, max(1, length))

    def _take(self) -> Batch:
        if self._first:
            return self._first.pop()
        assert self._open is not None
        batch = next(self._open, _END)
        if batch is _END and self._limit is not None:
            self._number, self._read = self._number + 1, 0
            self._open = self._passes.open(self._number, 0)
            batch = next(self._open, _END)  # a pass without a batch ends the data
        if batch is _END:
            return _END
        who = f"{self._passes.name} (batch {self._read + 1})"
        self._read += 1
        check_is_batch(batch, who)
        batch = to_host(batch)
        if self._prepare is not None:
            batch = self._prepare(batch)
        check_rows(batch, who)
        if self._check is not None:
            self._check(batch)
        return batch
