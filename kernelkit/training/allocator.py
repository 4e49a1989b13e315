"""Keeping freed memory in the process, for the next step.

XLA on the CPU asks for a step's working memory when a program starts and frees it when it ends. glibc hands large
blocks straight back to the system, and getting them again costs a page fault for every 4 KB: up to half of the time of
a step (a small transformer on two cores: 12,000 faults and 18 ms of 36 in each step). With two settings they stay.

What compiling has left behind is of no use to steps: more than 100 MB for that transformer. It is given back.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

MMAP_THRESHOLD = 2**29
"""Blocks of at least so many bytes still come from the system and go back to it."""

TRIM_THRESHOLD = 2**30
"""The most free memory, in bytes, that is kept at the end of the heap."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # names and numbers of malloc.h


@functools.cache
def keep_freed_memory() -> bool:
    """Let glibc keep freed blocks in this process; once, and only where glibc is.

    The environment variable ``KERNELKIT_KEEP_MEMORY=0`` turns it off.

    Returns:
        Whether the settings were taken.

    Source: mallopt(3)
    """
    if os.environ.get("KERNELKIT_KEEP_MEMORY") == "0" or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, TRIM_THRESHOLD))


def give_back_memory() -> None:
    """Return free memory to the system: after a compilation, which takes far more than the steps that follow it.

    Source: malloc_trim(3)
    """
    ctypes.CDLL(None).malloc_trim(0)
