"""Read untrusted ``.npz`` files of NumPy: no pickle is run, no array is larger than its bytes in the file."""

from __future__ import annotations

import io
import math

import numpy as np

from kernelkit.datasets import pickles
from kernelkit.saving.archive import Archive
from kernelkit.saving.npy_header import read_header

_LARGEST = 4 << 30


def read(path: str, *names: str) -> list[np.ndarray]:
    """Return arrays of an ``.npz`` file by name. Object arrays may hold only lists of ints.

    Args:
        path: The file.
        *names: Names of the arrays.

    Raises:
        ValueError: If the file is broken, an array is missing, or the file is too short for a declared shape.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.savez(f"{folder}/a.npz", x=np.arange(3))
        ...     read(f"{folder}/a.npz", "x")
        [array([0, 1, 2])]
    """
    with Archive(path, "an .npz file") as archive:
        return [parse(archive.read(f"{name}.npy"), f"{path}: {name}") for name in names]


def parse(data: bytes, who: str) -> np.ndarray:
    """Return the array that the bytes of an ``.npy`` file hold."""
    if len(data) > _LARGEST:
        raise ValueError(f"{who} has {len(data)} bytes, which is more than the limit.")
    file = io.BytesIO(data)
    shape, in_fortran_order, dtype = read_header(file, who)
    body = data[file.tell() :]
    if dtype.kind == "O":
        return pickles.lists(pickles.loads(body, who), len(body), who)
    if dtype.kind not in "biuf" or math.prod(shape) * dtype.itemsize != len(body):
        raise ValueError(f"{who} declares the shape {shape} of {dtype}, but has {len(body)} bytes.")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if in_fortran_order else "C").copy()
