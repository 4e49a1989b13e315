"""Forks: a new branch of a training, equal up to this step and changed from here on."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import changes, dtype_policies, dtypes, optimizers
from kernelkit.layers.base.parts import own_variables, walk
from kernelkit.serialize import suggest
from kernelkit.training.session import Training
from kernelkit.training.state import TrainState, like
from kernelkit.training.step import Program
from kernelkit.variable import Variable
from kernelkit.viz.debugger.snapshots import copied
from kernelkit.viz.debugger.source import ArraySource, Drop
from kernelkit.viz.debugger.timeline import Steps, Timeline

if TYPE_CHECKING:
    from kernelkit.viz.debugger.debugger import StepDebugger


def forked(
    dbg: StepDebugger,
    learning_rate: float | None,
    optimizer: Any,
    freeze: Any,
    drop_samples: Any,
    dtype: str | None,
    weights: dict[str, Any] | None,
    name: str | None,
) -> StepDebugger:
    """Return a fork of a debugger; the arguments are those of `StepDebugger.fork`."""
    steps, state = dbg.timeline.steps, copied(dbg._own_state())
    follows_schedule = learning_rate is not None and not all(_rates(steps.training))
    own_model = optimizer is not None or dtype is not None or follows_schedule
    if own_model:
        steps, state = _with_own_model(steps, state, optimizer, dtype, learning_rate if follows_schedule else None)
    if learning_rate is not None and not follows_schedule:
        state = _with_learning_rate(steps, state, float(learning_rate))
    if weights:
        state = _with_weights(steps, state, weights)
    if freeze is not None:
        steps = _with_frozen(steps, [freeze] if isinstance(freeze, str) else list(freeze))
    changed = {
        "learning rate": learning_rate,
        "optimizer": optimizer if optimizer is None or isinstance(optimizer, str) else type(optimizer).__name__,
        "freeze": freeze,
        "without samples": None if drop_samples is None else len(np.atleast_1d(drop_samples)),
        "dtype": dtype,
        "weights": None if not weights else ", ".join(weights),
    }
    told = ", ".join(f"{what} {value}" for what, value in changed.items() if value is not None)
    timeline = Timeline(
        _free_name(dbg, name or told or "fork"),
        steps,
        _source(dbg, drop_samples),
        dbg.timeline.snapshots,
        dbg.position,
        [start for start in dbg.timeline.starts if start <= dbg.position],
        dbg.timeline.first_epoch,
        state,
        dbg.timeline.records.cut(dbg.position),
        dbg.timeline.every,
    )
    fork = type(dbg).of(timeline, None if steps is not dbg.timeline.steps else dbg.taps, state)
    fork.parent = dbg
    return fork


def twin_of(model: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return a copy of a compiled model with its own weights, and a function from each part to its copy.

    Raises:
        ValueError: If the model holds something that Python cannot copy.
    """
    models = [m for m in [model, *walk(model)] if isinstance(getattr(m, "_training", None), Training)]
    # Compiled programs cannot be copied; the twin compiles its own.
    memo: dict[int, Any] = {id(m._training): Training.__new__(Training) for m in models}
    memo |= {id(m.history): None for m in models if m.history is not None}
    memo |= {id(run): run for o in model._training.optimizers() for run in [vars(o).get("_compiled_step")] if run}
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 50_000))  # deepcopy recurses along the graph, which may be long
    try:
        twin = copy.deepcopy(model, memo)
        for m in models:
            training = memo[id(m._training)]
            training.__init__(memo[id(m)])
            for name in ("compiled", "loss", "metrics", "loss_tracker", "steps_per_execution", "jit", "settings"):
                setattr(training, name, copy.deepcopy(getattr(m._training, name), memo))
            training._ready_for = set(m._training._ready_for)
    except TypeError as error:
        raise ValueError(
            f"This fork needs a copy of the model {model.name!r}, but Python cannot copy a part of it: {error}."
        ) from error
    finally:
        sys.setrecursionlimit(limit)
    for own in twin._training.optimizers():
        vars(own).pop("_compiled_step", None)
    changes.structure.note()
    return twin, lambda part: memo.get(id(part))


def _with_own_model(
    steps: Steps, state: TrainState, optimizer: Any, dtype: str | None, rate: float | None
) -> tuple[Steps, TrainState]:
    twin, copy_of = twin_of(steps.training.model)
    pairs = steps.variables.mapping(state)
    values = {id(copy_of(variable)): value for variable, value in pairs if copy_of(variable) is not None}
    if dtype is not None:
        _cast(twin, dtype)
    if optimizer is not None:
        twin.optimizer = optimizers.get(optimizer)
    if twin.dtype_policy.name == "mixed_float16" and not isinstance(twin.optimizer, optimizers.LossScaleOptimizer):
        twin.optimizer = optimizers.LossScaleOptimizer(twin.optimizer)
    if rate is not None:
        for own in twin._training.optimizers():
            own.learning_rate = lambda step: jnp.float32(rate)
    if not twin.optimizer.built:
        twin.optimizer.build(twin.trainable_variables)
    training = twin._training
    training.forget()
    training._ready_for.add("train")
    variables = training.variables("train")
    new = TrainState(
        *(tuple(jnp.array(values.get(id(v), v.peek()), v.peek().dtype) for v in group) for group in variables)
    )
    return Steps(training, training.program("train"), variables), new


def _cast(model: Any, dtype: str) -> None:
    policy = dtype_policies.get(dtype)
    for layer in [model, *walk(model)]:
        layer.dtype_policy = policy
        for variable in own_variables(layer):
            if dtypes.is_float(variable.dtype):
                variable.give(variable.peek().astype(policy.variable_dtype))


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

    def edited(variables: Sequence[Variable], values: Sequence[Any]) -> tuple:
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
    layers = list(walk(steps.training.model))
    frozen: set[int] = set()
    for name in names:
        found = [layer for layer in layers if name in (layer.name, layer.path)]
        if not found:
            known = [layer.name for layer in layers]
            raise ValueError(f"fork(freeze=...): there is no layer {name!r}.{suggest(name, known)}")
        frozen |= {id(v) for v in found[0].weights}
    variables, inner = steps.variables, steps.program.step

    def step(state: TrainState, batch: Any) -> tuple:
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


def _source(dbg: StepDebugger, drop_samples: Any) -> Any:
    source = dbg.timeline.source
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
    place = dbg.timeline.place(dbg.position)
    if place is None:
        raise ValueError("fork(drop_samples=...): the data end here, so no step is left.")
    return source.without(Drop(place.epoch, place.step, rows))


def _free_name(dbg: StepDebugger, name: str) -> str:
    taken = {d.timeline.name for d in dbg.family}
    if name not in taken:
        return name
    return next(f"{name} ({n})" for n in range(2, len(taken) + 3) if f"{name} ({n})" not in taken)
