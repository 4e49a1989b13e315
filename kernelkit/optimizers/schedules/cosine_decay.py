"""Cosine decay of the learning rate, after an optional warmup."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from kernelkit.optimizers.schedules.schedule import LearningRateSchedule, as_float
from kernelkit.typing import Tensor


class CosineDecay(LearningRateSchedule):
    """A learning rate that falls along half a cosine wave, after an optional linear warmup.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps of the decay, > 0.
        alpha: Rate at the end, as a fraction of the rate at which the decay begins.
        name: Name.
        warmup_target: Rate at the end of the warmup, where the decay begins; ``None`` for no warmup.
        warmup_steps: Steps of the warmup.

    Source: Loshchilov & Hutter, 2017, SGDR; the warmup: Goyal et al., 2017, Accurate, large minibatch SGD.

    Example:
        >>> rate = CosineDecay(0.0, decay_steps=10, warmup_target=0.1, warmup_steps=4)
        >>> [round(float(rate(step)), 3) for step in (0, 2, 4, 9, 14)]
        [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        if decay_steps <= 0:
            raise ValueError(f"CosineDecay: decay_steps must be positive, got {decay_steps}.")
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: Tensor) -> jax.Array:
        step = as_float(step)
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        decayed = self._decayed(step - self.warmup_steps, self.warmup_target)
        rise = (self.warmup_target - self.initial_learning_rate) * step / max(self.warmup_steps, 1)
        return jnp.where(step < self.warmup_steps, self.initial_learning_rate + rise, decayed)

    def _decayed(self, step: jax.Array, start: float) -> jax.Array:
        fraction = jnp.minimum(step, self.decay_steps) / self.decay_steps
        wave = 0.5 * (1 + jnp.cos(math.pi * fraction))
        return start * ((1 - self.alpha) * wave + self.alpha)
