"""Pickles of numbers, read without running them.

Some of these datasets are pickles (CIFAR, and the object arrays in the files of IMDB and Reuters). Unpickling calls the
functions that a pickle names, and so can run a stranger's code. Here a pickle can name only three objects. Each is
replaced by a stand-in that only stores its arguments. Arrays are then made from these arguments, after a check that the
file holds enough bytes.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from typing import Any

import numpy as np

from kernelkit.typing import DType, Tree

# Opcodes of lists of numbers. None of them has a memo number above 2**24. Most files hold nothing else.
_SHORT = b"|".join(b"(?:[UC\x8c]%b|X%b...).{%d}" % ((re.escape(bytes([n])),) * 2 + (n,)) for n in range(1, 33)).replace(
    b"...", rb"\x00{3}"
)
_HARMLESS = re.compile(
    rb"(?:[\](e.alts0-9dtu}\)NRb\x85-\x89\x81\x8f\x90\x93\x94]|K.|M..|J.{4}|q.|h.|j.{4}|r...\x00|\x80.|\x95.{8}"
    rb"|c[^\n]*\n[^\n]*\n|" + _SHORT + rb")*+",
    re.DOTALL,
)


class _Array:
    """The description of an array in a pickle."""

    def __init__(self) -> None:
        self.shape: Any = None
        self.dtype: DType = None
        self.in_fortran_order: Any = False
        self.data: Tree = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, self.dtype, self.in_fortran_order, self.data = state


class _Dtype:
    """The description of a dtype in a pickle."""

    def __init__(self, name: Any = None, *_: Any) -> None:
        self.name = name.decode("ascii", "replace") if isinstance(name, bytes) else name
        self.order: Any = "="

    def __setstate__(self, state: Any) -> None:
        self.order = state[1]


def _reconstruct(*_: Any) -> _Array:
    return _Array()


_STAND_INS = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(
                f"it refers to {module}.{name}, but only arrays, lists and numbers are allowed."
            )
        return _STAND_INS[module, name]


def loads(data: bytes, who: str, encoding: str = "ASCII") -> Any:
    """Return the contents of a pickle of arrays, lists, dicts, strings and numbers; arrays are not made yet.

    Args:
        data: The pickle.
        who: Name of the pickle in errors.
        encoding: Encoding of texts that Python 2 wrote; ``"bytes"`` leaves them as bytes.

    Raises:
        ValueError: If the pickle is broken or names other objects.
    """
    _require_small_memo(data, who)
    try:
        return _Unpickler(io.BytesIO(data), encoding=encoding).load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise ValueError(f"{who} is not a pickle of numbers that can be read: {error}") from error
    except (UnicodeError, OverflowError, MemoryError, RecursionError, ImportError) as error:
        raise ValueError(f"{who} is not a pickle of numbers that can be read: {error!r}") from error


def _require_small_memo(data: bytes, who: str) -> None:
    """Raise if a memo number of a pickle is far too large: Python would allocate memory up to this number."""
    if _HARMLESS.fullmatch(data):
        return
    try:
        for opcode, number, _ in pickletools.genops(data):
            if opcode.name in ("PUT", "LONG_BINPUT") and not 0 <= int(number or 0) <= len(data):
                raise ValueError(f"it has the memo number {number}, which is too large.")
    except (ValueError, KeyError, IndexError, TypeError, UnicodeError, OverflowError) as error:
        raise ValueError(f"{who} is not a pickle of numbers that can be read: {error}") from error


def lists(found: Any, size: int, who: str) -> np.ndarray:
    """Return an object array of lists of ints.

    Args:
        found: The result of :func:`loads`.
        size: Bytes of the pickle: the largest possible number of ints.
        who: Name of the pickle in errors.
    """
    rows = found.data if isinstance(found, _Array) else found
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ValueError(f"{who} does not hold lists of numbers.")
    if len(rows) + sum(len(row) for row in rows) > size:
        raise ValueError(f"{who} declares more numbers than it has bytes.")
    if not all(type(number) is int for row in rows for number in row):
        raise ValueError(f"{who} holds a value that is not an integer.")
    array = np.empty(len(rows), dtype=object)
    for i, row in enumerate(rows):
        array[i] = list(row)
    return array


def numbers(found: Any, who: str) -> np.ndarray:
    """Return an array of numbers from the result of :func:`loads`."""
    if not isinstance(found, _Array) or not isinstance(found.dtype, _Dtype) or not isinstance(found.data, bytes):
        raise ValueError(f"{who} is not an array of numbers.")
    shape = found.shape
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{who} has no valid shape.")
    try:
        dtype = np.dtype(str(found.dtype.name))
    except TypeError:
        dtype = np.dtype("O")
    if dtype.kind not in "biuf" or math.prod(shape) * dtype.itemsize != len(found.data):
        raise ValueError(f"{who} declares the shape {shape} of {found.dtype.name}, but has {len(found.data)} bytes.")
    if found.dtype.order in (">", b">"):
        dtype = dtype.newbyteorder(">")
    flat = np.frombuffer(found.data, dtype)
    return flat.reshape(shape, order="F" if found.in_fortran_order else "C").copy()
