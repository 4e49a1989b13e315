"""The split of arrays into training and validation samples."""

from __future__ import annotations

import jax.tree_util as jtu

from kernelkit.feeds.check import check_lengths
from kernelkit.feeds.convert import to_arrays
from kernelkit.feeds.make import is_stream
from kernelkit.typing import Tree


def split(x: Tree, y: Tree, sample_weight: Tree, share: float) -> tuple[tuple, tuple]:
    """Split off the last share of the samples for validation.

    Returns:
        ``(x, y, sample_weight)`` of the first part and of the last part.

    Raises:
        ValueError: If the data are not arrays, or a part would be empty.
    """
    if is_stream(x):
        raise ValueError(
            "validation_split works with arrays only. Give the validation data as validation_data=... [K13]"
        )
    if isinstance(share, str) or not 0 < share < 1:
        raise ValueError(f"validation_split must lie between 0 and 1, got {share!r}.")
    arrays = tuple(to_arrays(v) for v in (x, y, sample_weight))
    check_lengths(dict(zip(("x", "y", "sample_weight"), arrays, strict=True)), "fit")
    count = len(jtu.tree_leaves(arrays[0])[0])
    at = int(count * (1 - share))
    if at == 0 or at == count:
        raise ValueError(f"validation_split={share} of {count} samples leaves one part empty.")
    first = tuple(jtu.tree_map(lambda v: v[:at], a) for a in arrays)
    last = tuple(jtu.tree_map(lambda v: v[at:], a) for a in arrays)
    return first, last
