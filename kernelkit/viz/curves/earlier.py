"""Short copies of earlier trainings in this notebook. A panel shows them behind the current one."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection
from typing import Any

from kernelkit.viz.curves.message import json_number
from kernelkit.viz.curves.store import LEARNING_RATE, CurveStore

KEPT = 3
POINTS = 48
LOGS = 6
"""Three runs of six logs with 48 points take at most 8 KB of a message."""

_runs: deque[dict[str, Any]] = deque(maxlen=KEPT)
_numbers = itertools.count(1)


def remember(store: CurveStore, first_epoch: int) -> None:
    """Keep the epochs of a finished training. A training of a single epoch has no curve and is not kept."""
    number = next(_numbers)
    if store.epoch_count < 2:
        return
    names = [name for name in store.epochs if name != LEARNING_RATE][:LOGS]
    stride = -(-store.epoch_count // POINTS)
    read = {name: store.epochs[name].read(stride=stride) for name in names}
    size, wide = next((len(buckets), buckets.stride) for buckets in read.values())
    epochs = [first_epoch + min((i + 1) * wide, store.epoch_count) for i in range(size)]
    logs = {name: [json_number(float(f"{v:.5g}")) for v in buckets.mean] for name, buckets in read.items()}
    _runs.append({"name": f"run {number}", "epochs": epochs, "logs": logs})


def recall(metrics: Collection[str]) -> list[dict[str, Any]]:
    """Return the earlier runs with exactly these metrics, oldest first. Other runs cannot be compared."""
    return [run for run in _runs if {name.removeprefix("val_") for name in run["logs"]} == set(metrics)]


def forget() -> None:
    """Forget all earlier runs."""
    _runs.clear()
