"""`histogram`: counts of values in bins, also for nearly equal values and values near the largest float."""

from __future__ import annotations

import numpy as np

from kernelkit.typing import Tensor


def histogram(values: Tensor, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts of finite values in bins of equal width, and the bins' edges.

    If the values are so close to each other that floats cannot separate that many bins, as weights of a
    normalization are after a few steps, the bins are wider than the range of the values.

    Args:
        values: Finite numbers, in any shape.
        bins: Number of bins.

    Returns:
        ``(counts (bins,), edges (bins + 1,))``; all zeros without values.

    Example:
        >>> histogram([0.0, 1.0, 1.0], 2)
        (array([1, 2]), array([0. , 0.5, 1. ]))
        >>> histogram(np.float32([1.0, 1.0 + 2**-23]), 32)[0].sum()
        np.int64(2)
    """
    values = np.asarray(values, np.float64).reshape(-1)
    if not values.size:
        return np.zeros(bins, int), np.zeros(bins + 1)
    low, high = float(values.min()), float(values.max())
    scale = max(abs(low), abs(high))
    if scale > np.finfo(np.float64).max / 4:  # their range would be infinite
        counts, edges = histogram(values / 8, bins)
        return counts, np.clip(edges, low / 8, high / 8) * 8
    if low == high:
        low, high = low - 0.5, high + 0.5
    least = 8 * bins * np.spacing(max(scale, np.finfo(np.float64).tiny))
    if high - low < least:
        low, high = low - least / 2, high + least / 2
    return np.histogram(values, bins, (low, high))
