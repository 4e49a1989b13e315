"""Padding of sequences of unequal lengths to one array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit.masked_arrays import unmasked
from kernelkit.typing import DType


def pad_sequences(
    sequences: Sequence,
    maxlen: int | None = None,
    dtype: DType = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Return sequences padded and cut to one length.

    Args:
        sequences: Sequences of numbers, or of rows of one shape.
        maxlen: The length; that of the longest sequence by default.
        dtype: Dtype of the result.
        padding: ``"pre"`` or ``"post"``: whether to pad at the beginning or at the end.
        truncating: ``"pre"`` or ``"post"``: whether long sequences are cut at the beginning or at the end.
        value: Padding value.

    Returns:
        Array (sequences, maxlen, ...).

    Example:
        >>> pad_sequences([[1], [2, 3]], padding="post")
        array([[1, 0],
               [2, 3]], dtype=int32)
    """
    for name, place in (("padding", padding), ("truncating", truncating)):
        if place not in ("pre", "post"):
            raise ValueError(f"pad_sequences({name}=...) must be 'pre' or 'post', got {place!r}.")
    if isinstance(value, str) and not (dtype is object or np.dtype(dtype).kind in "OUS"):
        raise ValueError(
            f"`dtype` {dtype} is not compatible with the value {value!r}: pass for example dtype=object or '<U9'."
        )
    rows = []
    for i, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__"):
            raise ValueError(f"pad_sequences() takes a list of sequences; entry {i} is {sequence!r}.")
        rows.append(np.asarray(unmasked(sequence), dtype=dtype))
    length = max((len(r) for r in rows), default=0) if maxlen is None else maxlen
    shape = next((r.shape[1:] for r in rows if len(r)), ())
    padded = np.full((len(rows), length, *shape), value, dtype=dtype)
    for row, target in zip(rows, padded, strict=True):
        kept = row[max(0, len(row) - length) :] if truncating == "pre" else row[:length]
        if not len(kept):
            continue
        if kept.shape[1:] != shape:
            raise ValueError(f"pad_sequences(): all rows must have the shape {shape}, got {kept.shape[1:]}.")
        if padding == "post":
            target[: len(kept)] = kept
        else:
            target[length - len(kept) :] = kept
    return padded
