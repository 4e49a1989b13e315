"""Unpack untrusted archives: only files and folders, and only inside one new folder.

Archives can write outside their folder through absolute names, ``..``, symbolic and hard links, and devices
(CVE-2007-4559, CVE-2025-12060 and others). Here names are checked, and links and devices are refused. Everything is
written into a new temporary folder, which is moved to its place only after success.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

_BLOCK = 1 << 20
_MOST_MEMBERS = 10_000_000
# Text may compress to a hundredth of its size. An archive that unpacks to more is meant to fill the disk.
_MOST_UNFOLDING = 200
_FREE_SIZE = 1 << 30
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


def archive_kind(path: str, wanted: Any = "auto") -> str | None:
    """Return ``"tar"`` or ``"zip"``, or ``None`` if the file is not of a wanted kind.

    Args:
        path: The file.
        wanted: ``"auto"``, ``"tar"``, ``"zip"``, a list of them, or ``None`` for no kind.

    Example:
        >>> archive_kind(__file__) is None
        True
    """
    kinds = ["tar", "zip"] if wanted == "auto" else [wanted] if isinstance(wanted, str) else list(wanted or [])
    unknown = [kind for kind in kinds if kind not in ("tar", "zip")]
    if unknown:
        raise ValueError(f"archive_format must be 'auto', 'tar', 'zip' or None, got {unknown[0]!r}.")
    if "tar" in kinds and tarfile.is_tarfile(path):
        return "tar"
    return "zip" if "zip" in kinds and zipfile.is_zipfile(path) else None


def extract(path: str, folder: str, kind: str) -> None:
    """Unpack an archive into a folder, which is replaced if it exists.

    Args:
        path: The archive.
        folder: The folder.
        kind: ``"tar"`` (compressed by gzip, bzip2 or xz, or not at all) or ``"zip"``.

    Raises:
        ValueError: If the archive is broken, unpacks to far more than its size, or holds a link, a device or a name
            that leads out of the folder. No file is left behind then.
    """
    parent = os.path.dirname(os.path.abspath(folder))
    new = tempfile.mkdtemp(prefix=".", suffix=".unfinished", dir=parent)
    try:
        room = _Room(path, max(_FREE_SIZE, _MOST_UNFOLDING * os.path.getsize(path)))
        try:
            (_extract_tar if kind == "tar" else _extract_zip)(path, new, room)
        except (*_BROKEN, OSError) as error:
            raise ValueError(f"{path} cannot be unpacked: {error}") from error
        os.chmod(new, 0o755)
        if os.path.lexists(folder):
            old = tempfile.mkdtemp(prefix=".", suffix=".replaced", dir=parent)
            os.replace(folder, os.path.join(old, "before"))
            os.replace(new, folder)
            shutil.rmtree(old)
        else:
            os.replace(new, folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise


class _Room:
    """Counts the unpacked bytes of an archive."""

    def __init__(self, path: str, size: int) -> None:
        self.path, self.size = path, size

    def take(self, count: int) -> None:
        self.size -= count
        if self.size < 0:
            raise ValueError(f"{self.path} unpacks to far more bytes than it has; it was not unpacked.")


def _extract_tar(path: str, folder: str, room: _Room) -> None:
    # Read as a stream: all bytes before the next member's header are read, and counted.
    with contextlib.ExitStack() as stack:
        counted: Any = _Counted(stack.enter_context(_decompressed(path)), room)
        archive = stack.enter_context(tarfile.open(fileobj=counted, mode="r|"))
        for number, member in enumerate(archive):
            if number > _MOST_MEMBERS:
                raise ValueError(f"{path} has more than {_MOST_MEMBERS} members.")
            target = _target(folder, member.name, path)
            if member.isdir():
                os.makedirs(target, exist_ok=True)
            elif member.isreg() and not member.issparse():
                with _new_file(target) as file:
                    _copy(archive.extractfile(member), file)
            else:
                what = "link" if member.issym() or member.islnk() else "device or something else that is no file"
                raise ValueError(f"{path}: {member.name!r} is a {what}. Only files and folders are unpacked.")
        while counted.read(_BLOCK):  # to the end of the compressed data, where the checksum is
            pass


def _extract_zip(path: str, folder: str, room: _Room) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            target = _target(folder, member.filename, path)
            mode = member.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise ValueError(f"{path}: {member.filename!r} is a link or a device. Only files are unpacked.")
            if member.is_dir():
                os.makedirs(target, exist_ok=True)
                continue
            with archive.open(member) as source, _new_file(target) as file:
                _copy(_Counted(source, room), file)


@contextlib.contextmanager
def _decompressed(path: str) -> Iterator[Any]:
    with open(path, "rb") as raw:
        magic = raw.read(6)
        raw.seek(0)
        if magic[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw) as file:
                yield file
        elif magic[:3] == b"BZh":
            with bz2.BZ2File(raw) as file:
                yield file
        elif magic == b"\xfd7zXZ\0":
            with lzma.LZMAFile(raw) as file:
                yield file
        else:
            yield raw


class _Counted:
    """A file whose bytes are counted as they are read."""

    def __init__(self, file: Any, room: _Room) -> None:
        self._file, self._room = file, room

    def read(self, count: int) -> bytes:
        block = self._file.read(min(count, _BLOCK))
        self._room.take(len(block))
        return block


def _target(folder: str, name: str, path: str) -> str:
    """Return the path for a member, after a check that it lies inside the folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not name or "\0" in name or name.startswith(("/", "\\")) or ".." in parts or any(":" in p for p in parts[:1]):
        raise ValueError(f"{path}: the name {name!r} leads out of the archive's folder; it was not unpacked.")
    return os.path.join(folder, *parts)


def _new_file(target: str) -> BinaryIO:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.lexists(target):  # for a repeated name, the last member wins, as in other programs
        os.unlink(target)
    return open(target, "xb")


def _copy(source: Any, target: BinaryIO) -> None:
    while block := source.read(_BLOCK):
        target.write(block)
