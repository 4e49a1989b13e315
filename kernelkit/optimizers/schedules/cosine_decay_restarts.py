"""Cosine decay of the learning rate with restarts."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from kernelkit.optimizers.schedules.schedule import LearningRateSchedule, as_float
from kernelkit.typing import Tensor


class CosineDecayRestarts(LearningRateSchedule):
    """A learning rate that falls along half a cosine wave, jumps up, and falls again, more slowly each time.

    Args:
        initial_learning_rate: Rate at step 0.
        first_decay_steps: Steps until the first restart, > 0.
        t_mul: Factor by which each period is longer than the one before.
        m_mul: Ratio of each period's first rate to the first rate of the period before.
        alpha: Lowest rate, as a fraction of ``initial_learning_rate``.
        name: Name.

    Source: Loshchilov & Hutter, 2017, SGDR: stochastic gradient descent with warm restarts.

    Example:
        >>> rate = CosineDecayRestarts(0.1, first_decay_steps=10, m_mul=0.5)
        >>> [round(float(rate(step)), 3) for step in (0, 5, 11, 20)]
        [0.1, 0.05, 0.05, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        if first_decay_steps <= 0:
            raise ValueError(f"CosineDecayRestarts: first_decay_steps must be positive, got {first_decay_steps}.")
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: Tensor) -> jax.Array:
        restarts, fraction = self._period(as_float(step) / self.first_decay_steps)
        wave = 0.5 * jnp.power(self.m_mul, restarts) * (1 + jnp.cos(math.pi * fraction))
        return self.initial_learning_rate * ((1 - self.alpha) * wave + self.alpha)

    def _period(self, elapsed: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the number of restarts so far, and the passed fraction of the current period."""
        if self.t_mul == 1.0:
            restarts = jnp.floor(elapsed)
            return restarts, elapsed - restarts
        # The periods up to the i-th last 1 + t + ... + t^(i-1) = (1 - t^i) / (1 - t): solved for i.
        restarts = jnp.floor(jnp.log(1 - elapsed * (1 - self.t_mul)) / math.log(self.t_mul))
        length = jnp.power(self.t_mul, restarts)
        return restarts, (elapsed - (1 - length) / (1 - self.t_mul)) / length
