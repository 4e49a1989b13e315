"""RMSprop: gradients divided by their running root mean square."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class RMSprop(Optimizer):
    """Divide each gradient by its running root mean square.

    Args:
        learning_rate: Float, schedule or function.
        rho: Share of the old mean square in the new one.
        momentum: Share of the last step in this one.
        epsilon: Small number that keeps the division finite.
        centered: Whether gradients are divided by their standard deviation, not their root mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Hinton, 2012, Neural networks for machine learning, lecture 6e.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> RMSprop(learning_rate=0.1, rho=0.75).apply([[1.0, -100.0]], [w])
        >>> w.numpy()
        array([0.8, 2.2], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        self.slots = ("velocity", *(["momentum"] if momentum else []), *(["average_gradient"] if centered else []))

    def slot_groups(self) -> tuple[tuple[str, ...], ...]:
        return tuple((name,) for name in self.slots)

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        kept = {"velocity": self.rho * slots["velocity"] + (1 - self.rho) * jnp.square(gradient)}
        spread = kept["velocity"]
        if self.centered:
            kept["average_gradient"] = self.rho * slots["average_gradient"] + (1 - self.rho) * gradient
            spread = spread - jnp.square(kept["average_gradient"])
        move = learning_rate * gradient * lax.rsqrt(spread + self.epsilon)
        if self.momentum:
            move = kept["momentum"] = self.momentum * slots["momentum"] + move
        return value - move, kept
