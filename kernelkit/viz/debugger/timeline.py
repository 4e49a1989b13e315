"""`Timeline`: one branch of a training. It computes any of the branch's states, bit for bit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from kernelkit import scope
from kernelkit.models.model import Model
from kernelkit.training.state import StateVariables, TrainState
from kernelkit.training.step import MAX_STEPS, Program, take_batch
from kernelkit.training.training import Training
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.snapshots import Snapshots, place_of, to_device
from kernelkit.viz.debugger.source import Source

EVERY = 64
"""Steps between two snapshots when going forward. Copying a state costs about as much as one step."""

TARGET_SECONDS = 0.05


class Place(NamedTuple):
    """The place of a step: its epoch, and its number within the epoch, both from 0."""

    epoch: int
    step: int


class Steps(NamedTuple):
    """A step program and the variables of its state.

    Attributes:
        model: The model, which its training does not keep alive.
        training: The model's training.
        program: The program that `fit` runs. A fork with frozen weights has its own.
        variables: The variables that the arrays of a state belong to.
    """

    model: Model
    training: Training
    program: Program
    variables: StateVariables

    @classmethod
    def of(cls, model: Model) -> Steps:
        """Return the training steps of a compiled model."""
        training = model._training
        return cls(model, training, training.program("train"), training.variables("train"))


class Timeline:
    """One branch of a training: its state as a function of the step number.

    Some states are kept as snapshots. States between them are computed again, by the same program over the same
    batches, so they are equal bit for bit.

    Args:
        name: The branch's name.
        steps: The step program and its variables.
        source: The source of batches.
        snapshots: The store of snapshots, shared by all timelines.
        begin: Number of the first step.
        starts: The first step of each known epoch.
        first_epoch: Number of the first epoch in ``starts``.
        state: The state before the first step.
        records: The logs of earlier steps.
        every: Steps between two snapshots.
        parent: The branch that this one comes from.

    Attributes:
        executed: Number of steps run so far, replayed ones included.
        replayed: Number of steps that were run again.
    """

    def __init__(
        self,
        name: str,
        steps: Steps,
        source: Source,
        snapshots: Snapshots,
        begin: int,
        starts: list[int],
        first_epoch: int,
        state: TrainState,
        records: Records,
        every: int = EVERY,
        parent: Timeline | None = None,
    ) -> None:
        self.name = name
        self.parent = parent
        self.steps = steps
        self.source = source
        self.snapshots = snapshots
        self.begin = begin
        self.records = records
        self.first_epoch = first_epoch
        self.starts = list(starts)
        self.executed = self.replayed = 0
        self.every = every
        self._dispatch: tuple[Any, Any, Any] | None = None
        self._seconds: float | None = None
        self._fresh_metrics = _reset_metrics(steps)
        snapshots.put(name, begin, state, here=begin)

    @property
    def head(self) -> int:
        """The number of steps done at the furthest point reached."""
        return max(self.begin, self.records.end)

    # Places of steps --------------------------------------------------------------------------------------------------

    def place(self, index: int) -> Place | None:
        """Return the place of a step, ``None`` if the data end before it."""
        while True:
            i = int(np.searchsorted(self.starts, index, side="right")) - 1
            epoch, step = self.first_epoch + i, index - self.starts[i]
            if i + 1 < len(self.starts) or self.source.has(epoch, step):
                return Place(epoch, step)
            if step == 0:
                return None
            length = self.source.steps(epoch)
            self.starts.append(self.starts[i] + (step if length is None else length))

    def left_in_epoch(self, index: int) -> int | None:
        """Return the number of steps left in the epoch, this one included. ``None`` if it is not known."""
        place = self.place(index)
        if place is None:
            return 0
        length = self.source.steps(place.epoch)
        return None if length is None else length - place.step

    # States -----------------------------------------------------------------------------------------------------------

    def advance(self, state: TrainState, index: int, count: int) -> Iterator[tuple[TrainState, int]]:
        """Run steps. After each dispatch, yield the new state and the number of steps done.

        Args:
            state: The state before step ``index``; its arrays are donated.
            index: Number of the first step.
            count: Number of steps; fewer are run if the data end.
        """
        end = index + count
        while index < end:
            place = self.place(index)
            if place is None:
                return
            chunk = self.source.chunk(*place)
            state = self.entered(state, place)
            n = min(end - index, chunk.count, self.pace(index))
            state = self._run(state, chunk, place, index, n)
            index += n
            if index % self.every == 0:
                self.snapshots.put(self.name, index, state, here=index)
            yield state, index

    def state_at(self, index: int, trail: bool = False) -> TrainState:
        """Return the state after ``index`` steps, which were done before. The state may be donated.

        Args:
            index: Number of steps done.
            trail: Whether to keep snapshots right before it too, so that going further back or looking is cheap.
        """
        at = self.snapshots.nearest(self.name, index)
        state = self.snapshots.get(self.name, at)
        marks = sorted({index - 2**i for i in range(7)} if trail else set())
        for stop in [*(m for m in marks if at < m < index), index]:
            for later, done in self.advance(state, at, stop - at):
                state, at = later, done
            if at < stop:
                raise ValueError(f"The data end after {at} steps.")
            if stop in marks:
                self.snapshots.put(self.name, stop, state, here=index)
        return state

    def entered(self, state: TrainState, place: Place) -> TrainState:
        """Return the state with which a step begins. The first step of an epoch resets the metrics."""
        if place.step > 0:
            return state
        fresh = tuple(
            to_device(value, place_of(old)) for value, old in zip(self._fresh_metrics, state.metrics, strict=True)
        )
        return state._replace(metrics=fresh)

    def batch(self, index: int) -> Any:
        """Return a step's batch, on the device."""
        place = self.place(index)
        if place is None:
            raise IndexError(f"The data end before step {nth(index)}.")
        chunk = self.source.chunk(*place)
        return _taken(chunk.data, chunk.order, np.int32(chunk.first), batch_size=chunk.batch_size)

    def _run(self, state: TrainState, chunk: Any, place: Place, index: int, count: int) -> TrainState:
        training = self.steps.training
        cached = self._dispatch
        if cached is None or cached[0] is not chunk.data or cached[1] is not chunk.order:
            run = self.steps.program.prepare(state, chunk.data, chunk.order, chunk.batch_size)
            cached = self._dispatch = (chunk.data, chunk.order, run)
        began = time.perf_counter()
        state, logs = cached[2](state, chunk.first, count)
        self.executed += count
        self.replayed += max(0, min(count, self.head - index))
        self.records.add(index, count, logs, place.epoch, place.step, chunk.batch_size)
        self._time(began, count, logs, training)
        return state

    def _time(self, began: float, count: int, logs: Any, training: Training) -> None:
        """Measure the time per step from dispatches of several steps, so that the stop button need not wait."""
        if self._seconds is None or count > 1:
            leaves = jax.tree_util.tree_leaves(logs)
            if leaves:
                leaves[0].block_until_ready()
            self._seconds = (time.perf_counter() - began) / count

    def pace(self, index: int) -> int:
        """Return the number of steps of the next dispatch: about 50 ms of work, and none beyond the next snapshot."""
        if self._seconds is None:
            return 1
        steps = int(TARGET_SECONDS / max(self._seconds, 1e-7))
        return max(1, min(MAX_STEPS, steps, self.every - index % self.every))


def _reset_metrics(steps: Steps) -> tuple[np.ndarray, ...]:
    """Return the values of the metric variables at the start of an epoch."""
    variables = steps.variables.metrics
    with steps.training.reading("train") as state:
        values = [value.copy() for value in state.metrics]
    with scope.StatelessScope(zip(variables, values, strict=True)) as lender:
        steps.model.reset_metrics()
    return tuple(np.asarray(lender.values[id(v)]) for v in variables)


_taken = jax.jit(take_batch, static_argnames="batch_size")
