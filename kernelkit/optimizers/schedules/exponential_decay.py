"""Exponential decay of the learning rate."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.optimizers.schedules.schedule import LearningRateSchedule, as_float
from kernelkit.typing import Tensor


class ExponentialDecay(LearningRateSchedule):
    """A learning rate that is multiplied by ``decay_rate`` every ``decay_steps`` steps.

    ``initial_learning_rate * decay_rate ** (step / decay_steps)``

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps over which the rate decays once, > 0.
        decay_rate: Factor.
        staircase: Whether the rate falls in jumps, not smoothly.
        name: Name.

    Example:
        >>> float(ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20))
        0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        if decay_steps <= 0:
            raise ValueError(f"ExponentialDecay: decay_steps must be positive, got {decay_steps}.")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name

    def __call__(self, step: Tensor) -> jax.Array:
        periods = as_float(step) / self.decay_steps
        if self.staircase:
            periods = jnp.floor(periods)
        return self.initial_learning_rate * jnp.power(self.decay_rate, periods)
