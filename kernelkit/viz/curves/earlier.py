"""Short copies of earlier trainings in this notebook. A panel shows them behind the current one."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection
from typing import Any

from kernelkit.models.model import Model
from kernelkit.viz.curves.message import json_number
from kernelkit.viz.curves.store import LEARNING_RATE, CurveStore

KEPT = 3
POINTS = 48
LOGS = 6
"""Three runs of six logs with 48 points take at most 8 KB of a message."""

_runs: deque[tuple[tuple, dict[str, Any]]] = deque(maxlen=KEPT)
_numbers = itertools.count(1)


def kind_of(model: Model) -> tuple[Any, str]:
    """Return what makes trainings comparable: the model's architecture (classes and weight shapes), and its loss."""
    layers = tuple(type(layer).__name__ for layer in getattr(model, "layers", ()))
    shapes = tuple(tuple(variable.shape) for variable in getattr(model, "weights", ()))
    return (type(model).__name__, layers, shapes), loss_name(getattr(model, "loss", None))


def loss_name(loss: Any) -> str:
    """Return the name of a loss, or of several.

    Example:
        >>> loss_name({"a": "mse", "b": None}), loss_name(["mae", len])
        ('a: mse, b: none', 'mae, len')
    """
    if isinstance(loss, dict):
        return ", ".join(f"{name}: {loss_name(part)}" for name, part in loss.items())
    if isinstance(loss, (list, tuple)):
        return ", ".join(loss_name(part) for part in loss)
    if loss is None or isinstance(loss, str):
        return loss or "none"
    return str(getattr(loss, "name", None) or getattr(loss, "__name__", None) or type(loss).__name__)


def remember(store: CurveStore, first_epoch: int, name: str, kind: tuple) -> None:
    """Keep the epochs of a finished training. A training of a single epoch has no curve and is not kept.

    Args:
        store: Its curves.
        first_epoch: Number of epochs done before it began.
        name: Its name.
        kind: The `kind_of` its model.
    """
    number = next(_numbers)
    if store.epoch_count < 2:
        return
    names = [log for log in store.epochs if log != LEARNING_RATE][:LOGS]
    stride = -(-store.epoch_count // POINTS)
    read = {log: store.epochs[log].read(stride=stride) for log in names}
    size, wide = next((len(buckets), buckets.stride) for buckets in read.values())
    epochs = [first_epoch + min((i + 1) * wide, store.epoch_count) for i in range(size)]
    logs = {log: [json_number(float(f"{v:.5g}")) for v in buckets.mean] for log, buckets in read.items()}
    _runs.append((kind, {"name": f"run {number}", "title": name[:60], "epochs": epochs, "logs": logs}))


def recall(kind: tuple, metrics: Collection[str]) -> list[dict[str, Any]]:
    """Return the earlier runs with exactly these metrics and this loss, oldest first. Others cannot be compared.

    Args:
        kind: The `kind_of` the model that trains now. Runs of the same architecture have ``"same": True``.
        metrics: Names of its metrics, without ``val_``.
    """
    found = []
    for (architecture, loss), run in _runs:
        if loss == kind[1] and {log.removeprefix("val_") for log in run["logs"]} == set(metrics):
            found.append(run | {"same": architecture == kind[0]})
    return found


def forget() -> None:
    """Forget all earlier runs."""
    _runs.clear()
