"""Untrusted zip files, such as ``.keras`` files."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from kernelkit import progress
from kernelkit.saving.zip_headers import begin_of, require_headers, require_short_directory

_MOST_MEMBERS = 100_000
# A config is mostly repetition and packs well; weights don't.
_MOST_UNFOLDING = 20
_FREE_SIZE = 16 << 20
_BLOCK = 1 << 20
_LONGEST_NAME, _LONGEST_PART = 2000, 200


class Archive:
    """A zip file whose members are read, but never unpacked to the paths that their names give.

    Args:
        path: The file's path, or a file that is open for reading.
        kind: The expected kind of file, for error messages.

    Raises:
        ValueError: If the file is not a zip file, or unpacks to far more than its own size.
    """

    def __init__(self, path: str | os.PathLike | BinaryIO, kind: str = "a .keras file") -> None:
        is_open = hasattr(path, "read")
        self.who = "an open file" if is_open else os.fspath(path)  # type: ignore[arg-type]
        # __exit__ closes this file. An open file is copied, and only the copy is closed.
        self._file: Any = _copied(path) if is_open else open(path, "rb")  # type: ignore[arg-type]  # noqa: SIM115
        self.size = self._file.seek(0, os.SEEK_END)
        try:
            require_short_directory(self._file, self.size)
            self._zip = zipfile.ZipFile(self._file)
            self._members = self._checked_members()
        except (
            zipfile.BadZipFile,
            NotImplementedError,
            OSError,
            ValueError,
            KeyError,
            OverflowError,
            struct.error,
        ) as error:
            self._file.close()
            raise ValueError(f"{self.who} cannot be read as {kind}: {error}") from error
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: Any) -> None:
        self._zip.close()
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._members

    @property
    def names(self) -> list[str]:
        """The members' names."""
        return list(self._members)

    @property
    def unfolded(self) -> int:
        """The bytes of all members."""
        return sum(info.file_size for info in self._members.values())

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        infos = [info for info in self._zip.infolist() if not info.is_dir()]
        if len(infos) > _MOST_MEMBERS:
            raise ValueError(f"it has {len(infos)} members.")
        for info in infos:
            parts = PurePosixPath(info.filename.replace("\\", "/")).parts
            if not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\0" in info.filename:
                raise ValueError(f"the member name {info.filename!r} points outside of the archive.")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 0x1:
                raise ValueError(f"{info.filename!r} is encrypted, or compressed in an unusual way.")
            if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
                raise ValueError(f"{info.filename!r} declares two sizes.")
            if len(info.filename.encode()) > _LONGEST_NAME or any(len(p.encode()) > _LONGEST_PART for p in parts):
                raise ValueError(f"the member name {info.filename[:60]!r}... is too long.")
        names = [info.filename for info in infos]
        if len(set(names)) < len(names):
            raise ValueError("two members have the same name.")
        folders = {str(parent) for name in names for parent in PurePosixPath(name.replace("\\", "/")).parents}
        if clash := sorted(folders & {str(PurePosixPath(name.replace("\\", "/"))) for name in names}):
            raise ValueError(f"{clash[0]!r} is a file and a folder at once.")
        require_headers(self._file, infos, self.size)
        unfolded = sum(info.file_size for info in infos)
        if unfolded > max(_MOST_UNFOLDING * self.size, _FREE_SIZE):
            raise ValueError(f"its {self.size} bytes unpack to {unfolded} bytes, as a decompression bomb does.")
        return dict(zip(names, infos, strict=True))

    def read(self, name: str) -> bytes:
        """Return a member's bytes."""
        with self.open(name) as file:
            return file.read()

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open a member for reading, seekable, after a check of its checksum."""
        if name not in self._members:
            raise ValueError(f"{self.who} has no {name!r}; it holds {sorted(self._members)[:10]}.")
        info = self._members[name]
        with contextlib.ExitStack() as stack:
            try:
                source = stack.enter_context(self._zip.open(info))
                if info.compress_type == zipfile.ZIP_STORED:
                    begin = begin_of(self._file, info)
                    _drain(source, info.file_size)
                    file: Any = _Window(self._file, begin, info.file_size)
                else:
                    file = stack.enter_context(tempfile.SpooledTemporaryFile(_FREE_SIZE))
                    _drain(source, info.file_size, file)
                    file.seek(0)
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError) as error:
                raise ValueError(f"{self.who}: {name!r} is damaged: {error}") from error
            yield file

    def unpack(self, prefix: str, folder: str) -> None:
        """Write the members below a prefix into a folder."""
        for name in self._members:
            if name.startswith(prefix):
                target = os.path.join(folder, *PurePosixPath(name.replace("\\", "/")).parts)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with self.open(name) as source, open(target, "xb") as file:
                    shutil.copyfileobj(source, file, _BLOCK)


def _copied(source: Any) -> BinaryIO:
    """Return a copy of an open file, from its current position to its end."""
    copy = tempfile.SpooledTemporaryFile(_FREE_SIZE)  # noqa: SIM115
    shutil.copyfileobj(source, copy, _BLOCK)
    return copy  # type: ignore[return-value]


def add_file(archive: zipfile.ZipFile, name: str, source: BinaryIO) -> None:
    """Add an open file, whole and not compressed, to a zip file that is being written."""
    source.seek(0)
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        while block := source.read(_BLOCK):
            member.write(block)
            progress.moved(len(block))


def _drain(source: Any, size: int, target: Any = None) -> None:
    """Read a member to its end, where zipfile checks the checksum; never more bytes than declared."""
    total = 0
    while block := source.read(_BLOCK):
        total += len(block)
        if total > size:
            raise zipfile.BadZipFile("it is longer than declared.")
        if target is not None:
            target.write(block)
        progress.moved(len(block))
    if total != size:
        raise zipfile.BadZipFile("it is shorter than declared.")


class _Window(io.RawIOBase):
    """A part of a file as a file."""

    def __init__(self, file: BinaryIO, begin: int, size: int) -> None:
        super().__init__()
        self._file, self._begin, self._size, self._place = file, begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._place))
        self._file.seek(self._begin + self._place)
        block = self._file.read(count)
        buffer[: len(block)] = block
        self._place += len(block)
        return len(block)
