"""The protocol of data sources: `Feed`, which yields `Chunk`s of batches on the device."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple

from kernelkit.distribution.batches import BatchPlacement
from kernelkit.typing import Array, Batch


class Chunk(NamedTuple):
    """Batches on the device.

    Attributes:
        data: Arrays with a leading sample axis, nested as a batch is.
        order: Sample indices, or ``None`` if batches lie one after the other.
        batch_size: Samples in a batch.
        first: Number of the first batch to run, counted inside the chunk.
        count: Number of batches to run.
    """

    data: Batch
    order: Array | None
    batch_size: int
    first: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which no one needs here


class Feed:
    """A source of data, as epochs of batches.

    Attributes:
        steps: Steps in an epoch, or ``None`` if unknown before the end of the data.
        batch_size: Samples in a full batch, or ``None`` if unknown.
        samples: Samples in an epoch, or ``None`` if unknown.
        seed: Seed of the order of the samples, if they are shuffled.
        placement: What sends batches to several devices, or ``None`` for one device.
    """

    steps: int | None = None
    batch_size: int | None = None
    samples: int | None = None
    seed: int = 0
    placement: BatchPlacement | None = None

    def sample(self, epoch: int = 0) -> Batch:
        """Return one batch, for its shapes and dtypes. The batch still comes in its epoch.

        Args:
            epoch: Number of the next epoch: a stream reads the first batch of it.
        """
        raise NotImplementedError

    def watch(self, check: Callable[[Batch], None]) -> None:
        """Call a function with each batch that is read from now on; its error ends the reading.

        Args:
            check: Function of a batch. Arrays in memory are passed to it whole, at once.
        """
        raise NotImplementedError

    def epoch(self, number: int, start: int = 0) -> Generator[Chunk, None, None]:
        """Yield the chunks of an epoch.

        Args:
            number: Number of the epoch, which sets the order of its samples.
            start: Step to begin with; streams always begin with step 0.
        """
        raise NotImplementedError

    def epoch_end(self) -> None:
        """Tell the source that an epoch has ended."""
