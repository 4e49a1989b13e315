"""Adafactor: mean squares kept by row and column."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class Adafactor(Optimizer):
    """Scale gradients by mean squares stored as a row and a column, and steps by the size of the weights.

    Keras also stores a full array for every weight. It is stored here too, so that states can be exchanged with Keras.

    Args:
        learning_rate: Float, schedule or function: the upper limit of the rate.
        beta_2_decay: Exponent with which the share of the old mean squares approaches one.
        epsilon_1: Small number added to squared gradients.
        epsilon_2: Smallest size of a weight by which steps are scaled.
        clip_threshold: Limit of the root mean square of a scaled gradient.
        relative_step: Kept for configs: as in Keras 3.15, the learning rate never exceeds ``1 / sqrt(step)``.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Shazeer & Stern, 2018, Adafactor: adaptive learning rates with sublinear memory cost.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([[1.0, 2.0], [3.0, 4.0]])
        >>> Adafactor(learning_rate=0.1).apply([[[1.0, -1.0], [1.0, -1.0]]], [w])
        >>> w.numpy().round(2)
        array([[0.73, 2.27], [2.73, 4.27]], dtype=float32)
    """

    slots = ("row", "column", "velocity")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def initial_slot(self, name: str, variable: Tensor) -> Tensor:
        shape = variable.shape
        if name == "row":
            shape = shape[:-1] if len(shape) > 1 else ()
        elif name == "column":
            shape = shape[:-2] + shape[-1:] if len(shape) > 1 else ()
        return np.zeros(shape, "float32")

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        # As in Keras: neither `relative_step=False` nor a schedule turns this limit off.
        learning_rate = jnp.minimum(learning_rate, lax.rsqrt(step))
        rate = jnp.maximum(self.epsilon_2, _root_mean_square(value)) * learning_rate
        new = 1 - step**self.beta_2_decay
        squares = jnp.square(gradient) + self.epsilon_1
        if gradient.ndim > 1:
            row = new * slots["row"] + (1 - new) * jnp.mean(squares, axis=-1)
            column = new * slots["column"] + (1 - new) * jnp.mean(squares, axis=-2)
            share = row / jnp.mean(row, axis=-1, keepdims=True)
            kept = {"row": row, "column": column, "velocity": share[..., None] * column[..., None, :]}
        else:
            kept = {"velocity": new * slots["velocity"] + (1 - new) * squares}
        scaled = gradient * lax.rsqrt(kept["velocity"])
        scaled = scaled / jnp.maximum(1.0, _root_mean_square(scaled) / self.clip_threshold)
        return value - rate * scaled, kept


def _root_mean_square(x: Tensor) -> Any:
    return jnp.sqrt(jnp.mean(jnp.square(x)))
