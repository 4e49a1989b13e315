"""Adam: adaptive moment estimation."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Adam(Optimizer):
    """Follow the running mean of gradients, divided by the root of their running mean square.

    Args:
        learning_rate: Float, schedule or function.
        beta_1: Share of the old mean gradient in the new one.
        beta_2: Share of the old mean square in the new one.
        epsilon: Small number that keeps the division finite ("epsilon hat" of the paper).
        amsgrad: Whether to divide by the largest mean square so far.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Kingma & Ba, 2015, Adam; amsgrad: Reddi et al., 2018, On the convergence of Adam and beyond.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> Adam(learning_rate=0.1).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([0.9, 2.1], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.amsgrad = amsgrad
        self.slots = ("momentum", "velocity", "velocity_hat") if amsgrad else ("momentum", "velocity")

    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return self.slots[:2], self.slots[2:]

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        rate = learning_rate * jnp.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        velocity = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * (1 - self.beta_2)
        kept = {"momentum": momentum, "velocity": velocity}
        if self.amsgrad:
            velocity = kept["velocity_hat"] = jnp.maximum(slots["velocity_hat"], velocity)
        return value - rate * momentum / (jnp.sqrt(velocity) + self.epsilon), kept
