"""The placement of arrays on several devices. Without a distribution, nothing here changes an array.

This file stores the current distribution and moves arrays. `kernelkit.distribution`, on a higher floor, decides the
place of each array.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from kernelkit import devices
from kernelkit.typing import Tree

P = ParamSpec("P")
R = TypeVar("R")

Layout: TypeAlias = Any
"""A `jax.sharding.Sharding`, or an object with one as ``backend_layout``, such as a `TensorLayout`."""


class Distribution(Protocol):
    """The questions of variables and layers to the current distribution."""

    def get_variable_layout(self, variable: Any) -> Layout:
        """Return the layout of a variable."""

    def get_tensor_layout(self, path: str) -> Layout | None:
        """Return the layout of a tensor, such as a layer's output, or ``None``."""


class _Local(threading.local):
    def __init__(self) -> None:
        self.stack: list[Any] = []


_local = _Local()
_of_process: list[Any] = [None]


def current() -> Any:
    """Return the current distribution: that of the innermost scope of this thread, or else of the process."""
    return _local.stack[-1] if _local.stack else _of_process[0]


def set_current(distribution: Any) -> None:
    """Set the current distribution, of the innermost scope of this thread or else of the process."""
    if _local.stack:
        _local.stack[-1] = distribution
    else:
        _of_process[0] = distribution


@contextlib.contextmanager
def scoped(distribution: Any) -> Iterator[None]:
    """Set a distribution for this thread inside the context."""
    _local.stack.append(distribution)
    try:
        yield
    finally:
        _local.stack.pop()


def within(distribution: Any) -> contextlib.AbstractContextManager[None]:
    """Return :func:`scoped` for a distribution; ``None`` changes nothing."""
    return contextlib.nullcontext() if distribution is None else scoped(distribution)


def traced_within(distribution: Any, function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that runs with a current distribution. ``None`` returns it unchanged."""
    if distribution is None:
        return function

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with scoped(distribution):
            return function(*args, **kwargs)

    return run


def on_host(distribution: Any) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which new arrays are made in the host's memory if there is a distribution.

    The initial value of a variable is made there, and only its slices are sent to the devices.
    """
    return contextlib.nullcontext() if distribution is None else jax.default_device(jax.local_devices(backend="cpu")[0])


def put(value: Any, layout: Layout) -> jax.Array:
    """Return an array in a layout.

    Args:
        value: Array-like, the same in every process.
        layout: The layout.
    """
    sharding = getattr(layout, "backend_layout", layout)
    is_array = isinstance(value, jax.Array)
    if not isinstance(sharding, Sharding):  # a `jax.Device`, or a `Format`
        return jax.device_put(value, sharding)
    if is_array and value.committed and value.sharding.is_equivalent_to(sharding, value.ndim):
        return value
    if sharding.is_fully_addressable or (is_array and not value.is_fully_addressable):
        return jax.device_put(value, sharding)
    host = np.asarray(value)
    return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])


def copied(array: jax.Array) -> jax.Array:
    """Return a copy on the same devices, without compilation: `.copy()` would compile a program for each shape."""
    if array.is_fully_addressable:
        return jax.device_put(array, may_alias=False)
    parts = [jax.device_put(s.data, s.device, may_alias=False) for s in array.addressable_shards]
    return jax.make_array_from_single_device_arrays(array.shape, array.sharding, parts)


def whole(array: jax.Array) -> np.ndarray:
    """Return a whole array as a NumPy array. If its parts are in several processes, all must call this function."""
    if array.is_fully_addressable or array.is_fully_replicated:
        return np.array(array)
    from jax.experimental import multihost_utils

    return np.array(multihost_utils.process_allgather(array, tiled=True))


def constrain_output(path: str, outputs: Tree) -> Tree:
    """Return a layer's outputs in the layout of the current distribution."""
    distribution = None if devices.is_portable() else current()
    layout = None if distribution is None else distribution.get_tensor_layout(f"{path}/output")
    return outputs if layout is None else jtu.tree_map(lambda v: relayout(v, layout), outputs)


def with_whole_windows(value: jax.Array) -> jax.Array:
    """Return traced channels-last data (N, *spatial, C) without spatial axes split over devices.

    With a `Flatten` and a `Dense` with a split kernel, XLA's partitioner splits the rows of images. It then computes
    wrong gradients of convolutions, without an error (jaxlib 0.10.2, meshes of two axes).
    """
    distribution = None if devices.is_portable() else current()
    if distribution is None or not isinstance(value, jax.core.Tracer):
        return value
    free = PartitionSpec.UNCONSTRAINED
    spec = PartitionSpec(free, *[None] * (value.ndim - 2), free)
    return lax.with_sharding_constraint(value, NamedSharding(distribution.device_mesh.backend_mesh, spec))


def relayout(value: Any, layout: Layout) -> Tree:
    """Return an array in a layout, inside or outside of a traced function."""
    sharding = getattr(layout, "backend_layout", layout)
    if isinstance(value, jax.core.Tracer):
        return lax.with_sharding_constraint(value, sharding)
    return put(value, sharding)


@jtu.register_pytree_node_class
class Spread:
    """Batches whose rows are spread over several devices.

    Each device holds its part of every batch, so a step that takes the next batch sends nothing between devices. If a
    batch's size is no multiple of the number of parts, it is padded in memory. The compiled step first cuts the padding
    off and gives each device the whole batch: results are those of the batch itself. (Parts of unequal sizes are legal
    in a traced function, but XLA's partitioner then computes some sums wrong: of gradients of an embedding on a mesh
    of two axes, in jaxlib 0.10.2.)

    Args:
        data: Arrays (steps, rows with padding, ...), nested as a batch is.
        rows: Rows of a batch without padding.
        sharding: Sharding of the first two axes of the arrays.

    Attributes:
        checksum: Checksum of the rows of this process, if all processes must read the same rows; else ``None``.
    """

    checksum: int | None = None

    def __init__(self, data: Tree, rows: int, sharding: NamedSharding) -> None:
        self.data = data
        self.rows = rows
        self.sharding = sharding

    @property
    def steps(self) -> int:
        """Number of batches that the arrays can hold."""
        return int(jtu.tree_leaves(self.data)[0].shape[0])

    def batch(self, index: Any) -> Tree:
        """Return a batch, nested as the data."""
        return jtu.tree_map(lambda v: self._rows(v, index), self.data)

    def readable(self, outputs: Tree) -> Tree:
        """Return a program's outputs so that each process can read them: if there are several, whole on each device."""
        if self.sharding.is_fully_addressable:
            return outputs
        place = NamedSharding(self.sharding.mesh, PartitionSpec())
        return jtu.tree_map(lambda v: lax.with_sharding_constraint(v, place), outputs)

    def _rows(self, value: Any, index: Any) -> Tree:
        value = lax.dynamic_index_in_dim(jnp.asarray(value), index, 0, keepdims=False)[: self.rows]
        if not isinstance(value, jax.core.Tracer):
            return value
        mesh = self.sharding.mesh
        spec = PartitionSpec(*self.sharding.spec[1:])
        part = NamedSharding(mesh, spec)
        divides = self.rows % self._parts == 0
        return lax.with_sharding_constraint(value, part if divides else NamedSharding(mesh, PartitionSpec()))

    @property
    def _parts(self) -> int:
        axis = self.sharding.spec[1]
        return 1 if axis is None else self.sharding.mesh.shape[axis]

    def tree_flatten(self) -> tuple[tuple, tuple]:
        """Return the arrays, and the static part of the pytree."""
        return (self.data,), (self.rows, self.sharding)

    @classmethod
    def tree_unflatten(cls, form: tuple, children: tuple) -> Spread:
        """Rebuild the batches."""
        return cls(children[0], *form)


def replicated(places: Any) -> NamedSharding | None:
    """Return the sharding for a whole copy on each device of the arrays' mesh, ``None`` without a mesh.

    Args:
        places: Shardings, nested; ``None`` for arrays on jax's default device.
    """
    for place in jtu.tree_leaves(places):
        if isinstance(place, NamedSharding) and place.mesh.size > 1:
            return NamedSharding(place.mesh, PartitionSpec())
    return None
