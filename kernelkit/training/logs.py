"""The logs of a step: a flat dict of the names and values that `train_step` returns, as arrays on the device.

Nested dicts are flattened to their innermost names, in alphabetical order, as in Keras. A value may be an array, a
Python number, ``None`` or a list. ``None`` and lists are returned unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np


@jtu.register_pytree_node_class
class StepLogs(dict[str, jax.Array]):
    """Arrays by name, plus the names of ``None`` and list values.

    A program stacks the arrays of its steps, so they get a leading step axis.

    Args:
        values: Arrays by name.
        empty: Names whose value is ``None``.
        lists: Names whose value was a list of numbers. Here it is one array.
    """

    def __init__(self, values: Iterable = (), empty: tuple[str, ...] = (), lists: tuple[str, ...] = ()) -> None:
        super().__init__(values)
        self.empty = empty
        self.lists = lists

    def tree_flatten(self) -> tuple[tuple, tuple]:
        """Return the arrays and the static part of the pytree."""
        return tuple(self.values()), (tuple(self), self.empty, self.lists)

    @classmethod
    def tree_unflatten(cls, form: tuple, arrays: Iterable) -> StepLogs:
        """Rebuild the logs."""
        names, empty, lists = form
        return cls(zip(names, arrays, strict=True), empty, lists)


def step_logs(logs: Any, method: str) -> StepLogs:
    """Check and flatten the logs that a step returned.

    Args:
        logs: A dict from name to value, nested or not.
        method: The name of the step's method, for errors.

    Raises:
        TypeError: If the logs are not a dict, or a value is not a number.

    Example:
        >>> logs = step_logs({"loss": 1.0, "errors": {"mae": 2.0, "worst": None}}, "train_step")
        >>> {name: float(value) for name, value in logs.items()}, logs.empty
        ({'mae': 2.0, 'loss': 1.0}, ('worst',))
    """
    if not isinstance(logs, Mapping):
        raise TypeError(
            f"{method}() must return its logs as a dict from name to value, such as {{'loss': loss}}; it returned "
            f"{'nothing' if logs is None else f'a {type(logs).__name__}'}."
        )
    values: dict[str, Any] = {}
    for name, value in _flat(logs):
        values[name] = value
    arrays = {name: _array(value, name, method) for name, value in values.items() if value is not None}
    lists = tuple(name for name, value in values.items() if isinstance(value, (list, tuple)))
    return StepLogs(arrays, tuple(name for name, value in values.items() if value is None), lists)


def row(logs: dict[str, Any], index: int) -> dict[str, Any]:
    """Return one step of stacked logs: scalars as Python numbers, other values as NumPy arrays."""
    found: dict[str, Any] = {name: as_number(np.asarray(values)[index]) for name, values in logs.items()}
    if isinstance(logs, StepLogs) and (logs.empty or logs.lists):
        found |= {name: found[name].tolist() for name in logs.lists} | dict.fromkeys(logs.empty)
        found = dict(sorted(found.items()))
    return found


def last_logs(logs: dict[str, Any], count: int) -> dict:
    """Return the last row of stacked logs as Python numbers."""
    return row(logs, count - 1)


def as_number(value: Any) -> Any:
    """Return a scalar as a Python float (or int), an array unchanged."""
    value = np.asarray(value)
    return value.item() if value.ndim == 0 else value


def _flat(logs: Mapping) -> Iterable[tuple[str, Any]]:
    for name in sorted(logs, key=str):
        value = logs[name]
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield str(name), value


def _array(value: Any, name: str, method: str) -> jax.Array:
    try:
        array = jnp.asarray(value)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{method}() returned {value!r} as the log {name!r}: a log is a number, an array, a list of numbers or "
            "None."
        ) from error
    return array.reshape(()) if array.size == 1 and not isinstance(value, (list, tuple)) else array
