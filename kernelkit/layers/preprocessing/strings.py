"""Strings on the host: arrays of Python's ``str``. They never enter a jax computation."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.typing import Tensor, Tree

_TEXT = (str, bytes)


def is_strings(value: Any) -> bool:
    """Return whether a value holds strings: a string, a list of them, or an array of them.

    Example:
        >>> is_strings(["a", "b"]), is_strings(np.array(["a"])), is_strings([1, 2])
        (True, True, False)
    """
    if isinstance(value, _TEXT):
        return True
    if isinstance(value, (list, tuple)):
        # A tuple of lists means several inputs, or inputs and targets.
        rows = isinstance(value, list) and isinstance(value[0] if value else None, list)
        return bool(value) and all(is_strings(v) if rows else isinstance(v, _TEXT) for v in value)
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return False
    kind = getattr(dtype, "kind", "")
    if kind in ("f", "i", "u", "b"):
        return False
    if kind == "O":
        array = np.asarray(value)
        return array.size > 0 and isinstance(array.flat[0], _TEXT)
    name = getattr(dtype, "name", None) or str(dtype)
    return kind in ("U", "S", "T") or name in ("string", "str")


def to_strings(value: Tensor, encoding: str = "utf-8") -> np.ndarray:
    r"""Return strings as an array of Python's ``str``.

    Args:
        value: A string, nested lists of strings of equal lengths, or an array of strings or bytes (NumPy, pandas or
            TensorFlow).
        encoding: Encoding of byte strings.

    Raises:
        ValueError: If an element is not a string (``None``, a number), or lists have unequal lengths.

    Example:
        >>> to_strings([b"caf\xc3\xa9", "tea"])
        array(['café', 'tea'], dtype=object)
    """
    if hasattr(value, "numpy") and not isinstance(value, np.ndarray):
        value = value.numpy()
    try:
        array = np.asarray(value, dtype=object)
    except ValueError as error:
        raise ValueError("Lists of strings must have equal lengths. Pad them with '' to the longest.") from error
    flat = [_text(item, encoding) for item in array.ravel()]
    result = np.empty(array.shape, dtype=object)
    result.ravel()[:] = flat
    return result


def _text(item: Tensor, encoding: str) -> str:
    if isinstance(item, str):
        return str(item)
    if isinstance(item, bytes):
        return item.decode(encoding, errors="replace")
    if isinstance(item, (list, tuple)):
        raise ValueError("Lists of strings must have equal lengths. Pad them with '' to the longest.")
    hint = " Replace missing values first, for example with fillna('')." if item is None or item != item else ""
    raise ValueError(f"Expected strings, got {item!r} ({type(item).__name__}).{hint}")


def string_arrays(data: Tree) -> Any:
    """Return nested data with each string, and each list of strings, as one array; other values unchanged."""
    return jtu.tree_map(lambda v: to_strings(v) if is_strings(v) else v, data, is_leaf=is_strings)


def holds_strings(data: Tree) -> bool:
    """Return whether nested data contain strings."""
    if type(data) is np.ndarray:
        return is_strings(data)
    return any(is_strings(leaf) for leaf in jtu.tree_leaves(data, is_leaf=is_strings))
