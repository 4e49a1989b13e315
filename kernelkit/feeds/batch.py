"""A batch: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``."""

from __future__ import annotations

import inspect
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.typing import Batch, Tensor, Tree

KINDS = "a batch is x, (x, y) or (x, y, sample_weight), each part an array (samples, ...) or several arrays"


def pack(x: Tree, y: Tree = None, sample_weight: Tree = None) -> Batch:
    """Return the batch that steps take: ``(x, y)``, ``(x, y, sample_weight)``, or ``x`` alone.

    Without targets, an ``x`` of several inputs becomes ``(x,)``, so that it isn't mistaken for inputs and targets.
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack(data: Batch) -> tuple[Any, Any, Any]:
    """Return ``(x, y, sample_weight)`` of a batch, with ``None`` for missing parts.

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


def batch_rows(batch: Batch) -> int:
    """Return the number of samples in a batch, 1 if it holds no array with an axis."""
    leaves = [v for v in jtu.tree_leaves(batch) if getattr(v, "ndim", 0) > 0]
    return int(leaves[0].shape[0]) if leaves else 1


def check_is_batch(value: Any, who: str) -> None:
    """Raise an error if a value cannot be a batch.

    Args:
        value: A value that a source yielded.
        who: The source and the batch's number, for the error.

    Raises:
        ValueError: If the value is ``None``, a number, a function, an empty tuple, or has no inputs.
    """
    parts = value if isinstance(value, (tuple, list)) else (value,)
    if value is None:
        problem = "yielded None"
    elif isinstance(value, (bool, int, float, complex, np.generic)):
        problem = f"yielded a single number, {value!r}"
    elif inspect.isroutine(value) or isinstance(value, type):
        problem = f"yielded a function, {getattr(value, '__name__', value)!r}: call it"
    elif not len(parts):
        problem = f"yielded an empty {type(value).__name__}"
    elif parts[0] is None:
        problem = "yielded None for x"
    else:
        return
    raise ValueError(f"{who[:1].upper()}{who[1:]} {problem}; {KINDS}.")


def check_rows(batch: Batch, who: str) -> None:
    """Raise an error unless all arrays of a batch have the same number of samples, at least 1.

    Args:
        batch: Arrays, nested.
        who: The source and the batch's number, for the error.
    """
    found = {_size(leaf) for leaf in jtu.tree_leaves(batch)}
    if len(found) == 1 and next(iter(found)) not in (None, 0):
        return
    parts = batch if isinstance(batch, (tuple, list)) else (batch,)
    names = ("x", "y", "sample_weight")
    sizes: dict[str, int | None] = {}
    for name, part in zip(names, parts, strict=False):
        for path, leaf in jtu.tree_flatten_with_path(part)[0]:
            sizes[name + jtu.keystr(path)] = _size(leaf)
    single = [name for name, size in sizes.items() if size is None]
    if not sizes:
        problem = "yielded no array"
    elif single:
        problem = f"yielded a single value as {single[0]}, without an axis of samples"
    elif len(set(sizes.values())) > 1:
        details = ", ".join(f"{name} has {size}" for name, size in sizes.items())
        problem = f"yielded arrays of unequal numbers of samples: {details}"
    else:
        problem = "yielded a batch of 0 samples"
    raise ValueError(f"{who[:1].upper()}{who[1:]} {problem}; {KINDS}.")


def _size(leaf: Tensor) -> int | None:
    """Return the number of samples of an array, ``None`` for a single value."""
    shape = getattr(leaf, "shape", ())
    return shape[0] if shape else None
