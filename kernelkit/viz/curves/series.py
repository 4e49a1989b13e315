"""`Series`: a growing series of numbers in bounded memory. It never loses a spike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CAPACITY = 1 << 16
FIRST_ALLOCATION = 1 << 8


@dataclass(frozen=True)
class Buckets:
    """Statistics of neighboring values. Bucket `i` covers values `[start + i * stride, start + (i + 1) * stride)`."""

    start: int
    stride: int
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __len__(self) -> int:
        return len(self.mean)


class Series:
    """A series of appended numbers, kept as buckets of mean, minimum and maximum.

    Up to `capacity` values, each value has its own bucket. A full series merges its buckets in pairs and continues with
    buckets twice as wide. So memory is bounded, and reading costs the same for any number of values. The minimum and
    maximum of every range survive each merge.

    Args:
        capacity: Maximum number of buckets, an even number.

    Example:
        >>> series = Series(capacity=4)
        >>> series.append(np.array([1, 2, 9, 2, 1, 0, 1]))
        >>> series.count, series.stride
        (7, 2)
        >>> series.read().high
        array([2., 9., 1., 1.], dtype=float32)
    """

    def __init__(self, capacity: int = CAPACITY):
        if capacity < 2 or capacity % 2:
            raise ValueError(f"Series needs an even capacity of at least 2, got {capacity}.")
        self.capacity = capacity
        self.stride = 1
        self._filled = 0
        self._tail = np.empty(0, np.float32)
        self._columns = np.empty((3, min(capacity, FIRST_ALLOCATION)), np.float32)

    @property
    def count(self) -> int:
        """Number of appended values."""
        return self._filled * self.stride + len(self._tail)

    @property
    def nbytes(self) -> int:
        """Memory of the values in bytes."""
        return self._columns.nbytes + self._tail.nbytes

    def append(self, values: np.ndarray) -> None:
        """Add values at the end.

        Args:
            values: Array `(n,)` of any number type. NaN means "no value".
        """
        rest = np.asarray(values, np.float32).ravel()
        if len(self._tail):
            rest = np.concatenate([self._tail, rest])
        while len(rest) >= self.stride:
            if self._filled == self.capacity:
                self._merge_pairs()
                continue
            taken = min(len(rest) // self.stride, self.capacity - self._filled)
            self._reserve(self._filled + taken)
            whole = rest[: taken * self.stride]
            self._columns[:, self._filled : self._filled + taken] = _reduce(_thrice(whole), self.stride)
            rest = rest[taken * self.stride :]
            self._tail = rest[:0]
            self._filled += taken
        self._tail = rest.copy()

    def read(self, start: int = 0, stride: int = 1) -> Buckets:
        """Return the buckets of the values from `start` to the end.

        Args:
            start: Index of the first value, rounded down to the start of its bucket.
            stride: Values per bucket, rounded up to the kept stride times a power of two.

        Returns:
            The `Buckets`. The last one may cover fewer values than the others.
        """
        wide = self.stride
        while wide < stride:
            wide *= 2
        start = min(start, self.count) // wide * wide
        columns = self._columns[:, start // self.stride : self._filled]
        if len(self._tail):
            columns = np.concatenate([columns, _reduce(_thrice(self._tail), self.stride)], axis=1)
        return Buckets(start, wide, *_reduce(columns, wide // self.stride))

    def _reserve(self, size: int) -> None:
        if size > self._columns.shape[1]:
            grown = np.empty((3, min(self.capacity, max(size, 2 * self._columns.shape[1]))), np.float32)
            grown[:, : self._filled] = self._columns[:, : self._filled]
            self._columns = grown

    def _merge_pairs(self) -> None:
        half = self._filled // 2
        self._columns[:, :half] = _reduce(self._columns[:, : self._filled], 2)
        self._filled = half
        self.stride *= 2


def _reduce(columns: np.ndarray, width: int) -> np.ndarray:
    """Merge every `width` neighbors of means, lows and highs `(3, n)`. The last group may be smaller.

    Lows and highs ignore NaN.
    """
    if width == 1 or not columns.shape[1]:
        return columns
    mean, low, high = columns
    starts = np.arange(0, len(mean), width)
    reduced = np.empty((3, len(starts)), np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.add.reduceat(mean, starts, dtype=np.float64)
        sums[:-1] /= width
        sums[-1] /= len(mean) - starts[-1]
        reduced[0] = sums
        np.fmin.reduceat(low, starts, out=reduced[1])
        np.fmax.reduceat(high, starts, out=reduced[2])
    return reduced


def _thrice(values: np.ndarray) -> np.ndarray:
    """Return single values as their own means, lows and highs."""
    return np.broadcast_to(values, (3, len(values)))
