"""Quantiles of data that come in batches, from a summary of bounded size.

A summary is an array (2, n): values in ascending order, and the number of data that each represents.
"""

from __future__ import annotations

import math

import numpy as np

EMPTY = np.zeros((2, 0))


def summarize(values: np.ndarray, error: float) -> np.ndarray:
    """Return the summary of values.

    Args:
        values: Numbers of any shape.
        error: Largest share of the values that one entry may represent.

    Example:
        >>> summarize(np.arange(8.0), 0.25)
        array([[1., 3., 5., 7.],
               [2., 2., 2., 2.]])
    """
    values = np.sort(np.asarray(values, "float64").ravel())
    step = max(len(values) * error, 1.0)
    chosen = values[int(step) - 1 :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def merge(first: np.ndarray, second: np.ndarray, error: float) -> np.ndarray:
    """Return the merged summary of two summaries."""
    both = np.concatenate([first, second], axis=1)
    return compress(both[:, np.argsort(both[0], kind="stable")], error)


def compress(summary: np.ndarray, error: float) -> np.ndarray:
    """Return a smaller summary, interpolated, with one entry for each share ``error`` of the data."""
    if summary.shape[1] * error < 1 - 1e-9:
        return summary
    shares = error * np.arange(1, math.ceil(1 / error - 1e-9) + 1)
    below = summary[1].cumsum()
    values = np.interp(shares, below / below[-1], summary[0])
    weights = np.diff(np.interp(shares, below / below[-1], below), prepend=0.0)
    return np.stack([values, weights])


def boundaries(summary: np.ndarray, bins: int) -> list[float]:
    """Return boundaries that divide the data into bins of about equal size.

    Example:
        >>> boundaries(summarize(np.arange(100.0), 0.01), 4)
        [24.0, 49.0, 74.0]
    """
    return compress(summary, 1.0 / bins)[0, :-1].tolist()
