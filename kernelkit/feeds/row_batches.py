"""Arrays that are prepared batch by batch, since prepared whole (texts as vectors, say) they would fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.tree_util as jtu
import numpy as np


class RowBatches:
    """Arrays as an iterable of batches, each time in an order of its own if they are shuffled.

    Args:
        data: Arrays with a leading sample axis, nested as a batch is.
        batch_size: Samples in a batch.
        shuffle: Whether the order differs from epoch to epoch.
        seed: Seed of the order.

    Example:
        >>> [batch.tolist() for batch in RowBatches(np.arange(5), 2)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, data: Any, batch_size: int, shuffle: bool | str = False, seed: int = 0) -> None:
        self._data = data
        self._samples = len(jtu.tree_leaves(data)[0])
        self._batch_size = batch_size
        self._shuffle = shuffle
        self._rng = np.random.Generator(np.random.Philox(key=[seed, 0]))

    def __len__(self) -> int:
        return -(-self._samples // self._batch_size)

    def __iter__(self) -> Iterator[Any]:
        order = self._rng.permutation(self._samples) if self._shuffle else np.arange(self._samples)
        for start in range(0, self._samples, self._batch_size):
            places = order[start : start + self._batch_size]
            yield jtu.tree_map(lambda v: v[places], self._data)  # noqa: B023 - called at once


def prepared_size(samples: int, first: Any) -> int:
    """Return the bytes that all samples take, estimated from prepared first ones."""
    leaves = jtu.tree_leaves(first)
    return samples * sum(leaf.nbytes for leaf in leaves) // max(1, len(leaves[0]))
