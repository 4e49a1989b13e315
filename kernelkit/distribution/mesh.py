"""`DeviceMesh` and `TensorLayout`: devices in a grid, and the axes of an array on it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from kernelkit import devices as _devices


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the names of all devices, of all processes.

    Args:
        device_type: ``"cpu"``, ``"gpu"`` or ``"tpu"``; by default the kind that jax computes on.

    Example:
        >>> from kernelkit import distribution
        >>> distribution.list_devices("cpu")[0]
        'cpu:0'
    """
    return [_name(d) for d in jax.devices(device_type.lower() if device_type else None)]


def get_device_count(device_type: str | None = None) -> int:
    """Return the number of devices, of all processes.

    Args:
        device_type: As in :func:`list_devices`.

    Example:
        >>> from kernelkit import distribution
        >>> distribution.get_device_count("cpu") >= 1
        True
    """
    return len(list_devices(device_type))


def _name(device: jax.Device) -> str:
    return f"{'gpu' if device.platform in ('cuda', 'rocm') else device.platform}:{device.id}"


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: Sizes of the axes, such as ``(8,)`` for data parallelism, or ``(2, 4)``.
        axis_names: Names of the axes, such as ``["batch", "model"]``.
        devices: Names of devices, or ``jax.Device`` objects; all devices by default.

    Raises:
        ValueError: If names and sizes, or sizes and devices, don't match.

    Example:
        >>> from kernelkit import distribution
        >>> mesh = distribution.DeviceMesh((2, 2), ["batch", "model"], [f"gpu:{i}" for i in range(4)])
        >>> mesh.devices[1].tolist()
        ['gpu:2', 'gpu:3']
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None) -> None:
        if not shape or not axis_names:
            raise ValueError(
                f"Shape and axis_names cannot be empty: got shape={shape!r} and axis_names={axis_names!r}."
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                f"Shape and axis_names should have same size: got shape={shape!r} and axis_names={axis_names!r}."
            )
        found = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != found.size:
            raise ValueError(
                f"Shape does not match the number of devices: a mesh of shape {tuple(shape)} has {math.prod(shape)} "
                f"places, and there are {found.size} devices: {', '.join(map(str, found.reshape(-1)[:8]))}"
                f"{', ...' if found.size > 8 else ''}. Give another shape, or devices=[...]."
            )
        self._shape = shape
        self._axis_names = axis_names
        self._devices = found.reshape(shape)
        self._mesh: Mesh | None = None

    @property
    def shape(self) -> Any:
        """The sizes of the axes, as given."""
        return self._shape

    @property
    def axis_names(self) -> Any:
        """The names of the axes, as given."""
        return self._axis_names

    @property
    def devices(self) -> np.ndarray:
        """The devices, an array of the mesh's shape."""
        return self._devices

    @property
    def backend_mesh(self) -> Mesh:
        """The `jax.sharding.Mesh`. Its axes are of the kind Auto: jax's partitioner decides where results lie.

        Raises:
            ValueError: If jax has no device of a name.
        """
        if self._mesh is None:
            found = [_find(d) for d in self._devices.reshape(-1)]
            self._mesh = Mesh(np.array(found).reshape(self._devices.shape), tuple(self._axis_names))
        return self._mesh

    def size_of(self, axis: str) -> int:
        """Return the size of an axis."""
        return int(self._devices.shape[list(self._axis_names).index(axis)])

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_mesh": None}  # devices of jax belong to their process


def _find(device: Any) -> jax.Device:
    """Return the device of a name. Its number is jax's id, which counts over all processes."""
    if isinstance(device, jax.Device):
        return device
    platform, _, number = str(device).partition(":")
    with contextlib.suppress(RuntimeError):  # jax has no device of this kind
        for known in jax.devices(platform):
            if known.id == int(number or 0):
                return known
    return _devices.find(str(device))  # raises an error that lists the devices


class TensorLayout:
    """A layout: the mesh axis that splits each axis of an array.

    Args:
        axes: For each axis of the array the name of a mesh axis, or ``None`` for an axis that is not split. A tuple of
            names splits an axis over several.
        device_mesh: The :class:`DeviceMesh`; it may be set later, once.

    Raises:
        ValueError: If the mesh has no axis of a name.

    Example:
        >>> from kernelkit import distribution
        >>> distribution.TensorLayout((None, "model"))
        <TensorLayout axes=(None, 'model'), device_mesh=None>
    """

    def __init__(self, axes: Sequence[Any], device_mesh: DeviceMesh | None = None) -> None:
        self._axes = tuple(axes)
        self._device_mesh = device_mesh
        self._sharding: NamedSharding | None = None
        self._check()

    @property
    def axes(self) -> tuple:
        """The names of mesh axes."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(f"Cannot override device mesh value: the layout has {self._device_mesh} already.")
        self._device_mesh = device_mesh
        self._check()

    @property
    def backend_layout(self) -> NamedSharding:
        """The `jax.sharding.NamedSharding`."""
        if self._device_mesh is None:
            raise ValueError(f"Cannot create sharding when device mesh is not set for {self!r}.")
        if self._sharding is None:
            self._sharding = NamedSharding(self._device_mesh.backend_mesh, PartitionSpec(*self._axes))
        return self._sharding

    def split(self) -> dict[int, int]:
        """Return the number of parts of each axis that is split."""
        assert self._device_mesh is not None
        parts = {i: [a] if isinstance(a, str) else a for i, a in enumerate(self._axes) if a is not None}
        return {i: math.prod(self._device_mesh.size_of(a) for a in names) for i, names in parts.items()}

    def check_shape(self, shape: Sequence[int], what: str) -> None:
        """Raise an error if an array of a shape cannot be split in this way.

        Raises:
            ValueError: If the array has fewer axes than the layout, or an axis whose size is no multiple of its parts.
        """
        if len(self._axes) > len(shape):
            raise ValueError(
                f"{what} has shape {tuple(shape)}, but its layout has {len(self._axes)} axes: {self._axes}."
            )
        for axis, parts in self.split().items():
            if shape[axis] % parts:
                raise ValueError(
                    f"{what} has shape {tuple(shape)}. Its layout {self._axes} splits axis {axis} over the mesh axis "
                    f"{self._axes[axis]!r} of {parts} devices, but {shape[axis]} is no multiple of {parts}. Split "
                    "another axis, or choose another size."
                )

    def _check(self) -> None:
        if self._device_mesh is None:
            return
        names = [n for a in self._axes if a is not None for n in ([a] if isinstance(a, str) else a)]
        if not set(names) <= set(self._device_mesh.axis_names):
            raise ValueError(
                f"Invalid axis names for Layout: the mesh has the axes {list(self._device_mesh.axis_names)}, and the "
                f"layout is {self._axes}."
            )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_sharding": None}
