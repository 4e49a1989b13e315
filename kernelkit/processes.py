"""Several processes that train one model together: how they agree, and which of them writes files.

Every process runs the same program. Where their actions could differ, by timing or by the user, they exchange a
few numbers. With one process these functions have no effect.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import re
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from kernelkit import interrupts

_LOST = re.compile(
    r"gloo|connection (closed|reset|refused)|broken pipe|heartbeat|coordination service|NCCL|UNAVAILABLE",
    re.IGNORECASE,
)


_waited = [0.0]


class ProcessLost(ConnectionError):
    """Another process of the training has ended."""


def count() -> int:
    """Return the number of processes."""
    return jax.process_count()


def is_first() -> bool:
    """Return whether this is the process that writes files and logs."""
    return jax.process_index() == 0


def agree(*numbers: int) -> np.ndarray:
    """Return the numbers of all processes, an array (processes, numbers). All of them must call this.

    Example:
        >>> agree(3, 4).tolist()
        [[3, 4]]
    """
    if jax.process_count() == 1:
        return np.array([numbers], "int64")
    from jax.experimental import multihost_utils

    mine = np.array(numbers, "int64").view("int32")  # jax would cut 64-bit integers
    began = time.perf_counter()
    with lost_processes():
        found = np.asarray(multihost_utils.process_allgather(mine)).reshape(-1, mine.size).view("int64")
    _waited[0] += time.perf_counter() - began
    return found


def of_first(number: int) -> int:
    """Return the value of the first process. All processes must call this."""
    return int(agree(number)[0, 0])


def any_of(flag: bool) -> bool:
    """Return whether the flag is set in any process. All processes must call this."""
    return bool(agree(int(flag)).any()) if jax.process_count() > 1 else flag


def texts_of_all(text: str) -> list[str]:
    """Return the texts of all processes, in their order. All processes must call this.

    Example:
        >>> texts_of_all("pause")
        ['pause']
    """
    if jax.process_count() == 1:
        return [text]
    mine = text.encode()
    sizes = [int(n) for n in agree(len(mine))[:, 0]]
    if not any(sizes):
        return [""] * len(sizes)
    padded = mine.ljust(-(-max(sizes) // 8) * 8, b"\0")
    rows = agree(*np.frombuffer(padded, "int64").tolist())
    return [row.tobytes()[:size].decode() for row, size in zip(rows, sizes, strict=True)]


def check_interrupts() -> None:
    """Raise KeyboardInterrupt if the stop button was pressed, in any process. All processes must call this."""
    if jax.process_count() == 1:
        interrupts.check()
    elif any_of(interrupts.pressed()):
        interrupts.check()
        raise KeyboardInterrupt("another process of this training was interrupted")


def waited() -> float:
    """Return the total seconds that this process has waited for the others in this module."""
    return _waited[0]


def require_same(what: str, lines: Sequence[str]) -> None:
    """Raise an error in every process unless all of them have the same lines.

    Args:
        what: What the lines describe, for the error.
        lines: Texts.

    Raises:
        RuntimeError: If a process has other lines.
    """
    if jax.process_count() == 1:
        return
    sums = [zlib.crc32(line.encode()) for line in lines]
    found = agree(len(lines), zlib.crc32(np.array(sums, "int64").tobytes()))
    others = [i for i, row in enumerate(found) if tuple(row) != tuple(found[0])]
    if others:
        raise RuntimeError(
            f"The processes disagree on {what}: process {others[0]} differs from process 0. This process "
            f"({jax.process_index()}) has {len(lines)}: {', '.join(lines[:6])}{', ...' if len(lines) > 6 else ''}. All "
            "processes must run the same program with the same settings."
        )


@contextlib.contextmanager
def lost_processes() -> Iterator[None]:
    """Turn jax's errors about a broken connection into :class:`ProcessLost`."""
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError, OSError) as error:  # jax raises some of them as ValueError
        if jax.process_count() == 1 or isinstance(error, ProcessLost) or not _LOST.search(str(error)):
            raise
        atexit.register(_leave)
        raise ProcessLost(
            f"Another of the {jax.process_count()} processes of this training has ended, so this one (process "
            f"{jax.process_index()}) stops too. Start all of them again: with callbacks.BackupAndRestore they go on "
            "from the last backup."
        ) from error


@contextlib.contextmanager
def written_once(path: str) -> Iterator[str]:
    """Yield the path to write to, so that only the first process writes the file.

    The other processes do the same work, because values may have to be gathered from all, but write to a temporary
    folder. At the end all wait until the file is complete.

    Args:
        path: The file or folder.

    Raises:
        OSError: If another process could not write.
    """
    if jax.process_count() == 1:
        yield path
        return
    failed = True
    with contextlib.ExitStack() as stack:
        if not is_first():
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kernelkit-"))
            path = os.path.join(folder, os.path.basename(os.path.normpath(path)))
        try:
            yield path
            failed = False
        finally:
            troubles = agree(int(failed))[:, 0]
    if troubles.any():
        raise OSError(f"Process {int(troubles.argmax())} could not write {os.path.basename(path)!r}: see its error.")


def _leave() -> None:
    """End this process at its exit, without jax's wait of minutes for the lost process."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(1)
