"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import BinaryIO

UNFINISHED = ".unfinished"
"""The ending of the name of a file that is being written."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Open a new file that replaces ``path`` when the block ends without an error.

    The new file lies in the same folder, and is on the disk before it is renamed. So ``path`` holds either its old
    contents or all of the new contents, even if the block is interrupted. Of a symbolic link, the target is replaced.

    Args:
        path: The file to write.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing(f"{folder}/numbers.bin") as file:
        ...         _ = file.write(b"123")
        ...     [p.name for p in pathlib.Path(folder).iterdir()]
        ['numbers.bin']
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    require_folder(folder)
    temporary = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(6)}{UNFINISHED}")
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_folder(folder)


def require_folder(folder: str) -> None:
    """Raise ``FileNotFoundError`` if the folder to write into doesn't exist."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"The folder {folder!r} does not exist: make it, or give another path.")


def sync_folder(folder: str) -> None:
    """Flush a folder's list of names to the disk, if the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
