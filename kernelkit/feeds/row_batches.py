"""Arrays prepared batch by batch: all prepared rows at once (texts as vectors) would fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.orders import order_of_samples
from kernelkit.typing import Batch


class RowBatches:
    """The rows of arrays as batches. Shuffled rows have a new order in each pass.

    Args:
        data: Arrays with a leading sample axis, nested as a batch is.
        batch_size: Samples in a batch.
        shuffle: ``True``, ``False`` or ``"batch"``, as `fit` takes it.
        seed: Seed of the order.

    Example:
        >>> [batch.tolist() for batch in RowBatches(np.arange(5), 2).open(0, 0)]
        [[0, 1], [2, 3], [4]]
    """

    name = "the arrays"
    seeks = repeats = True

    def __init__(self, data: Batch, batch_size: int, shuffle: bool | str = False, seed: int = 0) -> None:
        self._data = data
        self._samples = len(jtu.tree_leaves(data)[0])
        self._batch_size = batch_size
        self._shuffle, self.seed = shuffle, seed

    @property
    def length(self) -> int:
        """Number of batches in a pass."""
        return -(-self._samples // self._batch_size)

    def open(self, number: int, start: int) -> Iterator[Batch]:
        """Return an iterator over the batches of a pass, from the batch ``start`` on."""
        order = order_of_samples(self._samples, self._batch_size, self._shuffle, self.seed, number)
        for first in range(start * self._batch_size, self._samples, self._batch_size):
            span = slice(first, min(first + self._batch_size, self._samples))
            places = np.arange(span.start, span.stop) if order is None else order[span]
            yield jtu.tree_map(lambda v: v[places], self._data)  # noqa: B023 - called at once

    def epoch_begins(self) -> None:
        """Do nothing: arrays do not depend on epochs."""

    def epoch_ends(self) -> None:
        """Do nothing: arrays do not depend on epochs."""


def prepared_size(samples: int, first: Any) -> int:
    """Return the bytes of all prepared samples, estimated from the first ones."""
    leaves = jtu.tree_leaves(first)
    return samples * sum(leaf.nbytes for leaf in leaves) // max(1, len(leaves[0]))
