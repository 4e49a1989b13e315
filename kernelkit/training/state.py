"""`TrainState`: all arrays that training changes, as one value."""

from __future__ import annotations

from types import TracebackType
from typing import Any, NamedTuple

import jax

from kernelkit import interrupts
from kernelkit.variable import StateLock, Variable


class TrainState(NamedTuple):
    """All arrays of a training, in the fixed order of the model's variables.

    A state can be kept, compared and restored. It unpacks into the four tuples that Keras's jax `train_step` takes.
    """

    trainable: tuple
    non_trainable: tuple
    optimizer: tuple
    metrics: tuple


class StateVariables(NamedTuple):
    """The variables whose values make up a :class:`TrainState`, in the same order."""

    trainable: tuple[Variable, ...]
    non_trainable: tuple[Variable, ...]
    optimizer: tuple[Variable, ...]
    metrics: tuple[Variable, ...]

    def take(self) -> TrainState:
        """Return the values as arrays that a step may donate."""
        return TrainState(*(tuple(v.take() for v in group) for group in self))

    def peek(self) -> TrainState:
        """Return the values for reading. Do not pass them to a step that donates its state."""
        return TrainState(*(tuple(v.peek() for v in group) for group in self))

    def give(self, state: TrainState) -> None:
        """Store the values that a step returned."""
        for variables, values in zip(self, state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.give(value)

    def give_some(self, changed: dict[int, Any]) -> None:
        """Store new values of non-trainable variables, by index. Predictions may change some."""
        for place, value in changed.items():
            self.non_trainable[place].give(value)

    def mapping(self, state: TrainState) -> list[tuple[Variable, Any]]:
        """Return ``(variable, value)`` pairs for a :class:`~kernelkit.StatelessScope`."""
        return [
            pair for variables, values in zip(self, state, strict=True) for pair in zip(variables, values, strict=True)
        ]


class Doors:
    """Safe access to the arrays of variables that another thread may train: :meth:`reading` and :meth:`stepping`.

    Args:
        variables: The variables.
        locks: Their locks, in order.
    """

    def __init__(self, variables: StateVariables, locks: tuple[StateLock, ...]) -> None:
        self.variables = variables
        self.locks = locks

    def reading(self) -> Reading:
        """Return a context that gives the state for reading. Until it ends, no step donates these arrays."""
        return Reading(self)

    def stepping(self) -> Stepping:
        """Return a context in which a step may donate the state. Its end stores the new state."""
        return Stepping(self)


class _Section:
    """A critical section: neither another thread nor the stop button can interrupt it."""

    def __init__(self, doors: Doors) -> None:
        self.variables = doors.variables
        self._locks = doors.locks
        self._held: list[StateLock] = []

    def _open(self) -> None:
        interrupts.whole.__enter__()
        for lock in self._locks:
            lock.acquire()
            self._held.append(lock)

    def _close(self) -> None:
        while self._held:
            self._held.pop().release()
        interrupts.whole.__exit__()


class Reading(_Section):
    """See :meth:`Doors.reading`."""

    def __enter__(self) -> TrainState:
        self._open()
        return self.variables.peek()

    def __exit__(self, *_: Any) -> None:
        self._close()


class Stepping(_Section):
    """See :meth:`Doors.stepping`.

    Attributes:
        state: The arrays, which a step may donate. Put the step's result here; the end stores it.
    """

    state: TrainState

    def __enter__(self) -> Stepping:
        self._open()
        try:
            self.state = self.variables.take()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        try:
            if kind is None:
                self.variables.give(self.state)
        finally:
            del self.state
            self._close()


def like(new: Any, old: TrainState, method: str) -> TrainState:
    """Return a step's new state with the dtypes of the old state, so that the next step can take it.

    Args:
        new: The state that the step returned.
        old: The state that the step received.
        method: The name of the step's method, for errors.

    Raises:
        ValueError: If a custom step returned a different number of arrays, or other shapes.
    """
    groups = []
    if method == "test_step" and isinstance(new, (tuple, list)) and len(new) == 3:  # a test step has no optimizer
        new = (new[0], new[1], (), new[2])
    if not isinstance(new, (tuple, list)) or len(new) != len(TrainState._fields):
        raise ValueError(f"{method}() must return its state in the form that it received: {_FORMS[method]}.")
    for name, before, after in zip(TrainState._fields, old, new, strict=True):
        after = jax.tree_util.tree_leaves(after)
        if len(before) != len(after):
            raise ValueError(
                f"{method}() returned {len(after)} {name} values for {len(before)} variables. It must return the state "
                f"as {_FORMS[method]}, with one array per variable."
            )
        groups.append(tuple(_like(b, a, name, method) for b, a in zip(before, after, strict=True)))
    return TrainState(*groups)


_FORMS = {
    "train_step": "(trainable, non_trainable, optimizer, metrics)",
    "test_step": "(trainable, non_trainable, metrics)",
}


def _like(before: Any, after: Any, name: str, method: str) -> Any:
    after = jax.numpy.asarray(after)
    if before.shape != after.shape:
        raise ValueError(
            f"{method}() returned a {name} value of shape {after.shape} for a variable of shape {before.shape}."
        )
    # A weakly typed or wider dtype would not fit the carry of the fused loop.
    return jax.lax.convert_element_type(after, before.dtype)
