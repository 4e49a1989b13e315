"""Snapshots: saved states of a training, within a memory budget."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import tempfile
import weakref
from typing import Any

import jax
import numpy as np

from kernelkit.training.state import TrainState

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
FILES = 4
"""Maximum number of states on disk, used if memory has no room for two."""


class Snapshots:
    """Stores copies of states in host memory, by branch and step.

    When the budget is full, the least useful snapshot is dropped. A snapshot is useful if it would leave a large gap or
    lies near the user's position. So going back n steps replays at most about n steps. The first snapshot of each
    branch stays. If memory has no room for two states, they go to temporary files.

    Args:
        memory: Memory budget: an int of bytes, or a text such as ``"512MB"``.

    Example:
        >>> import jax.numpy as jnp
        >>> store = Snapshots("2kB")
        >>> for step in range(0, 100, 10):
        ...     store.put("main", step, TrainState((jnp.zeros(100),), (), (), ()), here=step)
        >>> store.steps("main")
        [0, 40, 60, 80, 90]
        >>> store.nbytes
        2000
    """

    def __init__(self, memory: int | str = "512MB") -> None:
        self.budget = parse_bytes(memory)
        self.nbytes = 0
        self._kept: dict[str, dict[int, _Kept]] = {}
        self._here: dict[str, int] = {}
        self._folder: str | None = None
        self._numbers = itertools.count()

    def put(self, branch: str, step: int, state: TrainState, here: int) -> None:
        """Keep a copy of a state. Do nothing if that step is kept already.

        Args:
            branch: Name of the branch.
            step: Steps done.
            state: The state; its arrays may be donated afterwards.
            here: The user's position, in steps done.
        """
        kept = self._kept.setdefault(branch, {})
        self._here[branch] = here
        if step in kept:
            return
        size = nbytes_of(state)
        new = _Kept(state, self._file() if 2 * size > self.budget else None)
        kept[step] = new
        self.nbytes += new.nbytes
        while self.nbytes > self.budget and self._drop(in_files=False):
            pass
        while self._count_files() > FILES and self._drop(in_files=True):
            pass

    def get(self, branch: str, step: int) -> TrainState:
        """Return a kept state as new arrays on the device. They may be donated."""
        return self._kept[branch][step].restored()

    def nearest(self, branch: str, step: int) -> int:
        """Return the last step at or before ``step`` that has a snapshot."""
        return max(s for s in self._kept[branch] if s <= step)

    def steps(self, branch: str) -> list[int]:
        """Return the steps of a branch that have snapshots."""
        return sorted(self._kept.get(branch, ()))

    def forget(self, branch: str) -> None:
        """Drop all states of a branch."""
        for kept in self._kept.pop(branch, {}).values():
            self.nbytes -= kept.nbytes
            kept.discard()

    def _count_files(self) -> int:
        return sum(k.path is not None for kept in self._kept.values() for k in kept.values())

    def _drop(self, in_files: bool) -> bool:
        """Drop the least useful snapshot. Return whether one was dropped."""
        best: tuple[float, str, int] | None = None
        for branch, kept in self._kept.items():
            steps = np.array([s for s in sorted(kept) if (kept[s].path is not None) == in_files])
            first = min(kept)
            if len(steps) == 0 or (len(steps) == 1 and steps[0] == first):
                continue
            before = np.concatenate([[first], steps[:-1]])
            after = np.concatenate([steps[1:], [max(steps[-1], self._here[branch]) + 1]])
            worth = (after - before) / (1.0 + np.abs(self._here[branch] - steps))
            worth[steps == first] = np.inf
            i = int(np.argmin(worth))
            if np.isfinite(worth[i]) and (best is None or worth[i] < best[0]):
                best = (float(worth[i]), branch, int(steps[i]))
        if best is None:
            return False
        gone = self._kept[best[1]].pop(best[2])
        self.nbytes -= gone.nbytes
        gone.discard()
        return True

    def _file(self) -> str:
        if self._folder is None:
            folder = tempfile.TemporaryDirectory(prefix="kernelkit-snapshots-")
            self._folder = folder.name
            weakref.finalize(self, folder.cleanup)
        return os.path.join(self._folder, f"{next(self._numbers)}.npy")


class _Kept:
    """One state, in memory or in a file."""

    def __init__(self, state: TrainState, path: str | None) -> None:
        self.path = path
        self._places = jax.tree_util.tree_map(lambda v: _Place(place_of(v)), state)
        self.nbytes = 0
        if path is None:
            # A copy: on the CPU a NumPy array may share memory that the next step donates.
            self._values = jax.tree_util.tree_map(np.array, state)
            self.nbytes = nbytes_of(state)
        else:
            self._values = jax.tree_util.tree_map(lambda v: (v.shape, np.dtype(v.dtype)), state)
            with open(path, "wb") as file:
                for value in jax.tree_util.tree_leaves(state):
                    file.write(np.ascontiguousarray(value).reshape(-1).view("uint8").data)

    def restored(self) -> TrainState:
        if self.path is None:
            return jax.tree_util.tree_map(lambda v, place: to_device(v, place.sharding), self._values, self._places)
        with open(self.path, "rb") as file:
            leaf = lambda v: isinstance(v, tuple) and len(v) == 2 and isinstance(v[1], np.dtype)  # noqa: E731
            return jax.tree_util.tree_map(
                lambda spec, place: to_device(_read(file, *spec), place.sharding),
                self._values,
                self._places,
                is_leaf=leaf,
            )

    def discard(self) -> None:
        if self.path is not None:
            os.remove(self.path)


def parse_bytes(memory: int | str) -> int:
    """Return a number of bytes.

    Args:
        memory: An int, or a text with a unit: ``"512MB"``, ``"2 GiB"``.

    Raises:
        ValueError: If ``memory`` is neither, or is not positive.

    Example:
        >>> parse_bytes("1.5 kB")
        1500
    """
    if isinstance(memory, (int, np.integer)) and memory > 0:
        return int(memory)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(memory))
    if match is None or match[2].lower() not in _UNITS or float(match[1]) <= 0:
        raise ValueError(f"memory must be a positive number of bytes or a text such as '512MB', got {memory!r}.")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def nbytes_of(state: Any) -> int:
    """Return the number of bytes of a state's arrays."""
    return sum(v.nbytes for v in jax.tree_util.tree_leaves(state))


def copied(state: TrainState) -> TrainState:
    """Return a copy of a state, so that a step may donate one of the two."""
    return jax.tree_util.tree_map(lambda v: v.copy(), state)


def place_of(value: Any) -> Any:
    """Return the sharding of an array that was placed explicitly, ``None`` for jax's default device."""
    return value.sharding if getattr(value, "committed", False) else None


def to_device(value: np.ndarray, sharding: Any) -> jax.Array:
    """Return a new array on the device that shares no memory with the NumPy array."""
    return jax.device_put(value, sharding, may_alias=False)


@dataclasses.dataclass(frozen=True)
class _Place:
    """The sharding of an array, as a pytree leaf that is not ``None``."""

    sharding: Any


def _read(file: Any, shape: tuple, dtype: np.dtype) -> np.ndarray:
    count = int(np.prod(shape))
    return np.frombuffer(file.read(count * dtype.itemsize), "uint8").view(dtype).reshape(shape)
