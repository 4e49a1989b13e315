"""Devices: the choice of the device that holds arrays and computes with them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import jax


class _Local(threading.local):
    portable: bool = False


_local = _Local()


@contextlib.contextmanager
def portable() -> Iterator[None]:
    """Trace for any platform inside the context: without lowerings for this machine's CPU, or places on its devices.

    Example:
        >>> from kernelkit import devices
        >>> with devices.portable():
        ...     devices.on_cpu()
        False
    """
    before, _local.portable = _local.portable, True
    try:
        yield
    finally:
        _local.portable = before


def is_portable() -> bool:
    """Return whether a trace is for any platform and any number of devices."""
    return _local.portable


def on_cpu() -> bool:
    """Return whether the code that is traced now will run on the CPU only.

    The decision is made while tracing, from jax's default device or backend. `lax.platform_dependent` would decide
    while lowering, but it is a `cond`: both branches are traced and differentiated, and each keeps the other's
    residuals. A wrong guess only costs speed, for example if arguments were placed on the CPU of a GPU machine.
    """
    if _local.portable:
        return False
    settings: Any = jax.config  # the typed flags depend on jax's version
    device = settings.jax_default_device
    return (getattr(device, "platform", device) or jax.default_backend()) == "cpu"


def device(device_name: Any) -> Any:
    """Return a context manager in which arrays are made on a device and computed there.

    Args:
        device_name: A name such as ``"cpu"`` or ``"gpu:1"``, or a `jax.Device`.

    Raises:
        ValueError: If there is no such device.

    Example:
        >>> import kernelkit as kk
        >>> with kk.device("cpu:0"):
        ...     x = kk.ops.ones((2,))
        >>> [d.platform for d in x.devices()]
        ['cpu']
    """
    return jax.default_device(find(device_name))


def find(device_name: Any) -> Any:
    """Return the `jax.Device` that a name such as ``"gpu:0"`` means."""
    if isinstance(device_name, jax.Device):
        return device_name
    if not isinstance(device_name, str):
        raise ValueError(
            f"Invalid value for argument `device_name`: expected a string such as 'gpu:0' or a jax.Device, "
            f"got {device_name!r}."
        )
    platform, _, number = device_name.lower().strip("/").removeprefix("device:").partition(":")
    try:
        devices = jax.devices(platform)
    except RuntimeError:
        platforms = sorted({d.platform for d in jax.devices()} | {"cpu"})
        raise ValueError(f"There is no device {device_name!r}: jax knows {platforms} here.") from None
    if number and (not number.isdecimal() or int(number) >= len(devices)):
        raise ValueError(f"There is no device {device_name!r}: jax has {len(devices)} of the kind {platform!r}.")
    return devices[int(number or 0)]
