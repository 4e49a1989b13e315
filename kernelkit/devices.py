"""Where arrays are made and computed with."""

from __future__ import annotations

from typing import Any

import jax


def device(device_name: Any) -> Any:
    """Return a context manager: inside of it arrays are made on a device, and computed with there.

    Args:
        device_name: ``"cpu"``, ``"gpu:1"`` and their like, or a `jax.Device`.

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
