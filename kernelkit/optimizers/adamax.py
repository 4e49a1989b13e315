"""Adamax: Adam with the infinity norm."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Adamax(Optimizer):
    """Adam with a running maximum of the gradient's magnitude in the place of its mean square.

    Args:
        learning_rate: Float, schedule or function.
        beta_1: Share of the old mean gradient in the new one.
        beta_2: Factor by which the maximum falls in a step.
        epsilon: Small number that keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Kingma & Ba, 2015, Adam, section 7.1.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> Adamax(learning_rate=0.1).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([0.9, 2.1], dtype=float32)
    """

    slots = ("momentum", "norm")

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
        norm = jnp.maximum(self.beta_2 * slots["norm"], jnp.abs(gradient))
        move = learning_rate * momentum / ((1 - self.beta_1**step) * (norm + self.epsilon))
        return value - move, {"momentum": momentum, "norm": norm}
