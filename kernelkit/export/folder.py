"""Folders that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Collection, Iterator

from kernelkit.saving.atomic import UNFINISHED, require_folder


@contextlib.contextmanager
def replacing_folder(path: str | os.PathLike, own: Collection[str], what: str) -> Iterator[str]:
    """Make a new folder that replaces ``path`` when the block ends without an error.

    A folder that is replaced is deleted, so it must hold nothing but what an earlier export wrote.

    Args:
        path: The folder.
        own: Names that an export writes into the folder.
        what: The kind of folder, for errors.

    Raises:
        FileExistsError: If ``path`` is a file, or a folder with other contents than ``own``.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with replacing_folder(f"{folder}/out", ["a.txt"], "a folder of notes") as made:
        ...         _ = pathlib.Path(made, "a.txt").write_text("1")
        ...     [str(p.relative_to(folder)) for p in sorted(pathlib.Path(folder).rglob("*"))]
        ['out', 'out/a.txt']
    """
    target = os.path.realpath(path)
    parent, name = os.path.split(target)
    require_folder(parent)
    check_replaceable(target, own, what)
    new = os.path.join(parent, f".{name[:100]}.{secrets.token_hex(6)}{UNFINISHED}")
    old = os.path.join(parent, f".{name[:100]}.{secrets.token_hex(6)}.old")
    os.mkdir(new)
    try:
        yield new
        if os.path.isdir(target):
            check_replaceable(target, own, what)  # files may have come meanwhile
            os.replace(target, old)
        os.replace(new, target)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        if os.path.isdir(old) and not os.path.exists(target):
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_replaceable(path: str, own: Collection[str], what: str) -> None:
    """Raise ``FileExistsError`` if something at ``path`` would be lost."""
    if os.path.isdir(path):
        others = sorted(set(os.listdir(path)) - set(own))
        if others:
            raise FileExistsError(
                f"The folder {path!r} holds other files than {what}, such as {others[0]!r}. It would be deleted: give "
                "the path of a new folder."
            )
    elif os.path.exists(path):
        raise FileExistsError(f"{path!r} is a file, and {what} is a folder: give another path.")
