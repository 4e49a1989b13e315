"""`BatchPlacement`: the device of each row of a batch, and the rows that each process reads."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterable
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from kernelkit.placement import Spread
from kernelkit.tracebacks import users_level
from kernelkit.typing import Batch


class BatchPlacement:
    """Send batches to the devices of a mesh.

    Args:
        sharding: Sharding of arrays (steps, rows, ...): rows are split over a mesh axis.
        parts: Number of parts of a batch.
        shares: Whether each process has all rows of a batch and sends its part of them. Otherwise each process has only
            its part.
    """

    def __init__(self, sharding: NamedSharding, parts: int, shares: bool = True) -> None:
        self.sharding = sharding
        self.parts = parts
        places = NamedSharding(sharding.mesh, PartitionSpec(*sharding.spec[1:]))
        found: Any = places.addressable_devices_indices_map((parts,))
        spans = [index[0].indices(parts)[:2] for index in found.values()]
        self._first, self._last = min(a for a, _ in spans), max(b for _, b in spans)
        self._shares = shares or self._last - self._first == parts

    def rows(self, size: int) -> slice:
        """Return the rows of a batch of ``size`` rows that this process reads."""
        if not self._shares:
            return slice(0, size)
        each = -(-size // self.parts)
        return slice(min(self._first * each, size), min(self._last * each, size))

    def say_if_uneven(self, size: int | None, samples: int | None) -> None:
        """Warn if full batches cannot be split: each device then computes all of them."""
        if size is None or size % self.parts == 0 or not self._shares or (samples is not None and samples <= size):
            return
        better = max(1, size // self.parts) * self.parts
        warnings.warn(
            f"A batch of {size} rows cannot be split into {self.parts} equal parts, so each device computes all of it: "
            f"the results are right, but training is not faster. batch_size={better} would be split.",
            stacklevel=users_level(),
        )

    def put(self, batches: Any, size: int) -> Spread:
        """Return batches on the devices.

        Args:
            batches: Arrays (steps, the rows of :meth:`rows`, ...), nested.
            size: Rows in a batch.

        Raises:
            ValueError: If each process reads its own rows, and the number of rows is no multiple of its parts.
        """
        local = self._last - self._first
        if not self._shares:
            if size % local:
                raise ValueError(
                    f"auto_shard_dataset=False: this process read a batch of {size} rows for its {local} parts of the "
                    f"global batch. Give it a multiple of {local} rows, or let kernelkit share the rows out "
                    "(auto_shard_dataset=True, every process with the same data)."
                )
            size = size // local * self.parts
        each = -(-size // self.parts)
        return Spread(jtu.tree_map(lambda v: self._array(v, each * local, each), batches), size, self.sharding)

    def one(self, batch: Batch, size: int) -> Spread:
        """Return one batch on the devices. Its arrays hold all rows of this process."""
        mine = self.rows(size)
        return self.put(jtu.tree_map(lambda v: v[None, mine] if v.shape[0] == size else v[None], batch), size)

    def checksum(self, batch: Batch) -> int | None:
        """Return a checksum of a batch, ``None`` unless processes take their rows from the same batch."""
        if self.sharding.is_fully_addressable or self._last - self._first == self.parts or not self._shares:
            return None
        found = 0
        for leaf in jtu.tree_leaves(batch):
            found = zlib.crc32(np.ascontiguousarray(leaf).view(np.uint8).data, found)
        return found

    def _array(self, value: Any, width: int, each: int) -> jax.Array:
        missing = width - value.shape[1]
        if missing or not isinstance(value, jax.Array):
            value = np.asarray(value)
        if missing:
            value = np.pad(value, [(0, 0), (0, missing)] + [(0, 0)] * (value.ndim - 2))
        if self.sharding.is_fully_addressable:
            return jax.device_put(value, self.sharding)
        shape = (value.shape[0], each * self.parts, *value.shape[2:])
        return jax.make_array_from_process_local_data(self.sharding, np.asarray(value), shape)


def rows_of_first_batch(dataset: Iterable) -> int:
    """Return the number of rows in the first batch of a data set.

    Raises:
        ValueError: If the data set is empty, or its elements are no batches.
    """
    leaves = jtu.tree_leaves(next(iter(dataset), None))
    if not leaves or any(len(getattr(leaf, "shape", ())) == 0 for leaf in leaves):
        raise ValueError(
            "distribute_dataset(): the batch size of the data set is unknown, because its elements are no batches. "
            "Make batches first: dataset.batch(batch_size, drop_remainder=True)."
        )
    return int(leaves[0].shape[0])
