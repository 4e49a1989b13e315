"""Rows of a memory-mapped array, read from its file.

Rows that are read through the map stay in memory, soon the whole file if rows are shuffled. Rows from the file do not
stay.
"""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np


class FileRows:
    """An array that `np.memmap` (or `np.load(mmap_mode=...)`) opened, read row by row.

    Args:
        array: The memory-mapped array, contiguous, with a leading sample axis; see :func:`can_read`.

    Attributes:
        shape: Shape of the array.
        dtype: Dtype of the array.
        nbytes: Bytes of the array.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "x.npy")
        ...     np.save(path, np.arange(6.0).reshape(3, 2))
        ...     FileRows(np.load(path, mmap_mode="r")).read(np.array([2, 0])).tolist()
        [[4.0, 5.0], [0.0, 1.0]]
    """

    def __init__(self, array: np.memmap) -> None:
        if array.mode != "r":
            array.flush()
        self.shape, self.dtype, self.nbytes = array.shape, array.dtype, array.nbytes
        self.ndim = array.ndim
        self._array = array
        self._row = array.nbytes // len(array)
        start = np.frombuffer(array._mmap, "uint8").ctypes.data  # type: ignore[attr-defined]
        self._begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY + array.ctypes.data - start
        self._file = os.open(str(array.filename), os.O_RDONLY)

    def __len__(self) -> int:
        return self.shape[0]

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def read(self, places: slice | np.ndarray) -> np.ndarray:
        """Return the rows of a slice without a step, or at the given places.

        Raises:
            OSError: If the file has become too short.
        """
        if isinstance(places, slice):
            first, last, _ = places.indices(len(self))
            rows = np.empty((max(0, last - first), *self.shape[1:]), self.dtype)
            self._read_into(rows.data.cast("B") if rows.size else memoryview(b""), first)
            return rows
        rows = np.empty((len(places), *self.shape[1:]), self.dtype)
        memory = rows.data.cast("B") if rows.size else memoryview(b"")
        for i, place in enumerate(places.tolist()):
            self._read_into(memory[i * self._row : (i + 1) * self._row], place)
        return rows

    def __getitem__(self, places: Any) -> np.ndarray:
        return self.read(places)

    def _read_into(self, memory: memoryview, row: int) -> None:
        position = self._begin + row * self._row
        while memory:
            count = os.preadv(self._file, [memory], position)
            if count == 0:
                raise OSError(f"The file {self._array.filename} ended while row {row} was read: was it truncated?")
            memory, position = memory[count:], position + count


def can_read(array: Any) -> bool:
    """Return whether :class:`FileRows` can take an array: a shared, contiguous map of a file with a name."""
    return (
        isinstance(array, np.memmap)
        and array.mode in ("r", "r+", "w+")  # in mode "c" the map may differ from the file
        and array.size > 0
        and array.flags.c_contiguous
        and os.path.isfile(array.filename or "")  # a map may have no file name, or its file may be deleted
        and getattr(array, "_mmap", None) is not None
        and hasattr(os, "preadv")
    )
