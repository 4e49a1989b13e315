"""`keras.src.backend.distribution_lib`: what Keras's engine does, which is jax's own in kernelkit."""

from typing import Any

import jax

from kernelkit import distribution, placement
from kernelkit.distribution import get_device_count, initialize, list_devices  # noqa: F401

_count = jax.process_count  # a test's number of processes stands in jax's place while a distribution is made
distribute_tensor = distribute_variable = placement.relayout


def num_processes() -> int:
    return _count()


def process_id() -> int:
    return jax.process_index()


def distribute_data_input(batch: Any, layout: Any, batch_dim_name: str) -> jax.Array:
    return jax.make_array_from_process_local_data(getattr(layout, "backend_layout", layout), batch)


def _to_backend_device(name: str) -> jax.Device:
    return distribution.DeviceMesh((1,), ["one"], [name]).backend_mesh.devices[0]


def _to_backend_mesh(mesh: distribution.DeviceMesh) -> jax.sharding.Mesh:
    return mesh.backend_mesh


def _to_backend_layout(layout: distribution.TensorLayout) -> jax.sharding.NamedSharding:
    return layout.backend_layout
