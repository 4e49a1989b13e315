"""`keras.distribution` on one device: there is no distribution, and none can be set."""

from __future__ import annotations

from typing import Any

import jax

from kernelkit.as_keras.refusals import NotInKernelkit

__all__ = ["distribute_tensor", "distribution", "get_device_count", "list_devices", "set_distribution"]


def distribution() -> None:
    """Return ``None``: nothing is distributed."""


def set_distribution(value: Any) -> None:
    """Accept ``None``; refuse anything else."""
    if value is not None:
        raise NotInKernelkit("keras.distribution: kernelkit does not distribute a model over devices this way.")


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the names of the devices, such as ``"cpu:0"``."""
    devices = jax.devices(device_type.lower()) if device_type else jax.devices()
    return [f"{'gpu' if d.platform in ('cuda', 'rocm') else d.platform}:{d.id}" for d in devices]


def get_device_count(device_type: str | None = None) -> int:
    """Return the number of devices."""
    return len(list_devices(device_type))


def distribute_tensor(tensor: Any, layout: Any = None) -> Any:
    """Return a tensor as it is."""
    return tensor
