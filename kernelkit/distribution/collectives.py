"""`Collective`: the data that devices exchange, read from the text of a compiled program."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast")

_CALL = re.compile(rf"=\s*(.+?)\s({'|'.join(KINDS)})(?:-start)?\(")
_ARRAY = re.compile(r"\b(pred|bf16|[a-z]+\d+)(?:e\w+)?\[([\d,]*)\]")


class Collective(NamedTuple):
    """A collective operation of a program.

    Attributes:
        kind: Name of the operation, such as ``"all-reduce"``.
        nbytes: Bytes of the result on one device.

    Example:
        >>> from kernelkit import distribution
        >>> (found,) = distribution.collectives_in("%x = f32[256] all-reduce(%a), channel_id=1")
        >>> found.kind, found.nbytes
        ('all-reduce', 1024)
    """

    kind: str
    nbytes: int


def collectives_in(text: str) -> list[Collective]:
    """Return the collectives of a program, in the order of its text.

    A loop's body counts once, so the program of several steps shows the collectives of one step.

    Args:
        text: Optimized HLO, as ``compiled.as_text()`` gives it.

    Example:
        >>> collectives_in("%x = (f32[2,3], s32[]) all-reduce(%a, %b), channel_id=1")
        [Collective(kind='all-reduce', nbytes=28)]
    """
    found = []
    for line in text.splitlines():
        match = _CALL.search(line)
        if match is not None:
            sizes = [_nbytes(dtype, shape) for dtype, shape in _ARRAY.findall(match[1])]
            found.append(Collective(match[2], sum(sizes)))
    return found


def _nbytes(dtype: str, shape: str) -> int:
    count = math.prod(int(n) for n in shape.split(",") if n)
    if dtype == "pred":
        return count
    return -(-count * int(re.sub(r"\D+", "", dtype)) // 8)
