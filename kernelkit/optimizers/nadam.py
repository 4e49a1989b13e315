"""Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Nadam(Optimizer):
    """Adam with Nesterov's momentum: a step already uses the mean gradient of the next step.

    Args:
        learning_rate: Float, schedule or function.
        beta_1: Share of the old mean gradient in the new one.
        beta_2: Share of the old mean square in the new one.
        epsilon: Small number that keeps the division finite ("epsilon hat" of the paper).
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Dozat, 2015, Incorporating Nesterov momentum into Adam.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> Nadam(learning_rate=0.1).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([0.894, 2.106], dtype=float32)
    """

    slots = ("momentum", "velocity")
    shared_slots = ("u_product",)

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

    def initial_slot(self, name: str, variable: Tensor) -> Tensor:
        return np.float32(1.0) if name == "u_product" else super().initial_slot(name, variable)

    def advance(self, shared: dict, step: Tensor) -> dict:
        return {"u_product": shared["u_product"] * self._beta_1_at(step.astype(jnp.float32))}

    def _beta_1_at(self, step: Tensor) -> Any:
        # The momentum warms up: it starts at about half of beta_1.
        return self.beta_1 * (1 - 0.5 * 0.96**step)

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        this, following = self._beta_1_at(step), self._beta_1_at(step + 1)
        product = slots["u_product"]
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.beta_1)
        velocity = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * (1 - self.beta_2)
        ahead = following * momentum / (1 - product * following) + (1 - this) * gradient / (1 - product)
        spread = jnp.sqrt(velocity / (1 - self.beta_2**step)) + self.epsilon
        return value - learning_rate * ahead / spread, {"momentum": momentum, "velocity": velocity}
