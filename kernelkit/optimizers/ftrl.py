"""FTRL-proximal: follow the regularized leader."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Ftrl(Optimizer):
    """Follow the regularized leader: weights that stay exactly zero until the gradients' sum outweighs a penalty.

    Made for shallow models with many sparse features.

    Args:
        learning_rate: Float, schedule or function.
        learning_rate_power: Exponent (<= 0) with which rates fall with the gradients seen; 0 for fixed rates.
        initial_accumulator_value: Initial value of the sums of squared gradients, >= 0.
        l1_regularization_strength: Penalty of absolute weights, >= 0.
        l2_regularization_strength: Penalty of squared weights, >= 0.
        l2_shrinkage_regularization_strength: Penalty of squared weights that is added to the loss, >= 0.
        beta: The paper's beta: lowers the first rates.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Raises:
        ValueError: If a value is out of range.

    Source: McMahan et al., 2013, Ad click prediction: a view from the trenches.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> Ftrl(1.0, initial_accumulator_value=0.0, l1_regularization_strength=5.0).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(2)
        array([0.  , 2.95], dtype=float32)
    """

    slots = ("accumulator", "linear")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        if learning_rate_power > 0:
            raise ValueError(
                "`learning_rate_power` needs to be negative or zero. "
                f"Received: learning_rate_power={learning_rate_power}."
            )
        for name_ in (
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
        ):
            if getattr(self, name_) < 0:
                raise ValueError(f"`{name_}` needs to be positive or zero. Received: {name_}={getattr(self, name_)}.")

    def initial_slot(self, name: str, variable: Tensor) -> Tensor:
        start = self.initial_accumulator_value if name == "accumulator" else 0.0
        return np.full(variable.shape, start, "float32")

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        power = -self.learning_rate_power
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength + self.beta / (2 * learning_rate)
        shrunk = gradient + 2 * self.l2_shrinkage_regularization_strength * value
        accumulator = slots["accumulator"] + jnp.square(gradient)
        growth = accumulator**power - slots["accumulator"] ** power
        linear = slots["linear"] + shrunk - growth / learning_rate * value
        new = (jnp.clip(linear, -l1, l1) - linear) / (accumulator**power / learning_rate + 2 * l2)
        return new, {"accumulator": accumulator, "linear": linear}
