"""Adadelta: steps in the units of the weights."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Adadelta(Optimizer):
    """Divide each gradient by its running root mean square, and multiply it by that of the weight's past steps.

    The paper's method has ``learning_rate=1.0``.

    Args:
        learning_rate: Float, schedule or function.
        rho: Share of the old mean squares in the new ones.
        epsilon: Small number that keeps the division finite, and the first steps from being zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Zeiler, 2012, ADADELTA: an adaptive learning rate method.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> Adadelta(learning_rate=1.0, epsilon=0.01).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(2)
        array([0.59, 2.45], dtype=float32)
    """

    slots = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
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
        self.rho = rho
        self.epsilon = epsilon

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        gradients = self.rho * slots["accumulated_grad"] + (1 - self.rho) * jnp.square(gradient)
        move = gradient * jnp.sqrt(slots["accumulated_delta_var"] + self.epsilon) / jnp.sqrt(gradients + self.epsilon)
        moves = self.rho * slots["accumulated_delta_var"] + (1 - self.rho) * jnp.square(move)
        return value - learning_rate * move, {"accumulated_grad": gradients, "accumulated_delta_var": moves}
