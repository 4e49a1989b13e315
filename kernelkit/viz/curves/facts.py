"""What is read from a training and its devices, beside its curves."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np


def device() -> str | None:
    """Return the name of the kind of device that jax computes on, with their number where there are several."""
    if (jax := sys.modules.get("jax")) is None:
        return None
    devices = jax.local_devices()
    kind = getattr(devices[0], "device_kind", None)
    return f"{kind} x {len(devices)}" if kind and len(devices) > 1 else kind


def device_memory() -> list[int] | None:
    """Return used and total bytes of the first device that reports them, None if no device does (a CPU)."""
    if (jax := sys.modules.get("jax")) is None:
        return None
    for device in jax.local_devices():
        if stats := device.memory_stats():
            return [stats.get("bytes_in_use", 0), stats.get("bytes_limit", 0)]
    return None


def compile_time(run: Any) -> float:
    """Return the seconds that a run has compiled."""
    return run.compile_time() if hasattr(run, "compile_time") else 0.0


def metric_names(model: Any) -> list[str]:
    """Return the names of a model's metrics in the order of `compile`."""
    found = [getattr(metric, "names", None) or [metric.name] for metric in getattr(model, "metrics", ())]
    return [name for names in found for name in names]


def learning_rate(run: Any) -> float | None:
    """Return the optimizer's current learning rate, None for an optimizer without one, such as one of optax."""
    rate = getattr(getattr(run.model, "optimizer", None), "learning_rate", None)
    return None if rate is None or callable(rate) else float(np.asarray(rate))


def describe(error: BaseException | None) -> str | None:
    """Return an error as one line, None for an interrupt, because the user wanted it."""
    if error is None or isinstance(error, KeyboardInterrupt):
        return None
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
