"""Runs of the same block in a row of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LONGEST = 64
"""Nodes in a block, at most."""


@dataclass(frozen=True)
class Repeat:
    """A run of `count` equal blocks of `length` nodes, from `start` on; or the block `number` of such a run."""

    start: int
    length: int
    count: int
    number: int = 0


def find(signatures: Sequence[int]) -> list[Repeat]:
    """Return the runs of equal blocks in a row, from left to right; they do not overlap.

    Args:
        signatures: A number for each node; equal ones stand for nodes that look the same.

    Returns:
        The runs. A single node must repeat four times, a block of two or three nodes three times, a longer one twice.

    Example:
        >>> find([9, 1, 2, 1, 2, 1, 2, 7])
        [Repeat(start=1, length=2, count=3, number=0)]
    """
    row = np.asarray(signatures, dtype=np.int64)
    size = len(row)
    runs = [_runs(row, length) for length in range(1, min(LONGEST, size // 2) + 1)]
    found, at = [], 0
    while at < size:
        best = Repeat(at, 1, 1)
        for length, run in enumerate(runs, start=1):
            if at >= len(run):
                break
            count = int(run[at]) // length + 1
            if count >= _fewest(length) and count * length > best.count * best.length:
                best = Repeat(at, length, count)
        if best.count > 1:
            found.append(best)
        at += best.length * best.count
    return found


def _fewest(length: int) -> int:
    return 4 if length == 1 else 3 if length < 4 else 2


def _runs(row: np.ndarray, length: int) -> np.ndarray:
    """Return for each place the number of values from there on that equal the value `length` places later."""
    same = row[:-length] == row[length:]
    places = np.arange(len(same))
    breaks = np.where(same, len(same), places)
    following = np.minimum.accumulate(breaks[::-1])[::-1]
    return following - places
