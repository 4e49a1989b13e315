"""Looks into a step: run the step again and return the values of every layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax import lax

from kernelkit import progress
from kernelkit.compiling import compiled
from kernelkit.layers.layer import Layer
from kernelkit.training.state import TrainState, like
from kernelkit.training.step import take_batch
from kernelkit.typing import Batch, Tree
from kernelkit.viz.debugger.flat import FlatStep
from kernelkit.viz.debugger.naming import names_of
from kernelkit.viz.debugger.observer import PREFIX, Observer, observing, value_name
from kernelkit.viz.debugger.timeline import Steps


class Look(NamedTuple):
    """The values of one step, still on the device.

    Attributes:
        logs: The step's logs.
        after: The state after the step.
        values: Arrays by key (see :class:`~kernelkit.viz.debugger.observer.Observer`) plus ``/value``, ``/cotangent``.
        observer: The layers, losses and variables that the keys belong to.
    """

    logs: dict[str, Any]
    after: TrainState
    values: dict[str, Any]
    observer: Observer


class Taps:
    """Programs that look into the steps of one timeline. Each batch shape has one, compiled at its first look.

    Args:
        steps: The program and the variables of the timeline.

    Attributes:
        compiles: Number of compiled programs.
        looks: Number of steps that were run for a look.
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.compiles = self.looks = 0
        self._traced: dict[Any, tuple[FlatStep, Observer]] = {}
        self._programs: dict[Any, Any] = {}

    def look(self, state: TrainState, batch: Batch) -> Look:
        """Run a step and return its values. Nothing is donated.

        Args:
            state: The state before the step.
            batch: The step's batch.
        """
        is_new = ("look", _shapes((state, batch))) not in self._programs
        with progress.waiting("compiling", "debugger") if is_new else contextlib.nullcontext():
            flat, observer = self.traced(state, batch)
            run = self._compiled("look", lambda s, b: _seen(flat, s, b), (state, batch))
        self.looks += 1
        return Look(**run(state, batch), observer=observer)

    def watch(self, state: TrainState, data: Tree, order: Any, batch_size: int, first: int, count: int) -> dict:
        """Return ``gradient_norm`` (steps,) and ``dead`` (steps, layers) for breakpoints.

        The steps run on a copy of the state, which is discarded.
        """
        batch = jax.eval_shape(lambda d, o: take_batch(d, o, 0, batch_size), data, order)
        flat, _ = watched = self.traced(state, batch)

        def run(state: TrainState, data: Tree, order: Any, first: Any, count: Any) -> Any:
            def body(i: Any, carry: tuple) -> tuple:
                state, rows = carry
                slots = flat.run((state, take_batch(data, order, first + i, batch_size)))
                _, after = flat.result(slots)
                row = _watched(*watched, slots)
                rows = jtu.tree_map(lambda all_, one: lax.dynamic_update_index_in_dim(all_, one, i, 0), rows, row)
                return like(after, state, "train_step"), rows

            one = jax.eval_shape(lambda: _watched(*watched, flat.run((state, take_batch(data, order, 0, batch_size)))))
            rows = jtu.tree_map(lambda v: jnp.zeros((ROWS, *v.shape), v.dtype), one)
            return lax.fori_loop(0, count, body, (state, rows))[1]

        arguments = (state, data, order, np.int32(first), np.int32(count))
        program = self._compiled(f"watch {batch_size}", run, arguments)
        return {name: np.asarray(rows)[:count] for name, rows in program(*arguments).items()}

    def watched_layers(self, state: TrainState, batch: Batch) -> list[str]:
        """Return the layer names of the columns of ``dead``."""
        flat, observer = self.traced(state, batch)
        return [name for name, _ in _rectified(flat, observer)]

    def traced(self, state: TrainState, batch: Batch) -> tuple[FlatStep, Observer]:
        """Return the step as a flat list of operations, for the shapes of ``batch``."""
        key = _shapes((state, batch))
        if key not in self._traced:
            with observing(names_of(self.steps.model)) as observer:
                # A new function each time: jax must not reuse a cached trace, which was made without the observer.
                flat = FlatStep(lambda s, b: self._step(s, b), state, batch)
            self._traced[key] = flat, observer
        return self._traced[key]

    def compiled(self, name: str, function: Callable, arguments: tuple) -> Callable:
        """Return a function compiled for the shapes of the arguments, cached by name and shapes."""
        return self._compiled(name, function, arguments)

    def _step(self, state: TrainState, batch: Batch) -> tuple:
        return self.steps.program.checked_step(state, batch)

    def _compiled(self, name: str, function: Callable, arguments: tuple) -> Callable:
        key = (name, _shapes(arguments))
        if key not in self._programs:
            self._programs[key] = compiled(jax.jit(function).trace(*arguments))
            self.compiles += 1
        return self._programs[key]


ROWS = 64
"""Maximum number of steps that one dispatch watches."""


def _shapes(arguments: Any) -> Any:
    leaves, treedef = jtu.tree_flatten(arguments)
    return treedef, tuple((v.shape, np.dtype(v.dtype)) for v in leaves)


def _seen(flat: FlatStep, state: TrainState, batch: Batch) -> dict:
    slots = flat.run((state, batch))
    logs, after = flat.result(slots)
    values = {name: slots[slot] for name, slot in flat.named(PREFIX).items()}
    return {"logs": logs, "after": TrainState(*after), "values": values}


def _watched(flat: FlatStep, observer: Observer, slots: list) -> dict:
    named = flat.named(PREFIX)
    gradients = [slots[named[value_name(key)]] for _, key in observer.variables.values() if value_name(key) in named]
    squares = [jnp.sum(jnp.square(g.astype("float32"))) for g in gradients]
    dead = [dead_share(slots[slot]) for _, slot in _rectified(flat, observer)]
    return {
        "gradient_norm": jnp.sqrt(sum(squares)) if squares else jnp.float32(jnp.nan),
        "dead": jnp.stack(dead) if dead else jnp.zeros((0,), "float32"),
    }


def _rectified(flat: FlatStep, observer: Observer) -> list[tuple[str, int]]:
    """Return the layers whose units can die, with a slot of their output: their activation is flat on one side."""
    named = flat.named(PREFIX)
    return [
        (seen.name, named[value_name(seen.keys[0])])
        for seen in observer.layers
        if seen.keys and rectifies(seen.layer) and value_name(seen.keys[0]) in named
    ]


def rectifies(layer: Layer) -> bool:
    """Return whether a layer ends with ReLU or a similar activation that is flat on one side."""
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", "") or type(activation).__name__
    return type(layer).__name__ == "ReLU" or name in ("relu", "relu6", "ReLU")


def dead_share(value: Any) -> Any:
    """Return the share of units (entries of the last axis) that are zero for every sample and position."""
    if value.ndim < 2:
        return jnp.float32(0)
    return jnp.mean(jnp.all(value == 0, axis=tuple(range(value.ndim - 1))).astype("float32"))
