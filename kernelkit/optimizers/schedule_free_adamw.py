"""Schedule-free AdamW: averaging instead of a schedule."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class ScheduleFreeAdamW(Optimizer):
    """Adam that averages the weights of all steps, so that no schedule of rates is needed.

    The model's weights lie between a fast sequence ``z`` (kept in the slot ``momentum``) and its mean ``x``:
    ``(1 - beta_1) * z + beta_1 * x``.

    Args:
        learning_rate: Float, schedule or function.
        beta_1: Position between the two sequences at which gradients are computed, from 0 to 1.
        beta_2: Share of the old mean square in the new one.
        epsilon: Small number that keeps the division finite.
        warmup_steps: Steps in which the rate rises from zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Defazio et al., 2024, The road less scheduled.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> ScheduleFreeAdamW(learning_rate=0.1).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([0.9, 2.1], dtype=float32)
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Rate = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        self.warmup_steps = warmup_steps

    def initial_slot(self, name: str, variable: Tensor) -> Tensor:
        return variable.value if name == "momentum" else super().initial_slot(name, variable)

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        if self.warmup_steps:
            learning_rate = learning_rate * jnp.minimum(1.0, step / self.warmup_steps)
        velocity = self.beta_2 * slots["velocity"] + (1 - self.beta_2) * jnp.square(gradient)
        spread = jnp.sqrt(velocity / (1 - self.beta_2**step)) + self.epsilon
        fast = slots["momentum"] - learning_rate * gradient / spread
        # The old beta_1 * x is recovered from the value. Then the new z enters the mean as its step-th member.
        mean = value - (1 - self.beta_1) * slots["momentum"]
        mean = mean + (self.beta_1 * fast - mean) / step
        return (1 - self.beta_1) * fast + mean, {"momentum": fast, "velocity": velocity}
