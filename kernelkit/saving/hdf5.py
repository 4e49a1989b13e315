"""Untrusted HDF5 files: each declared size and type is checked before it is used.

A file may declare links to other files, data in other files, and arrays larger than the memory. Here links are
not followed, data must be in the file itself, and no array is larger than its data in the file.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from kernelkit import progress
from kernelkit.saving.hdf5_text import read_texts
from kernelkit.typing import DType

if TYPE_CHECKING:
    import h5py
else:
    from kernelkit.saving import lazy_h5py as h5py

# Filters that are part of the library. Others would be loaded as code from a plugin folder.
_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3
_FILTERS = {_DEFLATE, _SHUFFLE, _CHECKSUM}
# Compressed data may unpack to a few times the file's size, or to the size of the largest array expected.
_MOST_UNFOLDING = 4
_LONGEST_LIST = 1_000_000
# Bytes that are read or written at once, so that large arrays show progress too.
_BLOCK = 64 << 20


class StoredArray:
    """An array in a file; its numbers are read on access.

    Attributes:
        shape: Tuple of ints.
        dtype: NumPy dtype.
        is_packed: Whether the numbers are stored in chunks or compressed, so that reading them may find damage.
    """

    def __init__(self, dataset: h5py.Dataset, where: str, reader: Hdf5Reader) -> None:
        self._dataset = dataset
        self._where = where
        self.dtype, self._stored_dtype = _dtype_of(dataset, where, reader)
        self.shape = _shape_of(dataset, self._stored_dtype, where, reader.size, reader.expected)
        with telling(where):
            self.is_packed = dataset.chunks is not None

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes."""
        return self.size * self.dtype.itemsize

    def __array__(self, dtype: DType = None, copy: bool | None = None) -> np.ndarray:
        array = np.empty(self.shape, self._stored_dtype)
        if array.size:
            with telling(self._where):
                for rows in _blocks(array):
                    self._dataset.read_direct(array, rows, rows)
                    progress.moved(array[rows].nbytes)
        array = array.view(self.dtype)
        return array if dtype is None else array.astype(dtype, copy=False)

    def __getitem__(self, key: Any) -> Any:
        return np.asarray(self)[key]

    def __len__(self) -> int:
        return self.shape[0]


class Store(Mapping):
    """The arrays of one object by name: the argument of ``load_own_variables``."""

    def __init__(self, arrays: dict[str, StoredArray]) -> None:
        self._arrays = arrays

    def __getitem__(self, name: str) -> StoredArray:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class Hdf5Reader:
    """An HDF5 file, open for reading.

    Args:
        file: The file, open for reading and seekable.
        who: Name of the file in errors.
        expected: Bytes of the largest array that the model can take.

    Raises:
        ValueError: If the file is not an HDF5 file.
    """

    def __init__(self, file: BinaryIO, who: str, expected: int = 0) -> None:
        self.who = who
        self.expected = expected
        self.size = file.seek(0, io.SEEK_END)
        file.seek(0)
        # The magic number must stand at the very beginning: the library would search the whole file for it.
        if file.read(8) != b"\x89HDF\r\n\x1a\n":
            raise ValueError(f"{who} is not an HDF5 file.")
        self._file = file
        with telling(who):
            self.root = h5py.File(file, "r")

    def __enter__(self) -> Hdf5Reader:
        return self

    def __exit__(self, *_: Any) -> None:
        self.root.close()

    def group(self, path: str, start: h5py.Group | None = None) -> h5py.Group | None:
        """Return a group by path, ``None`` if it is missing."""
        found: Any = self.root if start is None else start
        for name in path.strip("/").split("/") if path.strip("/") else []:
            found = self._child(found, name)
            if found is None:
                return None
        if not isinstance(found, h5py.Group):
            raise ValueError(f"{self.who}: {path!r} is not a group.")
        return found

    def store(self, group: h5py.Group | None) -> Store:
        """Return the arrays of a group."""
        if group is None:
            return Store({})
        with telling(f"{self.who}: {group.name!r}"):
            if len(group) > _LONGEST_LIST:
                raise ValueError(f"{self.who}: {group.name!r} holds {len(group)} entries.")
            names = list(group)
            if not all(isinstance(name, str) for name in names):
                raise ValueError("a name is not a text.")
        return Store({name: self.array(group, name) for name in names})

    def children(self, group: h5py.Group) -> dict[str, h5py.Group | StoredArray]:
        """Return the groups and arrays inside a group, by name."""
        with telling(f"{self.who}: {group.name!r}"):
            if len(group) > _LONGEST_LIST:
                raise ValueError(f"{self.who}: {group.name!r} holds {len(group)} entries.")
            names = [str(name) for name in group]
        found = {name: self._child(group, name) for name in names}
        return {k: v if isinstance(v, h5py.Group) else self.array(group, k) for k, v in found.items()}

    def array(self, group: h5py.Group, path: str) -> StoredArray:
        """Return an array by its path below a group.

        Raises:
            ValueError: If there is no such array, or the file declares more than it holds.
        """
        found: Any = group
        for name in path.strip("/").split("/"):
            found = self._child(found, name) if isinstance(found, h5py.Group) else None
        where = f"{self.who}: {group.name}/{path}"
        if not isinstance(found, h5py.Dataset):
            raise ValueError(f"{where} is not an array.")
        return StoredArray(found, where, self)

    def attribute(self, group: h5py.Group | h5py.Dataset, name: str) -> Any:
        """Return an attribute (text, number, or list of texts), ``None`` if it is missing."""
        with telling(f"{self.who}: attribute {name!r}"):
            if name not in group.attrs:
                return None
            attribute = h5py.h5a.open(group.id, name.encode())
            count, kind = math.prod(attribute.shape), attribute.get_type()
            if count > min(_LONGEST_LIST, self.size):
                raise ValueError(f"{self.who}: the attribute {name!r} declares {count} entries.")
            if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str():
                texts = read_texts(self._file, h5py.h5o.get_info(group.id).addr, name, count)
                return texts if attribute.shape else texts[0]
            if kind.get_class() not in (h5py.h5t.STRING, h5py.h5t.INTEGER, h5py.h5t.FLOAT):
                raise ValueError(f"{self.who}: the attribute {name!r} is neither text nor number.")
            if count and attribute.get_storage_size() > self.size:
                raise ValueError(f"{self.who}: the attribute {name!r} declares more bytes than the file has.")
            value = group.attrs[name]
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, np.ndarray):
            return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in value.ravel().tolist()]
        return value

    def _child(self, group: h5py.Group, name: str) -> Any:
        where = f"{self.who}: {group.name}/{name}"
        with telling(where):
            link = group.get(name, getlink=True)
            if link is None:
                return None
            if not isinstance(link, h5py.HardLink):
                kind = "link to another file" if isinstance(link, h5py.ExternalLink) else "soft link"
                raise ValueError(
                    f"{where} is a {kind} ({type(link).__name__}). "
                    "Links in weights files are not followed: they could lead to any file."
                )
            return group[name]


@contextlib.contextmanager
def telling(where: str) -> Iterator[None]:
    """Turn the library's errors about a broken file into an error with the place in the file."""
    try:
        yield
    except ValueError as error:
        if str(error).startswith(where.partition(":")[0]):
            raise
        raise ValueError(f"{where} cannot be read, the file seems to be damaged: {error}") from error
    except (OSError, RuntimeError, KeyError, TypeError, AttributeError, NotImplementedError, OverflowError) as error:
        raise ValueError(f"{where} cannot be read, the file seems to be damaged: {error}") from error


def write_array(group: h5py.Group, name: str, value: Any) -> None:
    """Write an array. A dtype that HDF5 doesn't know is written as opaque bytes with the dtype's name."""
    array = np.asarray(value)
    if array.dtype.kind == "V" or array.dtype.name in ("bfloat16",) or array.dtype.name.startswith("float8"):
        dataset = _written(group, name, array.view(f"V{array.dtype.itemsize}"))
        dataset.attrs["dtype"] = array.dtype.name
    else:
        _written(group, name, array)


def _written(group: h5py.Group, name: str, array: np.ndarray) -> h5py.Dataset:
    if array.nbytes <= _BLOCK:
        dataset = group.create_dataset(name, data=array)
        progress.moved(array.nbytes)
        return dataset
    dataset = group.create_dataset(name, array.shape, array.dtype)
    for rows in _blocks(array):
        dataset[rows] = array[rows]
        progress.moved(array[rows].nbytes)
    return dataset


def _blocks(array: np.ndarray) -> list[Any]:
    """Return slices of the first axis that cover an array in blocks, one that covers all of a small array."""
    if array.nbytes <= _BLOCK or array.ndim == 0:
        return [()]
    count = max(1, _BLOCK // (array.nbytes // len(array)))
    return [slice(first, first + count) for first in range(0, len(array), count)]


def _dtype_of(dataset: h5py.Dataset, where: str, reader: Hdf5Reader) -> tuple[np.dtype, np.dtype]:
    """Return the dtype of the numbers, and the dtype in which the file stores them."""
    with telling(where):
        kind = dataset.id.get_type()
        stored = dataset.dtype
    if kind.get_class() == h5py.h5t.OPAQUE:
        name = str(reader.attribute(dataset, "dtype"))
        try:
            dtype = jnp.dtype(name)
        except TypeError:
            raise ValueError(f"{where} has the dtype {name!r}, which is not known.") from None
        if dtype.itemsize == stored.itemsize and dtype.kind in "fV":
            return dtype, stored
    if stored.kind not in "biufc" or stored.itemsize > 32:
        raise ValueError(f"{where} does not hold numbers but {stored}.")
    return stored, stored


def _shape_of(dataset: h5py.Dataset, dtype: np.dtype, where: str, file_size: int, expected: int) -> tuple[int, ...]:
    """Return the shape, after a check that the file holds the numbers."""
    with telling(where):
        plan = dataset.id.get_create_plist()
        layout, external = plan.get_layout(), plan.get_external_count()
        filters = {plan.get_filter(i)[0] for i in range(plan.get_nfilters())}
        shape = tuple(int(n) for n in dataset.shape or ())
        stored = dataset.id.get_storage_size()
        offset = dataset.id.get_offset()
    if layout == h5py.h5d.VIRTUAL or external:
        raise ValueError(f"{where} has its numbers in other files, which are not read.")
    if layout not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT, h5py.h5d.CHUNKED):
        raise ValueError(f"{where} is stored in an unknown way.")
    size = math.prod(shape) * dtype.itemsize
    if not filters <= _FILTERS:
        raise ValueError(f"{where} is compressed with filters {sorted(filters - _FILTERS)}, which are not supported.")
    if stored > file_size or (offset or 0) + (stored if layout == h5py.h5d.CONTIGUOUS else 0) > file_size:
        raise ValueError(f"{where} declares more bytes than the file of {file_size} bytes has.")
    if (
        layout == h5py.h5d.CHUNKED
        and filters
        and math.prod(dataset.chunks) * dtype.itemsize > max(_MOST_UNFOLDING * file_size, 2 * size)
    ):
        raise ValueError(f"{where} declares chunks of {dataset.chunks}, far more than the file holds.")
    limit = max(_MOST_UNFOLDING * file_size, expected) if _DEFLATE in filters else stored
    if size > limit or (size and not stored):
        raise ValueError(f"{where} declares the shape {shape}, {size} bytes, but the file holds {stored} for it.")
    return shape
