"""Monitor a metric: find its better direction and whether it has improved."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from kernelkit import serialize
from kernelkit.metrics.metric import Metric
from kernelkit.scope import to_snake_case
from kernelkit.tracebacks import users_level

_HIGHER = (
    "accuracy acc auc precision recall sensitivity specificity f1 fbeta iou r2 similarity correlation dice "
    "true_positives true_negatives"
).split()
_LOWER = (
    "loss error mse mae mape msle rmse rmsle crossentropy cross_entropy divergence hinge poisson log_cosh logcosh "
    "perplexity nll false_positives false_negatives"
).split()
"""Words that decide the direction of a metric by its name, if the metric has no ``direction``."""


def checked_mode(mode: str, who: str) -> str:
    """Return a mode; warn and return ``"auto"`` for an unknown one, as Keras does."""
    if mode in ("auto", "min", "max"):
        return mode
    warnings.warn(
        f"{who} mode {mode!r} is unknown, 'auto' is used. Known are 'auto', 'min' and 'max'.", stacklevel=users_level()
    )
    return "auto"


def direction(monitor: str, mode: str, model: Any, who: str) -> str:
    """Return whether a metric should become smaller (``"min"``) or larger (``"max"``).

    Args:
        monitor: Name of the metric in the logs.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to infer it from the metric, or else from its name.
        model: The model. Its metrics may have a ``direction``.
        who: Name of the callback, for the message.

    Raises:
        ValueError: If the direction is unknown.

    Example:
        >>> direction("val_accuracy", "auto", None, "EarlyStopping")
        'max'
        >>> direction("val_accumulated_regret", "auto", None, "EarlyStopping")
        Traceback (most recent call last):
        ValueError: EarlyStopping cannot tell whether 'val_accumulated_regret' should become smaller or larger: pass ...
    """
    if mode != "auto":
        return mode
    name = monitor.removeprefix("val_")
    for label, metric in _named_metrics(model):
        if label == name and (way := _direction_of(metric)) is not None:
            return "max" if way == "up" else "min"
    words = f"_{to_snake_case(name)}_{name.lower()}_".replace(" ", "_")
    for known, way in ((_LOWER, "min"), (_HIGHER, "max")):
        if any(f"_{word}_" in words for word in known):
            return way
    raise ValueError(
        f"{who} cannot tell whether {monitor!r} should become smaller or larger: pass mode='min' or mode='max'."
    )


def _direction_of(metric: Metric) -> str | None:
    """Return a metric's direction, ``"up"`` or ``"down"``. Keras's private attribute is read too."""
    return getattr(metric, "direction", None) or getattr(metric, "_direction", None)


def _named_metrics(model: Any) -> Iterator[tuple[str, Metric]]:
    """Yield the model's metrics with their names in the logs."""
    for metric in getattr(model, "metrics", None) or []:
        parts = getattr(metric, "metrics", None)
        if parts is None:
            yield metric.name, metric
        else:
            yield from zip(getattr(metric, "names", [m.name for m in parts]), parts, strict=False)


def is_better(current: float, best: float | None, way: str, min_delta: float = 0.0) -> bool:
    """Return whether a value improves on the best so far by more than ``min_delta``. NaN never improves.

    Example:
        >>> is_better(0.9, 1.0, "min"), is_better(0.9, 1.0, "min", min_delta=0.2), is_better(3.0, None, "max")
        (True, False, True)
    """
    if current != current:
        return False
    if best is None:
        return True
    return current < best - abs(min_delta) if way == "min" else current > best + abs(min_delta)


def is_new_best(callback: Any, logs: dict) -> bool:
    """Return whether the logs are better than all before. If so, store the value as ``callback.best``.

    Logs without the metric count as better, with a warning, so that no model is lost.

    Args:
        callback: A callback with ``monitor``, ``mode``, ``best`` and ``model``.
        logs: The logs.
    """
    who = type(callback).__name__
    current = monitored(callback.monitor, logs, who, "cannot tell which model is best and saves all")
    if current is None:
        return True
    way = direction(callback.monitor, callback.mode, callback.model, who)
    if not is_better(current, callback.best, way):
        return False
    callback.best = current
    return True


def known_direction(callback: Any) -> str | None:
    """Return the direction of a callback's metric, ``None`` if it is not known yet."""
    try:
        return direction(callback.monitor, callback.mode, callback.model, type(callback).__name__)
    except ValueError:
        return None


def operator_of(way: str | None) -> Any:
    """Return Keras's ``monitor_op``: the NumPy function that compares a value with the best one."""
    return None if way is None else np.less if way == "min" else np.greater


def monitored(monitor: str, logs: dict | None, who: str, what: str) -> Any:
    """Return the metric's value. If the logs do not have it, warn and return ``None``.

    Args:
        monitor: Name of the metric.
        logs: The logs.
        who: Name of the callback.
        what: What the callback cannot do without the value, for the warning.
    """
    logs = logs or {}
    if monitor in logs:
        return logs[monitor]
    warnings.warn(
        f"{who} {what}: there is no metric {monitor!r}, only {', '.join(logs) or 'none at all'}."
        f"{serialize.suggest(monitor, logs)}"
        f"{' Pass validation data to fit().' if monitor.startswith('val_') else ''}",
        stacklevel=users_level(),
    )
    return None
