"""Rows gathered by the CPU device straight from NumPy's memory.

On a CPU the device's memory is the host's: an array of any length can be handed to XLA without a copy, and a small
compiled program collects the rows of the next batches. The copy then runs in turn with the training steps, on the same
threads; a Python thread that copied beside them would fight for the same cores, and the steps would wait.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax import lax

ALIGNMENT = 64
"""XLA takes memory without copying it if it begins at a multiple of this many bytes."""

LARGEST = 2**31 - ALIGNMENT
"""Positions in an array are counted with 32 bits."""


class SharedRows:
    """An array in the host's memory, of which the device collects rows.

    Args:
        array: A NumPy array with a leading sample axis. It must not be changed while it is read, as with any data that
            is trained on.

    Example:
        >>> import numpy as np
        >>> rows = SharedRows(np.arange(12, dtype="float32").reshape(4, 3))
        >>> rows.take(np.array([2, 0], "int32"))
        Array([[6., 7., 8.],
               [0., 1., 2.]], dtype=float32)
    """

    def __init__(self, array: np.ndarray) -> None:
        array = np.ascontiguousarray(array)
        self._row = array.shape[1:]
        self._skip = np.int32(array.ctypes.data % ALIGNMENT // array.itemsize)
        self._flat = jax.device_put(np.asarray(_FromBoundary(array)), may_alias=True)

    def take(self, places: np.ndarray) -> jax.Array:
        """Return the rows at the given places, int32 and in range, without waiting for them."""
        return _collect(self._flat, places, self._skip, self._row)


def can_share(array: Any) -> bool:
    """Return whether :class:`SharedRows` can read an array without a copy."""
    return (
        type(array) is np.ndarray
        and 0 < array.size < LARGEST
        and array.flags.c_contiguous
        and array.dtype.kind in "fiub"
        and array.ctypes.data % array.itemsize == 0
        and jax.dtypes.canonicalize_dtype(array.dtype) == array.dtype
    )


class _FromBoundary:
    """The memory of an array from the last boundary before it on.

    What lies between the boundary and the array belongs to the same page of memory and is never looked at.
    """

    def __init__(self, array: np.ndarray) -> None:
        self._array = array  # keeps the memory alive: NumPy and jax keep this object
        before = array.ctypes.data % ALIGNMENT
        self.__array_interface__ = {
            "data": (array.ctypes.data - before, True),
            "shape": (array.size + before // array.itemsize,),
            "typestr": array.dtype.str,
            "version": 3,
        }


@functools.partial(jax.jit, static_argnums=3)
def _collect(flat: jax.Array, places: jax.Array, skip: jax.Array, row: tuple[int, ...]) -> jax.Array:
    length = int(np.prod(row))
    dimensions = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(), start_index_map=(0,))
    starts = (places * length + skip)[:, None]
    rows = lax.gather(flat, starts, dimensions, (length,), mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS)
    return rows.reshape(len(places), *row)
