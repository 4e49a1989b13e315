"""Adam with weight decay that is decoupled from the gradient."""

from __future__ import annotations

from typing import Any

from kernelkit.optimizers.adam import Adam
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate


class AdamW(Adam):
    """Adam with weight decay that doesn't pass through the gradient.

    Args:
        learning_rate: Float, schedule or function.
        weight_decay: Fraction of each weight, times the learning rate, that a step takes away.
        beta_1: Share of the old mean gradient in the new one.
        beta_2: Share of the old mean square in the new one.
        epsilon: Small number that keeps the division finite ("epsilon hat" of the paper).
        amsgrad: Whether to divide by the largest mean square so far.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.

    Raises:
        ValueError: If ``weight_decay`` is ``None``.

    Source: Loshchilov & Hutter, 2019, Decoupled weight decay regularization.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([1.0, 2.0])
        >>> AdamW(learning_rate=0.1, weight_decay=0.5).apply([[1.0, -100.0]], [w])
        >>> w.numpy().round(3)
        array([0.85, 2.  ], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        if weight_decay is None:
            raise ValueError(
                "Argument `weight_decay` must be a float. Received: weight_decay=None. Use Adam if nothing should "
                "decay."
            )
        super().__init__(**shared_arguments(Adam, locals()), **kwargs)
