"""LAMB: Adam with steps in proportion to the weights."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Lamb(Optimizer):
    """Adam with the steps of each variable scaled to its norm, for very large batches.

    Args:
        learning_rate: Float, schedule or function.
        beta_1: Share of the old mean gradient in the new one.
        beta_2: Share of the old mean square in the new one.
        epsilon: Small number that keeps the division finite ("epsilon hat" of the paper).
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: You et al., 2020, Large batch optimization for deep learning: training BERT in 76 minutes.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([3.0, 4.0])
        >>> Lamb(learning_rate=0.1).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([2.646, 4.354], dtype=float32)
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**shared_arguments(Optimizer, locals()), **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        velocity = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * (1 - self.beta_2)
        spread = jnp.sqrt(velocity / (1 - self.beta_2**step)) + self.epsilon
        direction = momentum / (1 - self.beta_1**step) / spread
        size, length = jnp.linalg.norm(value.ravel()), jnp.linalg.norm(direction.ravel())
        ratio = jnp.where((size > 0) & (length > 0), size / jnp.where(length > 0, length, 1.0), 1.0)
        return value - ratio * learning_rate * direction, {"momentum": momentum, "velocity": velocity}
