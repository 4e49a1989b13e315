"""A batch: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return the batch that steps take: ``(x, y)``, ``(x, y, sample_weight)``, or ``x`` alone.

    An ``x`` of several inputs is ``(x,)`` when it is alone, so that it isn't taken for inputs and targets.
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """Return ``(x, y, sample_weight)`` of a batch, ``None`` for what it lacks.

    Example:
        >>> unpack((1, 2))
        (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"A batch is x, (x,), (x, y) or (x, y, sample_weight); got a tuple of {len(data)}.")
    return (*data, None, None)[:3]


def batch_rows(batch: Any) -> int:
    """Return the number of samples in a batch, 1 if it holds no array with an axis."""
    leaves = [v for v in jtu.tree_leaves(batch) if getattr(v, "ndim", 0) > 0]
    return int(leaves[0].shape[0]) if leaves else 1
