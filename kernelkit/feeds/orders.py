"""The order of the samples in an epoch: a permutation that depends on the seed and the epoch's number only."""

from __future__ import annotations

import numpy as np


def shuffled(count: int, seed: int, number: int) -> np.ndarray:
    """Return the numbers below ``count`` in the order of an epoch.

    Args:
        count: Number of numbers.
        seed: Seed of all epochs.
        number: Number of the epoch, or of the pass over the data.

    Example:
        >>> sorted(shuffled(4, seed=3, number=0).tolist())
        [0, 1, 2, 3]
    """
    return np.random.Generator(np.random.Philox(key=[seed, number])).permutation(count)


def order_of_samples(samples: int, batch_size: int, shuffle: bool | str, seed: int, number: int) -> np.ndarray | None:
    """Return the order of the samples in a pass over arrays, ``None`` for the arrays' own order.

    Args:
        samples: Number of samples.
        batch_size: Samples in a batch.
        shuffle: ``True``, ``False`` or ``"batch"`` (whole batches are shuffled, a smaller one stays last).
        seed: Seed of all passes.
        number: Number of the pass.

    Example:
        >>> order_of_samples(7, 2, "batch", seed=0, number=0).tolist()
        [2, 3, 4, 5, 0, 1, 6]
    """
    if not shuffle:
        return None
    if shuffle != "batch":
        return shuffled(samples, seed, number).astype("int32")
    full = samples // batch_size * batch_size
    blocks = np.arange(full, dtype="int32").reshape(-1, batch_size)
    rest = np.arange(full, samples, dtype="int32")
    return np.concatenate([blocks[shuffled(len(blocks), seed, number)].reshape(-1), rest])
