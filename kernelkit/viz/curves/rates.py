"""`Rates`: the learning rate of each step of a run, found without waiting for the device."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.models.model import Model

CHUNK = 128
"""Number of steps whose rates are computed at once. It is fixed, so that the schedule's program is compiled once."""


class Rates:
    """The learning rates of a run.

    A fixed rate changes only between dispatches, so it is read while no step runs. A schedule is a function of
    the number of updates, so its rates are computed from the steps' numbers.

    Args:
        model: The model, ready to train.

    Attributes:
        schedule: The optimizer's schedule, None if the rate is fixed or unknown.
    """

    def __init__(self, model: Model) -> None:
        optimizer = getattr(model, "optimizer", None)
        self._optimizer: Any = getattr(optimizer, "inner_optimizer", optimizer)
        self.schedule: Any = getattr(self._optimizer, "schedule", None)
        every = getattr(self._optimizer, "gradient_accumulation_steps", None) or 1
        self._begin = 0 if self.schedule is None else int(np.asarray(getattr(self._optimizer, "iterations", 0))) * every
        self._run: Any = None

    def read(self) -> float | None:
        """Return the fixed rate, None without one. Waits for running steps."""
        if self.schedule is not None:
            return None
        rate = getattr(self._optimizer, "learning_rate", None)
        return None if rate is None or callable(rate) else float(np.asarray(rate))

    def of_steps(self, first: int, count: int) -> np.ndarray:
        """Return the schedule's rates (count,) for steps of this run, counted from 0."""
        import jax

        if self._run is None:
            self._run = jax.jit(jax.vmap(self.schedule))
        updates = self._begin + first + np.arange(-(-count // CHUNK) * CHUNK, dtype="int32")
        rates = [np.asarray(self._run(part)) for part in updates.reshape(-1, CHUNK)]
        return np.concatenate(rates).astype("float64")[:count]
