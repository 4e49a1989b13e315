"""Reading and writing weights under Keras's private names."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernelkit import ops, saving, serialize
from kernelkit.saving.hdf5 import Hdf5Reader, Store, write_array
from kernelkit.typing import PathLike

if TYPE_CHECKING:
    import h5py
else:
    from kernelkit.saving import lazy_h5py as h5py


def save_weights_only(model: Any, filepath: PathLike, max_shard_size: Any = None, objects_to_skip: Any = None) -> None:
    """Write weights."""
    saving.save_weights(model, filepath, max_shard_size=max_shard_size, objects_to_skip=objects_to_skip or ())


def load_weights_only(model: Any, filepath: PathLike, skip_mismatch: bool = False, objects_to_skip: Any = None) -> None:
    """Read weights."""
    saving.load_weights(model, filepath, skip_mismatch=skip_mismatch, objects_to_skip=objects_to_skip or ())


def SafeModeScope(safe_mode: bool = True) -> Any:
    """A context in which configs are read as trusted or untrusted."""
    return serialize.loading(safe_mode=safe_mode)


class H5IOStore:
    """The arrays of a weights file, by group: KerasHub keeps the weights of LoRA in one.

    Args:
        path_or_io: The file, a path or a binary file.
        archive: Refused.
        mode: ``"r"``, or ``"w"`` for a new file.
    """

    def __init__(self, path_or_io: Any, archive: Any = None, mode: str = "r") -> None:
        if mode not in ("r", "w") or archive is not None:
            raise ValueError(f"H5IOStore reads ('r') or writes ('w') a file outside of archives; got mode={mode!r}.")
        self.mode = mode
        if mode == "w":
            self.h5_file = h5py.File(path_or_io, "w")
            return
        is_file = hasattr(path_or_io, "read")
        file = path_or_io if is_file else io.BytesIO(Path(path_or_io).read_bytes())
        self._reader = Hdf5Reader(file, str(path_or_io))
        self.h5_file = self._reader.root

    def make(self, path: str | None, metadata: dict[str, Any] | None = None) -> Entries:
        """Return the place of a group's arrays, for ``entries[name] = array``."""
        if self.mode != "w":
            raise ValueError("make() is only allowed in write mode: open the file with mode='w'.")
        entries = Entries(self.h5_file, path)
        if metadata:
            entries.group().attrs.update(metadata)
        return entries

    def get(self, path: str | None) -> Store:
        """Return the arrays of a group, none if the group is missing."""
        if self.mode != "r":
            raise ValueError("get() is only allowed in read mode: open the file with mode='r'.")
        return self._reader.store(self._reader.group(place_of(path)))

    def has_path(self, path: str) -> bool:
        """Return whether the file has a group."""
        return path in self.h5_file

    def close(self) -> None:
        """Close the file."""
        self.h5_file.close()


class Entries:
    """The arrays of a group in a file that is written; the group is made with its first array."""

    def __init__(self, file: h5py.File, path: str | None) -> None:
        self._file = file
        self._path = place_of(path)

    def group(self) -> h5py.Group:
        """Return the group, which is made if it is missing."""
        return self._file.require_group(self._path)

    def __setitem__(self, name: str, value: Any) -> None:
        write_array(self.group(), name, ops.convert_to_numpy(value))

    def __delitem__(self, name: str) -> None:
        del self.group()[name]


def place_of(path: str | None) -> str:
    """Return where the arrays of a group stand in a file."""
    return f"{path}/vars" if path else "vars"
