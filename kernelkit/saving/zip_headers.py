"""The headers of a zip file, compared with each other before they are used.

A zip file gives the place and the size of each member twice: in the directory at its end, and in front of the member.
If these differ, a reader of the directory and a reader of the members see different files.

Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.14 to 4.3.16 (end records), 4.5.3 (zip64).
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from typing import IO, BinaryIO

_LOCAL, _END, _END64 = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06"
_LARGEST_DIRECTORY = 6 << 20
_LOCAL_SIZE, _END_SIZE = 30, 22
_LONGEST_COMMENT = 1 << 16
_MASKED = 0xFFFFFFFF  # the true size stands in the zip64 field
_HAS_DESCRIPTOR = 0x08  # sizes follow the member


def require_short_directory(file: IO[bytes], size: int) -> None:
    """Raise ``ValueError`` if the directory of a zip file is far longer than the directory of any model.

    Args:
        file: The file.
        size: Its size in bytes.
    """
    file.seek(max(0, size - _END_SIZE - _LONGEST_COMMENT - 76))
    tail = file.read()
    file.seek(0)
    for mark, place, form in ((_END, 12, "<L"), (_END64, 40, "<Q")):
        at = tail.find(mark)
        while at >= 0:
            if len(tail) >= at + place + struct.calcsize(form):
                (declared,) = struct.unpack_from(form, tail, at + place)
                if _LARGEST_DIRECTORY < declared <= size and declared != _MASKED:
                    raise ValueError(f"its list of members takes {declared} bytes.")
            at = tail.find(mark, at + 1)


def require_headers(file: BinaryIO, infos: Iterable[zipfile.ZipInfo], size: int) -> None:
    """Raise ``ValueError`` if members overlap, lie outside the file, or have headers that differ from the directory.

    Args:
        file: The file.
        infos: The entries of the directory.
        size: The size of the file in bytes.
    """
    end = 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < end:
            raise ValueError("its members overlap.")
        end = begin_of(file, info) + info.compress_size
        if end > size:
            raise ValueError(f"{info.filename!r} ends behind the end of the file.")


def begin_of(file: BinaryIO, info: zipfile.ZipInfo) -> int:
    """Return the place of a member's first byte, after its own header.

    Raises:
        ValueError: If the header differs from the directory.
    """
    file.seek(info.header_offset)
    header = file.read(_LOCAL_SIZE)
    if len(header) < _LOCAL_SIZE or header[:4] != _LOCAL:
        raise ValueError(f"{info.filename!r} is not where the list of members says.")
    flags, method, _, crc, packed, unpacked, name_size, extra_size = struct.unpack_from("<HHLLLLHH", header, 6)
    name, extra = file.read(name_size), file.read(extra_size)
    if len(name) + len(extra) < name_size + extra_size:
        raise ValueError(f"the header of {info.filename!r} is cut off.")
    if name != _raw_name(info):
        raise ValueError(f"{info.filename!r} has another name in its own header.")
    if method != info.compress_type or (flags ^ info.flag_bits) & 0x1:
        raise ValueError(f"{info.filename!r} is packed in another way in its own header.")
    if not flags & _HAS_DESCRIPTOR:
        unpacked, packed = _true_sizes(unpacked, packed, extra)
        if (crc, packed, unpacked) != (info.CRC, info.compress_size, info.file_size):
            raise ValueError(f"{info.filename!r} has another size or checksum in its own header.")
    return info.header_offset + _LOCAL_SIZE + name_size + extra_size


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    utf8 = info.flag_bits & 0x800
    return info.orig_filename.encode("utf-8" if utf8 else "cp437")


def _true_sizes(unpacked: int, packed: int, extra: bytes) -> tuple[int, int]:
    """Return the sizes in a header; masked sizes are read from its zip64 field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + length]
        if kind == 1:
            for i in range(len(field) // 8):
                (value,) = struct.unpack_from("<Q", field, 8 * i)
                if unpacked == _MASKED:
                    unpacked = value
                elif packed == _MASKED:
                    packed = value
            break
        at += 4 + length
    return unpacked, packed
