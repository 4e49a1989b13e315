"""Arrays in a zip file, without pickles. Sizes are checked before memory is allocated."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.lib import format as npy

from kernelkit.saving.archive import Archive
from kernelkit.saving.npy_header import read_header
from kernelkit.typing import DType


def write_array(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    """Write an array as a member ``*.npy``. bfloat16 is written as its bits, because NumPy's format lacks it.

    Args:
        archive: The zip file.
        name: The member's name.
        value: The array.
    """
    value = np.asarray(value)
    buffer = io.BytesIO()
    npy.write_array(buffer, value.view("uint16") if value.dtype == jnp.bfloat16 else value, allow_pickle=False)
    archive.writestr(name, buffer.getvalue())


def read_array(archive: Archive, name: str, shape: tuple | None = None, dtype: DType = None) -> np.ndarray:
    """Read an array.

    Args:
        archive: The file.
        name: The member's name.
        shape: The shape that it must have.
        dtype: The dtype that it must have.

    Raises:
        ValueError: If the member is not an array of numbers, or its size differs from the declared or expected one.
    """
    with archive.open(name) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        declared, fortran, found = read_header(file, f"{archive.who}: {name!r}")
        if found.kind not in "fiubc" or math.prod(declared) * found.itemsize != size - file.tell():
            raise ValueError(f"{archive.who}: {name!r} declares {declared} {found} but holds other data.")
        value = np.frombuffer(file.read(), found).reshape(declared, order="F" if fortran else "C")
    if dtype is not None and np.dtype(dtype) == jnp.bfloat16 and found == np.uint16:
        value = value.view(jnp.bfloat16)
    if (shape is not None and tuple(shape) != value.shape) or (dtype is not None and np.dtype(dtype) != value.dtype):
        raise ValueError(f"{archive.who}: {name!r} holds {value.shape} {value.dtype}, expected {shape} {dtype or ''}.")
    return value
