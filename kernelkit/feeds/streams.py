"""Anything that yields batches (generators, `tf.data`, torch's `DataLoader`), read ahead by a thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.tree_util as jtu

from kernelkit.feeds.ahead import ahead
from kernelkit.feeds.batch import batch_rows
from kernelkit.feeds.convert import to_host
from kernelkit.feeds.feed import Chunk, Feed


class StreamFeed(Feed):
    """Anything that yields batches.

    Args:
        source: An iterable of batches; asked for a new iterator when an epoch begins, if it can give one.
        steps: Steps in an epoch; by default an epoch is one pass over the source.
        prepare: Function applied to each batch (weights by class, say).
    """

    def __init__(self, source: Iterable, steps: int | None = None, prepare: Callable[[Any], Any] | None = None) -> None:
        self._source = source
        self._prepare = prepare or (lambda batch: batch)
        self._iterator: Iterator | None = None
        self._first: list = []
        self._limited = steps is not None
        self.steps = steps if steps is not None else _length(source)

    @property
    def restarts(self) -> bool:
        """Whether an epoch is one pass over a source that can be passed over again."""
        return not self._limited and not hasattr(self._source, "__next__")

    def anew(self) -> StreamFeed:
        """Return a feed of the same source, at the beginning of a pass."""
        return StreamFeed(self._source, None, self._prepare)

    def _next(self) -> Any:
        if self._first:
            return self._first.pop()
        if self._iterator is None:
            self._iterator = iter(self._source)
        return self._prepare(to_host(next(self._iterator)))

    def sample(self) -> Any:
        if not self._first:
            try:
                self._first.append(self._next())
            except StopIteration:
                raise ValueError(
                    "The data source gave no batch at all. A generator can be used only once: make a new "
                    "one for each call."
                ) from None
        return self._first[0]

    def epoch(self, number: int, start: int = 0) -> Iterator[Chunk]:
        yield from ahead(self.batches())

    def batches(self) -> Iterator[Chunk]:
        """Yield the batches of the next epoch, each read when it is asked for."""
        taken = 0
        while not self._limited or taken < (self.steps or 0):
            try:
                batch = self._next()
            except StopIteration:
                self._iterator = None
                if self._limited and taken and not isinstance(self._source, Iterator):
                    continue  # an epoch longer than one pass begins the next one
                return
            data = jtu.tree_map(jax.device_put, batch)
            taken += 1
            yield Chunk(data, None, batch_rows(batch), 0, 1)

    def epoch_end(self) -> None:
        if not self._limited:
            self._iterator = None
        if hasattr(self._source, "on_epoch_end"):
            self._source.on_epoch_end()


def _length(source: Any) -> int | None:
    if hasattr(source, "cardinality"):
        count = int(source.cardinality())
        return count if count >= 0 else None
    try:
        return len(source)
    except TypeError:
        return None
