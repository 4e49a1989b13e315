"""Polynomial decay of the learning rate to an end value."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.optimizers.schedules.schedule import LearningRateSchedule, as_float
from kernelkit.typing import Tensor


class PolynomialDecay(LearningRateSchedule):
    """A learning rate that falls to an end value in a given number of steps.

    ``(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate``

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps until the end value is reached, > 0.
        end_learning_rate: Rate from then on.
        power: 1 for a straight line.
        cycle: Whether, at the end, ``decay_steps`` is doubled, tripled, ... and the rate rises again.
        name: Name.

    Example:
        >>> float(PolynomialDecay(0.1, decay_steps=10, end_learning_rate=0.0)(5))
        0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        if decay_steps <= 0:
            raise ValueError(f"PolynomialDecay: decay_steps must be positive, got {decay_steps}.")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: Tensor) -> jax.Array:
        step = as_float(step)
        span = jnp.asarray(self.decay_steps, step.dtype)
        if self.cycle:
            span = span * jnp.maximum(jnp.ceil(step / span), 1)
        else:
            step = jnp.minimum(step, span)
        left = jnp.power(1 - step / span, self.power)
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate
