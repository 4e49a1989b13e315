"""What every source of data is made into: chunks of batches on the device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Chunk(NamedTuple):
    """Batches on the device.

    Attributes:
        data: Arrays with a leading sample axis, nested as a batch is.
        order: Sample indices, or ``None`` if batches lie one after the other.
        batch_size: Samples in a batch.
        first: Number of the first batch to run, counted inside the chunk.
        count: How many batches to run.
    """

    data: Any
    order: Any
    batch_size: int
    first: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which no one needs here


class Feed:
    """A source of data.

    Attributes:
        steps: Steps in an epoch, or ``None`` if only the end of the data will tell.
        batch_size: Samples in a full batch, or ``None`` if unknown.
        samples: Samples in an epoch, or ``None`` if unknown.
    """

    steps: int | None = None
    batch_size: int | None = None
    samples: int | None = None

    def sample(self) -> Any:
        """Return one batch (of shapes and dtypes that can be relied on) without using it up."""
        raise NotImplementedError

    def epoch(self, number: int, start: int = 0) -> Iterator[Chunk]:
        """Yield the chunks of an epoch, from a given step on."""
        raise NotImplementedError

    def epoch_end(self) -> None:
        """Tell the source that an epoch has ended."""
