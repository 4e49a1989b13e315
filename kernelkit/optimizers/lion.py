"""Lion: steps of the momentum's sign."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Lion(Optimizer):
    """Move each weight by the sign of a running mean of gradients: all steps have the same size.

    The best rates are 3 to 10 times lower than Adam's, and the best weight decays 3 to 10 times higher.

    Args:
        learning_rate: Float, schedule or function.
        beta_1: Share of the old mean gradient in the direction of this step, above 0 and up to 1.
        beta_2: Share of the old mean gradient in the new one.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Raises:
        ValueError: If ``beta_1`` is out of range.

    Source: Chen et al., 2023, Symbolic discovery of optimization algorithms.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> Lion(learning_rate=0.1).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([0.9, 2.1], dtype=float32)
    """

    slots = ("momentum",)

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        if not 0 < beta_1 <= 1:
            raise ValueError(f"Lion: beta_1 must be above 0 and at most 1, got {beta_1}. For 0 use SGD.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        direction = jnp.sign(self.beta_1 * slots["momentum"] + (1 - self.beta_1) * gradient)
        momentum = self.beta_2 * slots["momentum"] + (1 - self.beta_2) * gradient
        return value - learning_rate * direction, {"momentum": momentum}
