"""The folder of a search: Optuna's study in an SQLite file, and the weights of the best trials."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from kernelkit.tuner.weights import WeightsFolder

DATABASE = "study.db"
_STUDY = "search"


class Project:
    """The files of a search. Without files, the search is kept in memory.

    Args:
        directory: Folder of projects.
        name: Name of the project's folder.
        overwrite: Whether to remove the files of an earlier search in the folder. Other files stay.
        storage: A storage of the user, instead of the file.

    Attributes:
        database: Path of the SQLite file, ``None`` without one.
        study_name: Name of the study.
        weights: The folder of weights.

    Raises:
        ValueError: If the name is not a valid name of a folder.
    """

    def __init__(self, directory: str | os.PathLike | None, name: str | None, overwrite: bool, storage: Any) -> None:
        if name is not None and (
            not isinstance(name, str) or name in ("", ".", "..") or os.path.basename(name) != name
        ):
            raise ValueError(
                f"project_name must be the name of a folder, got {name!r}. Give its parent folder as directory=."
            )
        if storage is not None and name is None:
            raise ValueError("A search in a storage needs a project_name, its name in the storage.")
        has_folder = directory is not None or (name is not None and storage is None)
        folder = os.path.abspath(os.path.join(os.fspath(directory or "."), name or _STUDY)) if has_folder else None
        self.study_name = _STUDY if storage is None else str(name)
        self.database = os.path.join(folder, DATABASE) if folder is not None and storage is None else None
        self.weights = WeightsFolder(folder)
        if folder is None:
            return
        os.makedirs(folder, exist_ok=True)
        if overwrite:
            self.weights.keep_only(set())
            for ending in ("", "-journal", "-wal", "-shm") if self.database else ():
                with contextlib.suppress(FileNotFoundError):
                    os.remove(f"{self.database}{ending}")
