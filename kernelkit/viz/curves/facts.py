"""Facts about a training and its devices, for display beside the curves."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from kernelkit.models.model import Model


def device(distribution: Any = None) -> str | None:
    """Return the kind of device of a training; for several devices also their number and the distribution.

    Args:
        distribution: The distribution of the model, ``None`` for one device.
    """
    if (jax := sys.modules.get("jax")) is None:
        return None
    devices = jax.local_devices()
    kind = getattr(devices[0], "device_kind", None)
    if not kind:
        return None
    if distribution is None:
        return f"{kind}, 1 of {len(devices)}" if len(devices) > 1 else kind
    count, processes = distribution.device_mesh.devices.size, distribution.num_processes
    return f"{kind} × {count}, {type(distribution).__name__}" + (f", {processes} processes" if processes > 1 else "")


def device_memory() -> list[int] | None:
    """Return used and total bytes of the first device that reports them, None if no device does (a CPU)."""
    if (jax := sys.modules.get("jax")) is None:
        return None
    for device in jax.local_devices():
        if stats := device.memory_stats():
            return [stats.get("bytes_in_use", 0), stats.get("bytes_limit", 0)]
    return None


def compile_time(run: Any) -> float:
    """Return the seconds that a run spent compiling."""
    return run.compile_time() if hasattr(run, "compile_time") else 0.0


def metric_names(model: Model) -> list[str]:
    """Return the names of a model's metrics in the order of `compile`."""
    found = [getattr(metric, "names", None) or [metric.name] for metric in getattr(model, "metrics", ())]
    return [name for names in found for name in names]


def learning_rate(run: Any) -> float | None:
    """Return the optimizer's current learning rate, None for an optimizer without one, such as one of optax."""
    rate = getattr(getattr(run.model, "optimizer", None), "learning_rate", None)
    return None if rate is None or callable(rate) else float(np.asarray(rate))


def describe(error: BaseException | None) -> str | None:
    """Return an error as one line; None for an interrupt, which is not an error."""
    if error is None or isinstance(error, KeyboardInterrupt):
        return None
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
