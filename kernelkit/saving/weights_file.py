"""Weights files: one HDF5 file, or several with an index."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from kernelkit.saving.atomic import replacing
from kernelkit.saving.hdf5 import Hdf5Reader, Store, write_array
from kernelkit.saving.state import Source, save_state

if TYPE_CHECKING:
    import h5py
else:
    from kernelkit.saving import lazy_h5py as h5py

INDEX = ".weights.json"
_LARGEST_INDEX = 64 << 20
# The oldest files of this layout have another name for a model's layers.
_OLD_LAYERS = "_layer_checkpoint_dependencies"


class Entry:
    """Takes the arrays of one folder: the argument of ``save_own_variables``."""

    def __init__(self, group: h5py.Group) -> None:
        self._group = group

    def __setitem__(self, name: str, value: Any) -> None:
        write_array(self._group, name, value)


class Hdf5Sink:
    """Writes folders into an HDF5 file that is open for writing."""

    def __init__(self, root: h5py.Group) -> None:
        self._root = root

    def entry(self, path: str, name: str | None) -> Entry:
        """Return the writer of a folder's arrays."""
        group = self._root.require_group(path)
        if isinstance(name, str):
            group.attrs["name"] = name
        return Entry(group)


class Hdf5Source:
    """Reads folders from an HDF5 file."""

    def __init__(self, reader: Hdf5Reader) -> None:
        self._reader = reader
        self.who = reader.who
        self._is_old = reader.group("layers") is None and reader.group(_OLD_LAYERS) is not None

    def entry(self, path: str) -> Store:
        """Return the arrays of a folder, an empty store if there is no such folder."""
        if self._is_old:
            path = re.sub(r"(^|/)layers/", rf"\1{_OLD_LAYERS}/", path)
        return self._reader.store(self._reader.group(path))


def write_weights(root: Any, file: BinaryIO, objects_to_skip: Iterable = ()) -> None:
    """Write a model's variables as HDF5 into an open file."""
    with h5py.File(file, "w") as hdf5:
        save_state(root, Hdf5Sink(hdf5), objects_to_skip)


# Several files --------------------------------------------------------------------------------------------------------


class _Shards:
    """Writes folders into several HDF5 files, each no larger than a limit."""

    def __init__(self, folder: str, names: Iterator[str], limit: float) -> None:
        self.folder, self.names, self.limit = folder, names, limit
        self.weight_map: dict[str, list[str]] = {}
        self.total = 0
        self.room = 0.0
        self.written: list[str] = []
        self.file: h5py.File | None = None
        self.stack = contextlib.ExitStack()

    def entry(self, path: str, name: str | None) -> Any:
        """Return the writer of a folder's arrays."""
        shards = self

        class OneEntry:
            def __setitem__(self, key: str, value: Any) -> None:
                shards.put(path, name, key, np.asarray(value))

        return OneEntry()

    def put(self, path: str, name: str | None, key: str, value: np.ndarray) -> None:
        if self.file is None or (value.nbytes > self.room and self.room < self.limit):
            self.begin()
        assert self.file is not None
        self.room -= value.nbytes
        self.total += value.nbytes
        shard = self.written[-1]
        files = self.weight_map.setdefault(f"/{path}", [])
        if shard not in files:
            files.append(shard)
        write_array(Hdf5Sink(self.file).entry(path, name)._group, key, value)

    def begin(self) -> None:
        self.stack.close()
        self.written.append(next(self.names))
        raw = self.stack.enter_context(replacing(os.path.join(self.folder, self.written[-1])))
        self.file = self.stack.enter_context(h5py.File(raw, "w"))
        self.room = self.limit


def write_sharded(root: Any, path: str, max_shard_size: float, objects_to_skip: Iterable = ()) -> None:
    """Write a model's variables into several files, then an index beside them.

    Args:
        root: The model.
        path: The index, ``*.weights.json``.
        max_shard_size: Largest size of a file, in gigabytes; a larger array has a file for itself.
        objects_to_skip: Layers whose variables are left out.
    """
    folder, name = os.path.split(os.path.abspath(path))
    stem = name.removesuffix(INDEX)
    before = _shards_of_index(path)
    # The files of the old index stay until the new index is written.
    own = f"{stem}_{secrets.token_hex(4)}" if before else stem
    shards = _Shards(folder, (f"{own}_{i:05d}.weights.h5" for i in range(10**5)), max_shard_size * 2**30)
    try:
        with shards.stack:
            save_state(root, shards, objects_to_skip)
        index = {"metadata": {"total_size": float(shards.total)}, "weight_map": shards.weight_map}
        with replacing(path) as file:
            file.write(json.dumps(index, indent=4).encode())
    except BaseException:
        for shard in shards.written:
            _remove(os.path.join(folder, shard))
        raise
    for shard in set(before) - set(shards.written):
        _remove(os.path.join(folder, shard))


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _shards_of_index(path: str) -> list[str]:
    """Return the files that an index lists and that are named after it."""
    stem = os.path.basename(path).removesuffix(INDEX)
    try:
        named = read_index(path)
    except (OSError, ValueError):
        return []
    pattern = re.compile(re.escape(stem) + r"_([0-9a-f]{8}_)?\d{5}\.weights\.h5")
    return [shard for shard in sorted({s for files in named.values() for s in files}) if pattern.fullmatch(shard)]


def read_index(path: str) -> dict[str, list[str]]:
    """Return the files that hold the arrays of each folder.

    Raises:
        ValueError: If the index is broken, or lists files that don't lie beside it.
    """
    if os.path.getsize(path) > _LARGEST_INDEX:
        raise ValueError(f"{path} is too large to be an index of weights files.")
    try:
        with open(path, encoding="utf-8") as file:
            named = json.load(file)["weight_map"]
        folders = {str(k): [v] if isinstance(v, str) else [str(s) for s in v] for k, v in named.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is not an index of weights files: {error!r}") from error
    for shard in {s for files in folders.values() for s in files}:
        beside = os.path.join(os.path.dirname(os.path.abspath(path)), shard)
        if re.search(r"[/\\\0:]", shard) or not shard.endswith(".weights.h5") or os.path.islink(beside):
            raise ValueError(f"{path} lists {shard!r}: the files of an index must be '.weights.h5' files beside it.")
    return folders


class _ShardedSource:
    def __init__(self, path: str, expected: int, stack: contextlib.ExitStack) -> None:
        self.who = path
        self._folders = read_index(path)
        self._readers: dict[str, Hdf5Source] = {}
        for name in sorted({s for files in self._folders.values() for s in files}):
            place = os.path.join(os.path.dirname(os.path.abspath(path)), name)
            file = stack.enter_context(open_file(place))
            self._readers[name] = Hdf5Source(stack.enter_context(Hdf5Reader(file, place, expected)))

    def entry(self, path: str) -> Mapping:
        arrays: dict[str, Any] = {}
        for name in self._folders.get(f"/{path}", []):
            arrays.update(self._readers[name].entry(path))
        return Store(arrays)


@contextlib.contextmanager
def open_weights(path: str, expected: int = 0) -> Iterator[Source]:
    """Open a weights file, or the index of several, for reading.

    Args:
        path: ``*.weights.h5`` or ``*.weights.json``.
        expected: Bytes of the largest array that the model can take.
    """
    with contextlib.ExitStack() as stack:
        if path.endswith(INDEX):
            yield _ShardedSource(path, expected, stack)
        else:
            file = stack.enter_context(open_file(path))
            yield Hdf5Source(stack.enter_context(Hdf5Reader(file, path, expected)))


class MissingFile(FileNotFoundError, ValueError):
    """The error for a file that doesn't exist. Keras raises either of its two bases, depending on the caller."""


def open_file(path: str) -> io.BufferedReader:
    """Open a file for reading.

    Raises:
        MissingFile: If the file doesn't exist; the message lists the files in its folder.
    """
    if not os.path.isfile(path):
        raise MissingFile(f"File not found: {path!r}. Please ensure the file is an accessible one.{_neighbors(path)}")
    return open(path, "rb")


def _neighbors(path: str) -> str:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return f" The folder {folder!r} doesn't exist."
    endings = (".keras", ".h5", ".hdf5", INDEX)
    names = sorted(name for name in os.listdir(folder) if name.endswith(endings))[:10]
    return f" The folder has: {', '.join(names)}." if names else ""
