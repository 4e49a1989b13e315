"""Texts of any length in HDF5 attributes, read from the bytes of the file.

The HDF5 library (2.0 and before) trusts the declared length of such texts: a damaged file makes it loop for ever or
overwrite memory. This file reads the part of the format that Keras's files use, and checks each step.

Source: HDF5 file format specification, version 3.0, sections III.A (superblock), IV.A (object headers), III.E (heaps).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10
_MOST_BLOCKS = 1000
_MOST_ENTRIES = 2_000_000


def read_texts(file: BinaryIO, address: int, name: str, count: int) -> list[str]:
    """Return the texts of an attribute.

    Args:
        file: The HDF5 file.
        address: Where the object's header lies.
        name: The attribute's name.
        count: Number of texts.

    Raises:
        ValueError: If the file is damaged, or written in another way than Keras does.
    """
    # Version 0, addresses and lengths of 8 bytes, and no bytes in front.
    start = _read(file, 0, 32)
    if start[8] != 0 or start[13:15] != b"\x08\x08" or start[24:32] != bytes(8):
        raise ValueError("texts in HDF5 files of this version are not supported.")
    data = _data_of(file, address, name.encode())
    if len(data) < 16 * count:
        raise ValueError(f"the attribute {name!r} is cut off.")
    heaps: dict[int, dict[int, tuple[int, int]]] = {}
    texts, total = [], 0
    for i in range(count):
        length, address, number = struct.unpack_from("<IQI", data, 16 * i)
        if length and address not in heaps:
            heaps[address] = _entries(file, address)
            total += len(heaps[address])
        if total > _MOST_ENTRIES:
            raise ValueError("the heaps have too many entries.")
        texts.append(_text(file, length, heaps[address], number) if length else "")
    return texts


def _read(file: BinaryIO, address: int, size: int) -> bytes:
    file.seek(address)
    data = file.read(size)
    if len(data) < size:
        raise ValueError(f"it refers to {size} bytes at {address}, behind its end.")
    return data


def _data_of(file: BinaryIO, address: int, name: bytes) -> bytes:
    for kind, message in _messages(file, address):
        if kind != _ATTRIBUTE or len(message) < 8:
            continue
        version, flags, *sizes = struct.unpack_from("<BBHHH", message)
        if version not in (1, 3) or (version == 3 and flags & 3):
            raise ValueError("an attribute is written in an unusual way.")
        place = 8 + (version == 3)
        ends = []
        for size in sizes:
            step = (size + 7) // 8 * 8 if version == 1 else size
            ends.append((place, place + size))
            place += step
        if message[slice(*ends[0])].rstrip(b"\0") == name:
            return message[place:]
    raise ValueError(f"the attribute {name.decode()!r} is not where it should be.")


def _messages(file: BinaryIO, address: int) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the bytes of each message in an object header."""
    version, _, _, _, size = struct.unpack("<BBHII", _read(file, address, 12))
    if version != 1:
        raise ValueError("texts in object headers of this version are not supported.")
    blocks = [(address + 16, size)]
    for number, (place, length) in enumerate(blocks):
        if number > _MOST_BLOCKS:
            raise ValueError("an object header has no end.")
        block = _read(file, place, length)
        at = 0
        while at + 8 <= length:
            kind, size = struct.unpack_from("<HH", block, at)
            message = block[at + 8 : at + 8 + size]
            if kind == _CONTINUATION and len(message) >= 16:
                blocks.append(struct.unpack_from("<QQ", message))
            yield kind, message
            at += 8 + size


def _entries(file: BinaryIO, address: int) -> dict[int, tuple[int, int]]:
    """Return the place and size of each entry of a heap, by number. Each entry follows a header of 16 bytes."""
    head = _read(file, address, 16)
    if head[:4] != b"GCOL":
        raise ValueError(f"there is no heap at {address}.")
    end = int.from_bytes(head[8:], "little")
    entries: dict[int, tuple[int, int]] = {}
    place = 16
    while place + 16 <= end and len(entries) < 2**16:
        number, _, _, size = struct.unpack("<HHIQ", _read(file, address + place, 16))
        if not number or number in entries:
            break  # the rest of the heap is free
        if place + 16 + size > end:
            raise ValueError(f"an entry of the heap at {address} is longer than the heap.")
        entries[number] = address + place + 16, size
        place += 16 + (size + 7) // 8 * 8
    return entries


def _text(file: BinaryIO, length: int, entries: dict[int, tuple[int, int]], number: int) -> str:
    place, size = entries.get(number, (0, 0))
    if size < length:
        raise ValueError(f"a text of {length} bytes is not in its heap.")
    return _read(file, place, length).rstrip(b"\0").decode("utf-8", "replace")
