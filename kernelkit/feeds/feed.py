"""What every source of data is made into: chunks of batches on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

Array: TypeAlias = np.ndarray | jax.Array

Batch: TypeAlias = Any
"""``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``; each of these an array (samples, ...), or a list, tuple or
dict of them."""


class Chunk(NamedTuple):
    """Batches on the device.

    Attributes:
        data: Arrays with a leading sample axis, nested as a batch is.
        order: Sample indices, or ``None`` if batches lie one after the other.
        batch_size: Samples in a batch.
        first: Number of the first batch to run, counted inside the chunk.
        count: How many batches to run.
    """

    data: Batch
    order: Array | None
    batch_size: int
    first: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which no one needs here


class Feed:
    """A source of data, as epochs of batches.

    Attributes:
        steps: Steps in an epoch, or ``None`` if only the end of the data will tell.
        batch_size: Samples in a full batch, or ``None`` if unknown.
        samples: Samples in an epoch, or ``None`` if unknown.
        seed: Seed of the order of the samples, if they are shuffled.
    """

    steps: int | None = None
    batch_size: int | None = None
    samples: int | None = None
    seed: int = 0

    def sample(self, epoch: int = 0) -> Batch:
        """Return one batch, to learn shapes and dtypes from, without using it up.

        Args:
            epoch: Number of the epoch that comes next: a stream reads its first batch.
        """
        raise NotImplementedError

    def watch(self, check: Callable[[Batch], None]) -> None:
        """Let a function check each batch that is read from now on; its error ends the reading.

        Args:
            check: Function of a batch. Arrays in memory are given to it whole, at once.
        """
        raise NotImplementedError

    def epoch(self, number: int, start: int = 0) -> Iterator[Chunk]:
        """Yield the chunks of an epoch.

        Args:
            number: Number of the epoch; the order of its samples follows from it.
            start: Step to begin with; streams always begin with step 0.
        """
        raise NotImplementedError

    def epoch_end(self) -> None:
        """Tell the source that an epoch has ended."""
