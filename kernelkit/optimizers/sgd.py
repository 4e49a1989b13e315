"""Stochastic gradient descent, with optional momentum."""

from __future__ import annotations

from typing import Any

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor


class SGD(Optimizer):
    """Gradient descent, with optional momentum.

    ``velocity = momentum * velocity - learning_rate * gradient;  w = w + velocity``

    Args:
        learning_rate: Float, schedule or function.
        momentum: Share of the last step in this one, from 0 (plain gradient descent) to 1.
        nesterov: Whether the gradient's step is taken on top of the momentum's.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Source: Sutskever et al., 2013, On the importance of initialization and momentum in deep learning.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> SGD(learning_rate=0.1).apply([[1.0, -1.0]], [w])
        >>> w.numpy().round(3)
        array([0.9, 2.1], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        if not 0 <= momentum <= 1:
            raise ValueError(f"SGD: `momentum` must be a float between [0, 1]. Got {momentum!r}.")
        self.momentum = momentum
        self.nesterov = nesterov
        self.slots = ("momentum",) if momentum else ()

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        move = -learning_rate.astype(value.dtype) * gradient
        if not self.momentum:
            return value + move, {}
        velocity = self.momentum * slots["momentum"] + move
        return value + (self.momentum * velocity + move if self.nesterov else velocity), {"momentum": velocity}
