"""Tables of numbers, shuffled and split in two."""

from __future__ import annotations

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]


def split(x: np.ndarray, y: np.ndarray, test_split: float, seed: int) -> tuple[Pair, Pair]:
    """Return ``(x_train, y_train), (x_test, y_test)``.

    Args:
        x: Features (n, features).
        y: Targets (n,).
        test_split: Share of the samples that are for testing.
        seed: Seed of the order.

    Raises:
        ValueError: If the share is not from 0 to below 1.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"test_split must be from 0 to below 1, got {test_split!r}.")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    at = int(len(x) * (1 - test_split))
    return (x[order[:at]], y[order[:at]]), (x[order[at:]], y[order[at:]])
