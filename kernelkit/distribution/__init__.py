"""Models on several devices, with the interface of `keras.distribution` and jax's sharded arrays."""

from kernelkit.distribution.clusters import ipyparallel, ray_trainer
from kernelkit.distribution.collectives import Collective, collectives_in
from kernelkit.distribution.describing import Description, PlacedVariable, describe, readable
from kernelkit.distribution.layout_map import LayoutMap
from kernelkit.distribution.mesh import DeviceMesh, TensorLayout, get_device_count, list_devices
from kernelkit.distribution.plans import (
    AutoParallel,
    DataParallel,
    Distribution,
    ModelParallel,
    choose,
    distribute_tensor,
    distribution,
    set_distribution,
)
from kernelkit.distribution.start import initialize
from kernelkit.public import names_of as _names_of

__all__ = [
    "AutoParallel",
    "Collective",
    "DataParallel",
    "Description",
    "DeviceMesh",
    "Distribution",
    "LayoutMap",
    "ModelParallel",
    "PlacedVariable",
    "TensorLayout",
    "choose",
    "collectives_in",
    "describe",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "ipyparallel",
    "list_devices",
    "ray_trainer",
    "readable",
    "set_distribution",
]

__dir__ = _names_of(globals())
