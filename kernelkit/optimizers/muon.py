"""Muon: steps along an orthogonalized momentum."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.serialize.arguments import shared_arguments
from kernelkit.typing import Rate, Tensor
from kernelkit.variable import Variable


class Muon(Optimizer):
    """Make the momentum of each weight matrix orthogonal before a step; use AdamW for all other weights.

    Embeddings and the output layer train better with AdamW: name the output layer in ``exclude_layers``.

    Args:
        learning_rate: Float, schedule or function.
        adam_beta_1: AdamW's share of the old mean gradient in the new one.
        adam_beta_2: AdamW's share of the old mean square in the new one.
        adam_weight_decay: Weight decay of the weights that AdamW changes.
        epsilon: Small number that keeps AdamW's division finite.
        weight_decay: Weight decay of the matrices.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
        loss_scale_factor, gradient_accumulation_steps, name: As in :class:`~kernelkit.optimizers.Optimizer`.
        exclude_layers: Regular expressions. AdamW changes the weights whose paths contain a match.
        exclude_embeddings: Whether AdamW changes the weights with "embedding" in their path.
        muon_a: First coefficient of the Newton-Schulz iteration.
        muon_b: Second coefficient.
        muon_c: Third coefficient.
        adam_lr_ratio: AdamW's learning rate, as a multiple of the learning rate.
        momentum: Share of the old momentum in the new one.
        ns_steps: Number of Newton-Schulz iterations.
        nesterov: Whether the gradient is added to the momentum once more.
        rms_rate: Root mean square of a step of rate one, so that AdamW's rates and decays fit; ``None`` for steps that
            are not scaled.

    Source: Jordan et al., 2024, Muon: an optimizer for hidden layers in neural networks; ``rms_rate``: Liu et al.,
    2025, Muon is scalable for LLM training.

    Example:
        >>> import kernelkit as kk
        >>> w = kk.Variable([[1.0, 2.0], [3.0, 4.0]])
        >>> Muon(learning_rate=0.1, weight_decay=None).apply([[[1.0, 0.0], [0.0, 5.0]]], [w])
        >>> w.numpy().round(2)
        array([[0.98, 2.  ], [3.  , 3.97]], dtype=float32)
    """

    slots = ("momentum", "velocity")

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(**shared_arguments(Optimizer, locals()), **kwargs)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or [])
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def uses_adam(self, variable: Variable) -> bool:
        """Return whether AdamW changes a weight."""
        if len(variable.shape) != 2 or (self.exclude_embeddings and "embedding" in variable.path.lower()):
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def has_slot(self, name: str, variable: Variable) -> bool:
        return name == "momentum" or self.uses_adam(variable)

    def weight_decay_of(self, variable: Variable) -> float | None:
        decay = super().weight_decay_of(variable)
        excluded = decay is None and self.weight_decay is not None
        return self.adam_weight_decay if self.uses_adam(variable) and not excluded else decay

    def rule(self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate) -> tuple[Any, dict]:
        # Only weights that AdamW changes have a velocity.
        if "velocity" in slots:
            return self._adam_rule(gradient, value, slots, step, learning_rate * self.adam_lr_ratio)
        momentum = self.momentum * slots["momentum"] + gradient
        move = gradient + self.momentum * momentum if self.nesterov else momentum
        move = orthogonalized(move, self.ns_steps, (self.muon_a, self.muon_b, self.muon_c))
        if self.rms_rate is not None:
            move = move * (self.rms_rate * max(value.shape) ** 0.5)
        return value - learning_rate * move, {"momentum": momentum}

    def _adam_rule(
        self, gradient: Tensor, value: Tensor, slots: dict, step: Tensor, learning_rate: Rate
    ) -> tuple[Any, dict]:
        momentum = slots["momentum"] + (gradient - slots["momentum"]) * (1 - self.adam_beta_1)
        velocity = slots["velocity"] + (jnp.square(gradient) - slots["velocity"]) * (1 - self.adam_beta_2)
        rate = learning_rate * jnp.sqrt(1 - self.adam_beta_2**step) / (1 - self.adam_beta_1**step)
        move = rate * momentum / (jnp.sqrt(velocity) + self.epsilon)
        return value - move, {"momentum": momentum, "velocity": velocity}


def orthogonalized(matrix: Any, iterations: int, coefficients: tuple[float, float, float]) -> Any:
    """Return roughly the nearest matrix with orthonormal rows or columns, by the Newton-Schulz iteration.

    Args:
        matrix: Array of shape (m, n).
        iterations: Number of iterations.
        coefficients: Of the odd polynomial that pushes singular values towards one.
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (jnp.linalg.norm(x) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x
