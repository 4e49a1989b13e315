"""The rows of sparse data: kept sparse, and made dense one batch at a time.

Steps are compiled for dense batches of one shape. Sparse batches would need a new compile for each number of values.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from kernelkit.sparse import is_sparse
from kernelkit.typing import DType, Tree


class SparseRows:
    """A sparse array, kept row by row.

    Args:
        starts: Ints (rows + 1,): the index of each row's first value, then the number of all values.
        places: Ints (values,): the index of each value in its flattened row; no index twice in a row.
        values: The values that are not 0.
        shape: Shape of the whole array, (rows, ...).

    Attributes:
        shape: As given.
        dtype: Dtype of the values.
        nbytes: Bytes of the sparse data.

    Example:
        >>> rows = SparseRows(np.array([0, 1, 1, 3]), np.array([2, 0, 1]), np.array([5.0, 6.0, 7.0]), (3, 4))
        >>> np.asarray(rows[np.array([2, 0])]).tolist()
        [[6.0, 7.0, 0.0, 0.0], [0.0, 0.0, 5.0, 0.0]]
    """

    def __init__(self, starts: np.ndarray, places: np.ndarray, values: np.ndarray, shape: tuple) -> None:
        self._starts, self._places, self._values = starts, places, values
        self.shape, self.dtype = tuple(shape), values.dtype
        self.ndim = len(self.shape)
        self.nbytes = starts.nbytes + places.nbytes + values.nbytes

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> SparseRows:
        """Return some of the rows, sparse."""
        counts, found = self._find(rows)
        starts = np.concatenate([[0], np.cumsum(counts)])
        return SparseRows(starts, self._places[found], self._values[found], (len(counts), *self.shape[1:]))

    def write(self, rows: slice | np.ndarray, target: np.ndarray) -> None:
        """Fill a dense array (rows, ...) with some of the rows."""
        counts, found = self._find(rows)
        target[...] = 0
        flat = target.reshape(len(counts), -1)
        flat[np.repeat(np.arange(len(counts)), counts), self._places[found]] = self._values[found]

    def _find(self, rows: slice | np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the number of values in each row, and their indices."""
        if isinstance(rows, slice):
            first, last, _ = rows.indices(len(self))
            last = max(first, last)
            return np.diff(self._starts[first : last + 1]), slice(self._starts[first], self._starts[last])
        begin, counts = self._starts[:-1][rows], np.diff(self._starts)[rows]
        before = np.cumsum(counts) - counts
        return counts, np.repeat(begin - before, counts) + np.arange(counts.sum())

    def __array__(self, dtype: DType = None, copy: bool | None = None) -> np.ndarray:
        dense = np.empty(self.shape, self.dtype if dtype is None else dtype)
        self.write(slice(None), dense)
        return dense


def is_sparse_data(value: Any) -> bool:
    """Return whether a value is sparse: an array of jax, a matrix or array of SciPy, or :class:`SparseRows`."""
    return is_sparse(value) or isinstance(value, SparseRows) or _is_scipy(value)


def _is_scipy(value: Any) -> bool:
    scipy = sys.modules.get("scipy.sparse")
    return scipy is not None and scipy.issparse(value)


def sparse_rows(data: Tree) -> SparseRows:
    """Return sparse data as rows.

    Args:
        data: Data for which :func:`is_sparse_data` is true.

    Raises:
        ValueError: If the data are a single number.
    """
    if isinstance(data, SparseRows):
        return data
    if not data.shape:
        raise ValueError("Sparse data need a leading axis of samples, got a single number.")
    if _is_scipy(data):
        coordinates = data.tocoo()
        columns = getattr(coordinates, "coords", None) or (coordinates.row, coordinates.col)
        return _of_coordinates(tuple(map(np.asarray, columns)), np.asarray(coordinates.data), data.shape)
    from kernelkit.sparse.arrays import as_bcoo, plain  # this import loads parts of jax that most programs don't need

    data = plain(as_bcoo(data))
    indices, values = np.asarray(data.indices), np.asarray(data.data)
    inside = (indices < np.array(data.shape)).all(axis=-1)
    return _of_coordinates(tuple(indices[inside].T), values[inside], data.shape)


def _of_coordinates(columns: tuple, values: np.ndarray, shape: tuple) -> SparseRows:
    """Return the rows of values given by their coordinates; values at the same place are added."""
    width = math.prod(shape[1:])
    inside = np.ravel_multi_index(columns[1:], shape[1:]) if len(shape) > 1 else 0
    keys = columns[0].astype("int64") * width + inside
    ordered = bool((keys[1:] > keys[:-1]).all())
    if not ordered:
        keys, slots = np.unique(keys, return_inverse=True)
        sums = np.zeros(len(keys), values.dtype)
        np.add.at(sums, slots, values)
        values = sums
    starts = np.searchsorted(keys, np.arange(shape[0] + 1) * width)
    return SparseRows(starts, (keys % max(1, width)).astype("int32" if width < 2**31 else "int64"), values, shape)
