"""Data of any library as arrays of NumPy or jax."""

from __future__ import annotations

from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.feed import Batch
from kernelkit.feeds.rows import host_array
from kernelkit.feeds.sparse_rows import SparseRows, is_sparse_data, sparse_rows
from kernelkit.layers.preprocessing.strings import is_strings, to_strings


def to_arrays(data: Any) -> Any:
    """Return nested array-likes as arrays. A list of numbers or of rows is one array; a list of arrays is several."""
    if data is None:
        return None
    if isinstance(data, dict):
        return {k: to_arrays(v) for k, v in data.items()}
    if isinstance(data, (list, tuple)) and _is_several(data):
        parts = [to_arrays(v) for v in data]
        return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
    return as_array(data)


def _is_several(data: Any) -> bool:
    """Return whether a list holds arrays, or nests of them, rather than being rows of one array."""
    return len(data) > 0 and all(
        v is None
        or isinstance(v, dict)
        or (hasattr(v, "shape") and getattr(v, "ndim", 1) > 0)
        or (isinstance(v, (list, tuple)) and _is_several(v))
        for v in data
    )


def one_batch(batch: Batch) -> Batch:
    """Return a batch as arrays that a compiled program takes: NumPy's in a dtype of jax, jax's as they are."""
    return jtu.tree_map(lambda v: v if isinstance(v, jax.Array) else host_array(v), dense(batch))


def to_host(batch: Batch) -> Batch:
    """Return a batch of data of any library as dense NumPy (or jax) arrays, of numbers or of strings.

    A tuple holds the parts of a batch, as does a list of arrays; a list of numbers, rows or strings is one array.

    Example:
        >>> x, y = to_host(([[1, 2], [3, 4]], [0, 1]))
        >>> x.shape, y.shape
        ((2, 2), (2,))
    """
    if isinstance(batch, tuple) or (isinstance(batch, list) and _is_several(batch)):
        return tuple(dense(to_arrays(part)) for part in batch)
    return dense(to_arrays(batch))


def dense(tree: Any) -> Any:
    """Return nested array-likes as dense NumPy (or jax) arrays. Lists are nests: a list of numbers is several."""
    return jtu.tree_map(_dense_array, tree, is_leaf=_is_leaf)


def _is_leaf(value: Any) -> bool:
    if value is None or type(value) is np.ndarray:
        return True
    return is_frame(value) or is_strings(value) or is_sparse_data(value)


def _dense_array(value: Any) -> Any:
    value = as_array(value)
    return np.asarray(value) if isinstance(value, SparseRows) else value


def as_array(value: Any) -> Any:
    """Return an array-like as a NumPy or jax array of a dtype that jax takes, or of strings; ``None`` stays.

    Args:
        value: NumPy, jax, pandas, TensorFlow or torch data, or a number. Sparse data (SciPy's or jax's) stay sparse, as
            :class:`~kernelkit.feeds.sparse_rows.SparseRows`.

    Raises:
        TypeError: If it holds objects that are no numbers.
    """
    if value is None or isinstance(value, jax.Array) or (type(value) is np.ndarray and value.dtype.kind in "fiub"):
        return value
    if is_sparse_data(value):
        return sparse_rows(value)
    if is_strings(value):
        try:
            strings = to_strings(value)
        except ValueError as error:
            raise TypeError(f"Data of dtype object, which begin with a string, must all be strings: {error}") from None
        return strings[:, None] if is_frame(value) and strings.ndim == 1 else strings
    if is_frame(value):
        value = value.to_numpy()
        value = value[:, None] if value.ndim == 1 else value
    elif type(value).__module__.startswith("torch"):
        value = value.detach().cpu().numpy()
    elif not isinstance(value, np.ndarray):
        value = np.asarray(value)
    if value.dtype.kind == "O":
        try:
            value = np.asarray(value.tolist(), dtype="float32")
        except (TypeError, ValueError):
            raise TypeError(
                "Data of dtype object cannot be trained on: the rows may have unequal lengths (pad them with "
                "kernelkit.utils.pad_sequences) or hold something that is no number."
            ) from None
    return value


def is_frame(value: Any) -> bool:
    """Return whether a value is a DataFrame or Series of pandas."""
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "to_numpy")
