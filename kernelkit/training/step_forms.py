"""Convert both forms of a step to a pure function of state and batch.

``train_step(state, data)`` is pure already. ``train_step(data)`` assigns to variables; a stateless scope makes it pure.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from typing import Any

import jax.tree_util as jtu

from kernelkit import scope
from kernelkit.training.state import StateVariables, TrainState
from kernelkit.typing import Batch
from kernelkit.variable import values_in


def step_of(model: Any, kind: str, variables: StateVariables) -> Callable:
    """Return a model's step as a pure function.

    Args:
        model: The model.
        kind: ``"train"``, ``"test"`` or ``"predict"``.
        variables: The variables of that kind of step.

    Returns:
        ``(state, batch) -> (logs, state)`` as the model's method returns them. For predicting:
        ``(state, batch) -> (outputs, changed)``, where ``changed`` maps indices of non-trainable variables to values.
    """
    name, owner = f"{kind}_step", weakref.ref(model)  # a program does not keep its model alive

    def method(*args: Any) -> Any:
        return getattr(owner(), name)(*args)

    if _takes_data_alone(getattr(model, name)):
        return _scoped_step(method, variables, kind)
    if kind == "train":
        return lambda state, batch: method(tuple(state), batch)
    if kind == "test":

        def test(state: TrainState, batch: Batch) -> Any:
            return method((state.trainable, state.non_trainable, state.metrics), batch)

        return test

    def predict(state: TrainState, batch: Batch) -> tuple:
        outputs, after = method((state.trainable, state.non_trainable), batch)
        return outputs, _changed(state.non_trainable, after)

    return predict


def _changed(before: Any, after: Any) -> dict[int, Any]:
    """Return the values that predicting changed, by index. Most belong to seed generators."""
    pairs = zip(before, jtu.tree_leaves(after), strict=True)
    return {i: new for i, (old, new) in enumerate(pairs) if new is not old}


def _scoped_step(method: Any, variables: StateVariables, kind: str) -> Any:
    """Return a step of the form `step(data)`, which assigns to variables, as a pure function of state and batch."""

    def step(state: TrainState, batch: Batch) -> Any:
        with scope.StatelessScope(variables.mapping(state), collect_losses=True) as lender:
            result = values_in(method(batch))
        if kind == "predict":
            after = [lender.values[id(v)] for v in variables.non_trainable]
            return result, _changed(state.non_trainable, after)
        return result, TrainState(*(tuple(lender.values[id(v)] for v in group) for group in variables))

    return step


def _takes_data_alone(method: Any) -> bool:
    parameters = list(inspect.signature(method).parameters.values())
    return len(parameters) == 1 and parameters[0].kind is not parameters[0].VAR_POSITIONAL
