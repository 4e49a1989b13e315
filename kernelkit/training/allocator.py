"""Keep freed memory in the process, for the next step.

On the CPU, XLA allocates a step's working memory when a program starts and frees it when the program ends. glibc
returns large blocks to the system at once. To get them again costs a page fault for every 4 KB: up to half of a
step's time (a small transformer on two cores: 12,000 faults and 18 of 36 ms per step). Two settings make glibc keep
these blocks.

Memory left over from compilation (more than 100 MB for that transformer) is of no use to steps and is returned.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

MMAP_THRESHOLD = 2**29
"""Blocks of at least this many bytes still come from the system and are returned to it."""

TRIM_THRESHOLD = 2**30
"""Maximum free memory, in bytes, that is kept at the end of the heap."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # names and numbers of malloc.h


@functools.cache
def keep_freed_memory() -> bool:
    """Let glibc keep freed blocks in this process. Runs once, and only on systems with glibc.

    The environment variable ``KERNELKIT_KEEP_MEMORY=0`` turns it off.

    Returns:
        Whether glibc accepted the settings.

    Source: mallopt(3)
    """
    if os.environ.get("KERNELKIT_KEEP_MEMORY") == "0" or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has no mallopt
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD))


def give_back_memory() -> None:
    """Return free memory to the system. Call it after a compilation, which needs far more memory than the steps.

    Source: malloc_trim(3)
    """
    ctypes.CDLL(None).malloc_trim(0)
