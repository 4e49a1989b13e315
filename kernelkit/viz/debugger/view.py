"""`View`: a read-only training up to a step. Finders read the debugger through it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from kernelkit.training.state import TrainState
from kernelkit.viz.debugger import looking
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.source import ArraySource
from kernelkit.viz.debugger.table import Table
from kernelkit.viz.debugger.taps import Look, Taps
from kernelkit.viz.debugger.timeline import Timeline


@dataclass(frozen=True)
class View:
    """A read-only training up to a position.

    Attributes:
        timeline: The steps, states and batches.
        taps: The programs that look into steps.
        position: Number of steps done.
        shown: The number of the step that is shown.
        error: The error of that step, ``None`` if it did not fail.
    """

    timeline: Timeline
    taps: Taps
    position: int
    shown: int
    error: BaseException | None = None
    _states: dict[int, TrainState] = field(default_factory=dict, repr=False)
    _looks: dict[int, Look] = field(default_factory=dict, repr=False)

    def keep(self, step: int, state: TrainState, look: Look | None) -> None:
        """Store a step's state, and its look if one exists already."""
        self._states[step] = state
        if look is not None:
            self._looks[step] = look

    def until(self, step: int) -> View:
        """Return a view of the steps before ``step``."""
        return replace(self, position=step, shown=max(self.begin, step - 1), error=None)

    @property
    def begin(self) -> int:
        """The first known step."""
        return self.timeline.begin

    @property
    def records(self) -> Records:
        """The logs of all steps."""
        return self.timeline.records

    @property
    def model(self) -> Any:
        """The model that is trained."""
        return self.timeline.steps.model

    @property
    def arrays(self) -> ArraySource | None:
        """The data, if they are arrays."""
        source = self.timeline.source
        return source if isinstance(source, ArraySource) else None

    @property
    def losses(self) -> np.ndarray:
        """Each batch's own loss (steps,), from the first recorded step up to the position; NaN if none is reported."""
        losses = self.records.losses()[: self.position - self.records.begin]
        return losses if self.records.main == "loss" else np.full(len(losses), np.nan)

    def epoch(self, step: int) -> int:
        """Return the epoch of a step, 0 for a step after the end of the data."""
        place = self.timeline.place(step)
        return 0 if place is None else place.epoch

    def state(self, step: int) -> TrainState:
        """Return the state before a step."""
        return self._states[step] if step in self._states else self.timeline.state_at(step)

    def entered(self, step: int) -> TrainState:
        """Return the state with which a step begins. The first step of an epoch has reset metrics."""
        return self.timeline.entered(self.state(step), self._place(step))

    def batch(self, step: int) -> Any:
        """Return a step's batch."""
        return self.timeline.batch(step)

    def look(self, step: int) -> Look:
        """Return all values of a step. The step is run once more for this."""
        if step not in self._looks:
            self._looks.clear()  # a look holds every activation of a step
            self._looks[step] = self.taps.look(self.entered(step), self.batch(step))
        return self._looks[step]

    def table(self, step: int) -> Table:
        """Return the table of a step, with a row for each layer."""
        return looking.table(self.look(step), self.timeline.steps, self.state(step))

    def sample_losses(self, step: int) -> np.ndarray:
        """Return the loss of each sample of a step's batch (samples,)."""
        return looking.sample_losses(
            self.look(step), self.timeline.steps, self.taps, self.state(step), self.batch(step)
        )

    def rows(self, step: int, samples: Any) -> list[int]:
        """Return the row numbers of samples of a batch, or their indices in the batch if row numbers are unknown.

        Args:
            step: The step.
            samples: Indices in the batch (n,).
        """
        indices = self.timeline.source.indices(*self._place(step))
        return [int(i) for i in (samples if indices is None else indices[samples])]

    def all_rows(self, step: int) -> list[int]:
        """Return the row numbers of all samples of a step's batch."""
        return self.rows(step, np.arange(len(jtu.tree_leaves(self.batch(step))[0])))

    def _place(self, step: int) -> Any:
        place = self.timeline.place(step)
        assert place is not None
        return place


def first_step(low: int, high: int, holds: Any) -> int:
    """Return the first step for which ``holds`` is true, ``high`` if there is none. All later steps must hold too.

    Example:
        >>> first_step(0, 100, lambda step: step >= 37)
        37
    """
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def is_finite(state: TrainState) -> bool:
    """Return whether all weights of a state are finite: no NaN and no infinity."""
    leaves = [v for v in jtu.tree_leaves((state.trainable, state.non_trainable)) if np.dtype(v.dtype).kind not in "iub"]
    return all(bool(jnp.all(jnp.isfinite(v))) for v in leaves)
