"""`TrainState`: everything that training changes, as one value."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax

from kernelkit.variable import Variable


class TrainState(NamedTuple):
    """All arrays of a training, in the fixed order of the model's variables.

    A value that can be kept, compared and gone back to. It unpacks as the four tuples that Keras's jax `train_step`
    takes.
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
        """Return the values to read only; a step that donates must not be given them."""
        return TrainState(*(tuple(v.peek() for v in group) for group in self))

    def give(self, state: TrainState) -> None:
        """Store the values that a step returned."""
        for variables, values in zip(self, state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.give(value)

    def give_some(self, changed: dict[int, Any]) -> None:
        """Store the values of non-trainable variables that predicting has changed, by place."""
        for place, value in changed.items():
            self.non_trainable[place].give(value)

    def mapping(self, state: TrainState) -> list[tuple[Variable, Any]]:
        """Return ``(variable, value)`` pairs for a :class:`~kernelkit.StatelessScope`."""
        return [
            pair for variables, values in zip(self, state, strict=True) for pair in zip(variables, values, strict=True)
        ]


def like(new: Any, old: TrainState) -> TrainState:
    """Return a step's result with the types of the state that it began with, so that steps can follow each other.

    Raises:
        ValueError: If a custom step returned another number or other shapes of arrays.
    """
    groups = []
    for name, before, after in zip(TrainState._fields, old, new, strict=True):
        after = jax.tree_util.tree_leaves(after)
        if len(before) != len(after):
            raise ValueError(
                f"train_step() returned {len(after)} {name} values for {len(before)} variables. The state "
                "must come back "
                "as (trainable, non_trainable, optimizer, metrics) with as many arrays as it came with."
            )
        groups.append(tuple(_like(b, a, name) for b, a in zip(before, after, strict=True)))
    return TrainState(*groups)


def _like(before: Any, after: Any, name: str) -> Any:
    after = jax.numpy.asarray(after)
    if before.shape != after.shape:
        raise ValueError(
            f"train_step() returned a {name} value of shape {after.shape} for a variable of shape {before.shape}."
        )
    # A weakly typed or wider result would not fit into the loop that fuses steps.
    return jax.lax.convert_element_type(after, before.dtype)
