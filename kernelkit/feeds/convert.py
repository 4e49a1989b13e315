"""Data of any library, converted to arrays of NumPy or jax."""

from __future__ import annotations

from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.frames import frame_array, is_frame
from kernelkit.feeds.rows import host_array
from kernelkit.feeds.sparse_rows import SparseRows, is_sparse_data, sparse_rows
from kernelkit.layers.preprocessing.strings import is_strings, to_strings
from kernelkit.masked_arrays import unmasked
from kernelkit.torch_tensors import is_torch, to_numpy
from kernelkit.typing import Batch, Tree


def to_arrays(data: Tree) -> Any:
    """Return nested array-likes as arrays. A list of numbers or of rows is one array; a list of arrays is several."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {k: to_arrays(v) for k, v in data.items()}
    if isinstance(data, (list, tuple)) and _is_several(data):
        parts = [to_arrays(v) for v in data]
        return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
    return as_array(data)


def _is_several(data: Tree) -> bool:
    """Return whether a list holds several arrays (nested or not), and not the rows of one array."""
    return len(data) > 0 and all(
        v is None
        or isinstance(v, dict)
        or (hasattr(v, "shape") and getattr(v, "ndim", 1) > 0)
        or (isinstance(v, (list, tuple)) and _is_several(v))
        for v in data
    )


def one_batch(batch: Batch) -> Batch:
    """Return a batch as arrays for a compiled program: NumPy arrays in a dtype of jax, jax arrays unchanged."""
    return jtu.tree_map(lambda v: v if isinstance(v, jax.Array) else host_array(v), dense(batch))


def to_host(batch: Batch) -> Batch:
    """Return a batch of data of any library as dense NumPy (or jax) arrays, of numbers or of strings.

    A tuple or a list of arrays holds the parts of a batch; a list of numbers, rows or strings is one array.

    Example:
        >>> x, y = to_host(([[1, 2], [3, 4]], [0, 1]))
        >>> x.shape, y.shape
        ((2, 2), (2,))
    """
    if isinstance(batch, tuple) or (isinstance(batch, list) and _is_several(batch)):
        return tuple(dense(to_arrays(part)) for part in batch)
    return dense(to_arrays(batch))


def dense(tree: Tree) -> Any:
    """Return nested array-likes as dense NumPy (or jax) arrays. Each item of a list is a separate array."""
    return jtu.tree_map(_dense_array, tree, is_leaf=_is_leaf)


def _is_leaf(value: Any) -> bool:
    if value is None or type(value) is np.ndarray:
        return True
    return is_frame(value) or is_strings(value) or is_sparse_data(value)


def _dense_array(value: Any) -> Any:
    value = as_array(value)
    return np.asarray(value) if isinstance(value, SparseRows) else value


def as_array(value: Any) -> Any:
    """Return an array-like as a NumPy or jax array, of strings or of a dtype that jax takes; ``None`` stays ``None``.

    Args:
        value: Data of NumPy, jax, pandas, polars, pyarrow, TensorFlow or torch, or a number. Sparse data (SciPy's or
            jax's) stay sparse, as :class:`~kernelkit.feeds.sparse_rows.SparseRows`.

    Raises:
        TypeError: If the data are not numbers: strings between numbers, dates, rows of unequal lengths.
        ValueError: If values are masked.
    """
    if value is None or isinstance(value, jax.Array) or (type(value) is np.ndarray and value.dtype.kind in "fiub"):
        return value
    if isinstance(value, np.ma.MaskedArray):
        return as_array(unmasked(value))
    if is_sparse_data(value):
        return sparse_rows(value)
    if is_frame(value):
        return frame_array(value)
    if is_strings(value):
        try:
            return to_strings(value)
        except ValueError as error:
            raise TypeError(f"Data of dtype object, which begin with a string, must all be strings: {error}") from None
    if is_torch(value):
        value = to_numpy(value)
    elif not isinstance(value, np.ndarray):
        try:
            value = np.asarray(value)
        except ValueError:  # NumPy's "inhomogeneous shape"
            raise TypeError(_about_objects(value)) from None
    if value.dtype.kind == "O":
        rows = value.tolist()
        try:
            numbers = np.asarray(rows, dtype="float32")
        except (TypeError, ValueError):
            raise TypeError(_about_objects(rows)) from None
        if np.isnan(numbers).any() and any(v is None for v in value.ravel()):
            raise TypeError(_about_objects(rows))
        return numbers
    if value.dtype.kind in "Mm":
        what = "dates" if value.dtype.kind == "M" else "durations"
        raise TypeError(
            f"Data of dtype {value.dtype} are {what}. Make numbers of them: (dates - dates.min()) / "
            "np.timedelta64(1, 'D') counts days."
        )
    if value.dtype.kind == "V" and value.dtype.names:
        raise TypeError(
            f"A structured array has fields {list(value.dtype.names)}: give them as a dict of arrays, or stack them "
            "with numpy.lib.recfunctions.structured_to_unstructured."
        )
    return value


def _about_objects(value: Any) -> str:
    """Return why nested lists or an array of objects cannot be an array of numbers."""
    pad = "pad them with kernelkit.utils.pad_sequences"
    waiting, seen = [value], 0
    while waiting and seen < 10_000:
        part = waiting.pop()
        seen += 1
        if isinstance(part, (list, tuple)):
            rows = [v for v in part if isinstance(v, (list, tuple, np.ndarray))]
            lengths = list(dict.fromkeys(map(len, rows)))
            if len(lengths) > 1 or 0 < len(rows) < len(part):
                details = ", ".join(map(str, sorted(lengths)[:4]))
                return f"Data of dtype object cannot be trained on: rows have unequal lengths ({details}, ...); {pad}."
            waiting += part[::-1]
        elif isinstance(part, np.ndarray):
            continue
        elif not isinstance(part, (int, float, np.number, np.bool_)):
            return (
                f"Data of dtype object cannot be trained on: they hold {part!r:.60} ({type(part).__name__}), which is "
                "no number."
            )
    return f"Data of dtype object cannot be trained on: the rows may have unequal lengths ({pad})."
