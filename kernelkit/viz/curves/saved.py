"""Trainings as data in a notebook: JupyterLab's extension draws and lists them without a kernel."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit.viz.curves.message import Message

MIME = "application/vnd.kernelkit.history.v1+json"
VERSION = 1
LIMIT = 16 << 10
"""Maximum bytes of curve data for all trainings of one output."""
_KEPT = (
    "id", "name", "state", "first_epoch", "steps", "best", "rate_changes", "per_batch", "epochs", "epoch", "done",
    "total", "together", "rate", "elapsed", "latest", "error", "device", "ending", "broken", "marks", "metrics", "log",
)  # fmt: skip


def saved(title: str, messages: Sequence[Message], limit: int = LIMIT) -> dict[str, Any]:
    """Return complete messages of trainings as data for a notebook; docs/viz.md describes it.

    Args:
        title: The title above the charts.
        messages: For each training its header and its buffer of float32 values.
        limit: Maximum bytes of all buffers. Longer curves get fewer, longer buckets.

    Returns:
        A dict that JSON can hold.

    Example:
        >>> from kernelkit.viz.curves.message import history_message
        >>> found = saved("run", [history_message(0, 1, "run", [0, 1], {"loss": [2.0, 1.0]})])
        >>> found["version"], found["runs"][0]["curves"][1]["count"]
        (1, 2)
    """
    share = limit // max(1, len(messages))
    runs = []
    for content, buffer in messages:
        curves, values = _thinned(content["curves"], np.frombuffer(buffer, "<f4"), share // 4)
        facts = {name: content["facts"][name] for name in _KEPT if name in content["facts"]}
        runs.append({"facts": facts, "curves": curves, "values": base64.b64encode(values.tobytes()).decode()})
    return {"schema": "kernelkit.history", "version": VERSION, "title": title, "runs": runs}


def _thinned(curves: list[dict[str, Any]], values: np.ndarray, most: int) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Merge neighboring buckets of the longest axis until at most `most` numbers remain."""
    read, at = [], 0
    for entry in curves:
        size = -(-entry["count"] // entry["stride"])
        columns = 1 if entry["stride"] == 1 else 3
        table = values[at : at + columns * size].reshape(columns, size)
        at += columns * size
        read.append((dict(entry, start=0), table if columns == 3 else np.repeat(table, 3, axis=0)))
    while sum(_numbers(entry, table) for entry, table in read) > most:
        longest = max(range(len(read)), key=lambda i: _numbers(*read[i]))
        axis = read[longest][0]["axis"]
        if read[longest][1].shape[1] <= 2:
            break
        read = [_halved(entry, table) if entry["axis"] == axis else (entry, table) for entry, table in read]
    tables = [table[:1] if entry["stride"] == 1 else table for entry, table in read]
    flat = np.concatenate([table.ravel() for table in tables]) if tables else np.zeros(0)
    return [entry for entry, _ in read], flat.astype("<f4")


def _numbers(entry: dict[str, Any], table: np.ndarray) -> int:
    return table.shape[1] * (1 if entry["stride"] == 1 else 3)


def _halved(entry: dict[str, Any], table: np.ndarray) -> tuple[dict[str, Any], np.ndarray]:
    """Merge buckets in pairs, as the frontend's series does; a single last bucket stays."""
    odd = table[:, -1:] if table.shape[1] % 2 else table[:, :0]
    pairs = np.concatenate([table, odd], axis=1)
    mean, low, high = pairs.reshape(3, -1, 2)
    halved = np.stack([mean.mean(1), np.fmin(*low.T), np.fmax(*high.T)])
    return dict(entry, stride=entry["stride"] * 2), halved
