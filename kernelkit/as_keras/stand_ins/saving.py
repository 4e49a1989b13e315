"""Reading and writing weights under Keras's private names."""

from __future__ import annotations

from typing import Any

from kernelkit import saving, serialize
from kernelkit.typing import PathLike


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
    """The arrays of a weights file, by group.

    Args:
        root_path: The file.
        archive: Refused.
        mode: ``"r"``.
    """

    def __init__(self, root_path: Any, archive: Any = None, mode: str = "r") -> None:
        if mode != "r" or archive is not None:
            raise NotImplementedError("H5IOStore: only reading a file is supported; use save_weights() to write one.")
        import h5py

        self.h5_file = h5py.File(root_path, "r")

    def get(self, path: str | None) -> Any:
        """Return the arrays of a group."""
        group = self.h5_file.get(path or "/")
        return {} if group is None or "vars" not in group else dict(group["vars"].items())

    def close(self) -> None:
        """Close the file."""
        self.h5_file.close()
