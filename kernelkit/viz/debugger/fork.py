"""Forks: a new branch of a training, equal up to this step and changed from here on."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import dtype_policies, dtypes, optimizers
from kernelkit.changes import structure
from kernelkit.layers.base.parts import walk
from kernelkit.models.model import Model
from kernelkit.serialize import suggest
from kernelkit.training.state import TrainState, like
from kernelkit.training.step import Program
from kernelkit.training.trainer import Trainer
from kernelkit.training.training import Training
from kernelkit.typing import Batch, Tensor
from kernelkit.variable import Variable
from kernelkit.viz.debugger.naming import layer_named, names_of
from kernelkit.viz.debugger.snapshots import copied
from kernelkit.viz.debugger.source import ArraySource, Drop
from kernelkit.viz.debugger.timeline import Steps, Timeline
from kernelkit.viz.debugger.view import View


class Changes(NamedTuple):
    """The changes of a fork: the arguments of `StepDebugger.fork`."""

    learning_rate: float | None = None
    optimizer: Any = None
    freeze: Any = None
    drop_samples: Any = None
    dtype: str | None = None
    weights: dict[str, Any] | None = None

    def __str__(self) -> str:
        shown = {
            "learning rate": self.learning_rate,
            "optimizer": self.optimizer
            if self.optimizer is None or isinstance(self.optimizer, str)
            else type(self.optimizer).__name__,
            "freeze": self.freeze,
            "without samples": None if self.drop_samples is None else len(np.atleast_1d(self.drop_samples)),
            "dtype": self.dtype,
            "weights": None if not self.weights else ", ".join(self.weights),
        }
        return ", ".join(f"{what} {value}" for what, value in shown.items() if value is not None)


def forked(view: View, changes: Changes, name: str | None, taken: Iterable[str]) -> tuple[Timeline, TrainState]:
    """Return a new branch at the position of a view, and the state there.

    Args:
        view: The training up to the position.
        changes: The changes from there on.
        name: Name of the branch. By default a description of the changes.
        taken: Names of the other branches.
    """
    old = view.timeline
    steps, state = old.steps, copied(view.state(view.position))
    rate = changes.learning_rate
    follows_schedule = rate is not None and not all(_rates(steps.training))
    own_model = changes.optimizer is not None or changes.dtype is not None or follows_schedule
    if own_model:
        schedule_rate = rate if follows_schedule else None
        steps, state = _with_own_model(steps, state, changes.optimizer, changes.dtype, schedule_rate)
    if rate is not None and not follows_schedule:
        state = _with_learning_rate(steps, state, float(rate))
    if changes.weights:
        state = _with_weights(steps, state, changes.weights)
    if changes.freeze is not None:
        steps = _with_frozen(steps, [changes.freeze] if isinstance(changes.freeze, str) else list(changes.freeze))
    timeline = Timeline(
        _free_name(name or str(changes) or "fork", set(taken)),
        steps,
        _source(view, changes.drop_samples),
        old.snapshots,
        view.position,
        [start for start in old.starts if start <= view.position],
        old.first_epoch,
        state,
        old.records.cut(view.position),
        old.every,
        parent=old,
    )
    return timeline, state


def twin_of(model: Model) -> tuple[Any, Callable[[Any], Any]]:
    """Return a copy of a compiled model with its own weights, and a function from each part to its copy.

    Raises:
        ValueError: If the model holds something that Python cannot copy.
    """
    memo: dict[int, Any] = {id(m.history): None for m in [model, *walk(model)] if isinstance(m, Trainer) and m.history}
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 50_000))  # deepcopy recurses along the graph, which may be long
    try:
        twin = copy.deepcopy(model, memo)
    except TypeError as error:
        raise ValueError(
            f"This fork needs a copy of the model {model.name!r}, but Python cannot copy a part of it: {error}."
        ) from error
    finally:
        sys.setrecursionlimit(limit)
    structure.note()
    return twin, lambda part: memo.get(id(part))


def _with_own_model(
    steps: Steps, state: TrainState, optimizer: Any, dtype: str | None, rate: float | None
) -> tuple[Steps, TrainState]:
    twin, copy_of = twin_of(steps.model)
    training = twin._training
    pairs = steps.variables.mapping(state)
    values = {id(copy_of(variable)): value for variable, value in pairs if copy_of(variable) is not None}
    if dtype is not None:
        _cast(twin, training, dtype)
    if optimizer is not None:
        twin.optimizer = optimizers.get(optimizer)
    if twin.dtype_policy.name == "mixed_float16" and not isinstance(twin.optimizer, optimizers.LossScaleOptimizer):
        twin.optimizer = optimizers.LossScaleOptimizer(twin.optimizer)
    if rate is not None:
        for own in training.optimizers():
            own.learning_rate = lambda step: jnp.float32(rate)
    if not twin.optimizer.built:
        twin.optimizer.build(twin.trainable_variables)
    training.forget()
    variables = training.variables("train")
    with training.reading("train") as own_state:
        new = TrainState(
            *(
                tuple(
                    jnp.array(values.get(id(v), value), value.dtype) for v, value in zip(group, own_values, strict=True)
                )
                for group, own_values in zip(variables, own_state, strict=True)
            )
        )
    return Steps.of(twin), new


def _cast(model: Model, training: Training, dtype: str) -> None:
    """Give all layers another dtype policy, and their weights its dtype."""
    policy = dtype_policies.get(dtype)
    for layer in [model, *walk(model)]:
        layer.dtype_policy = policy

    def cast(values: tuple) -> tuple:
        return tuple(v.astype(policy.variable_dtype) if dtypes.is_float(v.dtype.name) else v for v in values)

    with training.stepping("train") as taken:
        state = taken.state
        taken.state = state._replace(trainable=cast(state.trainable), non_trainable=cast(state.non_trainable))


def _rates(training: Training) -> list[Variable | None]:
    """Return the learning rate variable of each optimizer, ``None`` for an optimizer with a schedule."""
    found = []
    for optimizer in training.optimizers():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        rate = inner._learning_rate
        found.append(rate if isinstance(rate, Variable) else None)
    return found


def _with_learning_rate(steps: Steps, state: TrainState, rate: float) -> TrainState:
    wanted = {id(v) for v in _rates(steps.training)}
    slots = tuple(
        jnp.full_like(value, rate) if id(variable) in wanted else value
        for variable, value in zip(steps.variables.optimizer, state.optimizer, strict=True)
    )
    return state._replace(optimizer=slots)


def _with_weights(steps: Steps, state: TrainState, edits: dict[str, Any]) -> TrainState:
    paths = [v.path for v in (*steps.variables.trainable, *steps.variables.non_trainable)]
    for path in edits:
        if path not in paths:
            raise ValueError(f"fork(weights=...): there is no weight {path!r}.{suggest(path, paths)}")

    def edited(variables: Sequence[Variable], values: Sequence[Tensor]) -> tuple:
        return tuple(
            _edited(v, value, edits[v.path]) if v.path in edits else value
            for v, value in zip(variables, values, strict=True)
        )

    return state._replace(
        trainable=edited(steps.variables.trainable, state.trainable),
        non_trainable=edited(steps.variables.non_trainable, state.non_trainable),
    )


def _edited(variable: Variable, old: jax.Array, edit: Any) -> jax.Array:
    new = jnp.array(edit(np.array(old)) if callable(edit) else edit, old.dtype)
    if new.shape != old.shape:
        raise ValueError(f"fork(weights=...): {variable.path!r} has shape {old.shape}, got {new.shape}.")
    return new


def _with_frozen(steps: Steps, names: list[str]) -> Steps:
    """Return steps that leave the weights of some layers unchanged."""
    frozen: set[int] = set()
    for name in names:
        found = layer_named(steps.model, name)
        if found is None:
            known = list(names_of(steps.model).values())
            raise ValueError(f"fork(freeze=...): there is no layer {name!r}.{suggest(name, known)}")
        frozen |= {id(v) for v in found.weights}
    variables, inner = steps.variables, steps.program.step

    def step(state: TrainState, batch: Batch) -> tuple:
        logs, after = inner(state, batch)
        after = like(after, state, "train_step")
        kept = {
            group: tuple(
                old if id(v) in frozen else new
                for v, old, new in zip(
                    getattr(variables, group), getattr(state, group), getattr(after, group), strict=True
                )
            )
            for group in ("trainable", "non_trainable")
        }
        return logs, after._replace(**kept)

    return steps._replace(program=Program(step, "train", steps.program.jit))


def _source(view: View, drop_samples: Any) -> Any:
    source = view.timeline.source
    if drop_samples is None:
        return ArraySource(source.feed, source.drops) if isinstance(source, ArraySource) else source
    if not isinstance(source, ArraySource):
        raise ValueError(
            "fork(drop_samples=...) needs data as arrays: a source that yields batches does not tell which samples "
            "a batch holds."
        )
    rows = np.unique(np.atleast_1d(np.asarray(drop_samples)))
    if rows.dtype.kind not in "iu" or len(rows) == 0 or rows[0] < 0 or rows[-1] >= source.feed.samples:
        raise ValueError(
            f"fork(drop_samples=...) takes rows from 0 to {source.feed.samples - 1}, got {drop_samples!r}."
        )
    if len(rows) == source.feed.samples:
        raise ValueError("fork(drop_samples=...) would leave no samples.")
    place = view.timeline.place(view.position)
    if place is None:
        raise ValueError("fork(drop_samples=...): the data end here, so no step is left.")
    return source.without(Drop(place.epoch, place.step, rows))


def _free_name(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    return next(f"{name} ({n})" for n in range(2, len(taken) + 3) if f"{name} ({n})" not in taken)
