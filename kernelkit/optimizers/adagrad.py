"""Adagrad: rates that fall with the gradients seen so far."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Adagrad(Optimizer):
    """Divide each gradient by the root of the sum of all its squares so far.

    Args:
        learning_rate: Float, schedule or function.
        initial_accumulator_value: Initial value of the sums, >= 0.
        epsilon: Small number that keeps the division finite.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Duchi et al., 2011, Adaptive subgradient methods for online learning and stochastic optimization.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> Adagrad(learning_rate=0.1, initial_accumulator_value=0.0).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([0.9, 2.1], dtype=float32)
    """

    slots = ("accumulator",)

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
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
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def initial_slot(self, name: str, variable: Tensor) -> Tensor:
        return np.full(variable.shape, self.initial_accumulator_value, "float32")

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        accumulator = slots["accumulator"] + jnp.square(gradient)
        move = learning_rate * gradient / jnp.sqrt(accumulator + self.epsilon)
        return value - move, {"accumulator": accumulator}
