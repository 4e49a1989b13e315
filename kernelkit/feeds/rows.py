"""Rows of arrays, copied into memory and a dtype that the device takes without another copy."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit import config, dtypes
from kernelkit.feeds.file_rows import FileRows
from kernelkit.feeds.sparse_rows import SparseRows
from kernelkit.typing import Batch, Tree

CONVERTED_BYTES = 2**30
"""Arrays of another dtype, such as float64, are converted once up to this size, and chunk by chunk above it."""


def host_array(value: Any) -> np.ndarray:
    """Return an array as a NumPy array of a dtype that the device takes."""
    value = np.asarray(value)
    dtype = device_dtype(value.dtype)
    return value if value.dtype == dtype else value.astype(dtype)


def on_device(batch: Batch) -> Batch:
    """Return a batch's arrays on the device, in dtypes that it takes."""
    return jtu.tree_map(lambda v: v if isinstance(v, jax.Array) else jax.device_put(host_array(v)), batch)


def device_dtype(dtype: Any) -> Any:
    """Return the dtype that training uses for data of a NumPy dtype."""
    if dtype.kind in "OUS":
        raise TypeError(
            "Strings cannot be trained on. Turn them into numbers with StringLookup or TextVectorization: labels "
            "before they are given to fit(), inputs in the first layers of a Sequential or functional model."
        )
    settings: Any = jax.config  # the typed flags depend on jax's version
    return _dtype_for(dtype, config.floatx(), settings.jax_enable_x64)


@functools.cache
def _dtype_for(dtype: Any, floatx: str, wide: bool) -> Any:
    """Return the dtype that training uses for a dtype; ``wide`` (jax's 64-bit mode) is part of the cache key."""
    return jax.numpy.dtype(floatx) if dtype == np.float64 else dtypes.canonical(dtype)


def converted(value: Any) -> Any:
    """Return an array in the device's dtype if it is small enough to convert whole, otherwise unchanged."""
    if isinstance(value, (np.memmap, FileRows, SparseRows)):
        return value
    value = np.asarray(value)
    fits = value.size * device_dtype(value.dtype).itemsize <= CONVERTED_BYTES
    return np.ascontiguousarray(host_array(value)) if fits else value


def host_rows(value: Any, places: Any) -> np.ndarray:
    """Return some rows of an array as a NumPy array of a dtype that the device takes."""
    rows = np.asarray(value[places])
    return rows.astype(device_dtype(rows.dtype), copy=False)


def fill(source: Tree, places: Any, count: int, room: int) -> np.ndarray:
    """Copy rows into a new array with room for more, aligned so that jax takes it without another copy."""
    source = source if isinstance(source, (np.ndarray, FileRows, SparseRows)) else np.asarray(source)
    dtype = device_dtype(source.dtype)
    target = aligned((room, *source.shape[1:]), dtype)
    if isinstance(source, SparseRows):
        source.write(places, target[:count])
    elif isinstance(places, slice) or isinstance(source, FileRows):
        target[:count] = source[places]
    elif source.dtype == dtype:
        np.take(source, places, axis=0, out=target[:count], mode="clip")
    else:
        target[:count] = source[places]
    return target


def aligned(shape: tuple, dtype: Any, boundary: int = 64) -> np.ndarray:
    """Return an uninitialized array whose memory begins at a multiple of ``boundary`` bytes."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.empty(size + boundary, "uint8")
    offset = -raw.ctypes.data % boundary
    return raw[offset : offset + size].view(dtype).reshape(shape)


def fits_on_accelerator(leaves: list) -> bool:
    """Return whether arrays take less than a quarter of an accelerator's free memory."""
    device = jax.devices()[0]
    if device.platform == "cpu" or any(isinstance(v, (np.memmap, FileRows, SparseRows)) for v in leaves):
        return False
    stats = device.memory_stats() or {}
    room = stats.get("bytes_limit", 2**30) - stats.get("bytes_in_use", 0)
    return sum(v.nbytes for v in leaves) < 0.25 * room


def is_small(leaves: list, limit: int) -> bool:
    """Return whether a copy of arrays on the CPU takes little memory."""
    if jax.default_backend() != "cpu" or any(isinstance(v, (np.memmap, FileRows, SparseRows)) for v in leaves):
        return False
    return sum(v.size * device_dtype(v.dtype).itemsize for v in leaves) <= limit
