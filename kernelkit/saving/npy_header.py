"""The header of an untrusted ``.npy`` array."""

from __future__ import annotations

import tokenize
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

_LONGEST = 10_000
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
_ERRORS = (ValueError, KeyError, EOFError, TypeError, SyntaxError, OverflowError, RecursionError, MemoryError)


def read_header(file: BinaryIO, who: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return the shape, whether the order is Fortran's, and the dtype. The file is left at the first number.

    Args:
        file: The array's file, open at its beginning.
        who: Name of the array in errors.

    Raises:
        ValueError: If the header is broken.
    """
    try:
        shape, in_fortran_order, dtype = _READERS[npy.read_magic(file)](file, max_header_size=_LONGEST)
    except (*_ERRORS, tokenize.TokenError) as error:
        raise ValueError(f"{who} is not an .npy array: {error}") from error
    if not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"{who} is not an .npy array: it declares the shape {shape}.")
    return shape, bool(in_fortran_order), dtype
