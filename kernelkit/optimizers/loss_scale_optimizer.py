"""Dynamic scaling of the loss, for training in float16."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from kernelkit.optimizers import settings
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.typing import Rate, Tensor
from kernelkit.variable import Variable


class LossScaleOptimizer(Optimizer):
    """Multiply the loss by a large factor, and divide the gradients by it before they are applied.

    Small gradients then don't vanish in float16. If a gradient overflows, the step is skipped and the factor is halved.
    After a number of steps without overflow the factor is doubled.

    Args:
        inner_optimizer: The optimizer that changes the weights. Set clipping and averaging on this one.
        initial_scale: The factor to start with.
        dynamic_growth_steps: Number of finite steps after which the factor is doubled.
        name: Name.
        **kwargs: ``dynamic`` may be given, and must be true.

    Raises:
        ValueError: For arguments that belong to the inner optimizer.

    Source: Micikevicius et al., 2018, Mixed precision training.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit import optimizers
        >>> optimizer = LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=8.0)
        >>> w = kk.Variable([1.0, 2.0])
        >>> optimizer.apply([[8.0, 16.0]], [w])
        >>> w.numpy()
        array([0.9, 1.8], dtype=float32)
    """

    _not_in_config = settings.COMMON

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer always adapts its scale. For a fixed one, set `loss_scale_factor` on the optimizer."
            )
        _refuse(kwargs)
        if not isinstance(inner_optimizer, Optimizer) or isinstance(inner_optimizer, LossScaleOptimizer):
            raise ValueError(f"LossScaleOptimizer needs an Optimizer to wrap, got {inner_optimizer!r}.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps

    def build(self, variables: Sequence[Variable]) -> None:
        self.inner_optimizer.loss_scale_factor = None  # only this optimizer scales the loss
        self.inner_optimizer.build(variables)
        if not self.built:
            super().build(variables)
            self.step_counter = self._add_scalar("step_counter", 0, "int32")
            self.dynamic_scale = self._add_scalar("dynamic_scale", self.initial_scale, "float32")

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *self.inner_optimizer.variables]

    def _step(self, arrays: Sequence, gradients: Sequence, values: Sequence, rate: Tensor = None) -> tuple[list, list]:
        own, inner = list(arrays[: len(self._variables)]), list(arrays[len(self._variables) :])
        counter, scale = own[-2:]
        # The "gradient" of an overwritten variable is its new value, not a gradient of the loss: it is not scaled.
        pairs = zip(gradients, self._trainable_variables, strict=True)
        scaled = [g is not None and not v.overwrite_with_gradient for g, v in pairs]
        finite = [jnp.all(jnp.isfinite(g)) for g, yes in zip(gradients, scaled, strict=True) if yes]

        def apply() -> tuple:
            unscaled = [g / scale.astype(g.dtype) if yes else g for g, yes in zip(gradients, scaled, strict=True)]
            new_values, new_inner = self.inner_optimizer._step(inner, unscaled, values, rate)
            grows = counter + 1 >= self.dynamic_growth_steps
            return new_values, new_inner, jnp.where(grows, 0, counter + 1), jnp.where(grows, scale * 2, scale)

        def skip() -> tuple:
            return list(values), inner, jnp.zeros_like(counter), scale / 2

        all_finite = jnp.all(jnp.stack(finite)) if finite else jnp.array(True)
        changed, inner, counter, scale = lax.cond(all_finite, apply, skip)
        return changed, [*own[:-2], counter, scale, *inner]

    def _host_rate(self) -> Rate:
        return self.inner_optimizer._host_rate()

    def scale_loss(self, loss: Any) -> Any:
        scale = self.dynamic_scale.value if self.built else self.initial_scale
        return loss * scale

    @property
    def averaged_variables(self) -> list[tuple[Variable, Variable]]:
        return self.inner_optimizer.averaged_variables

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    @property
    def learning_rate(self) -> Rate:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: Rate) -> None:
        self.inner_optimizer.learning_rate = learning_rate


def _refuse(keywords: dict) -> None:
    """Raise for arguments of other optimizers, unless they have their default values."""
    defaults = inspect.signature(Optimizer.__init__).parameters
    unknown = [name for name in keywords if name not in settings.COMMON]
    if unknown:
        names = ", ".join(f"`{name}`" for name in unknown)
        raise ValueError(f"LossScaleOptimizer does not take these arguments: {names}.")
    set_here = [name for name, value in keywords.items() if value != defaults[name].default]
    if set_here:
        raise ValueError(f"LossScaleOptimizer does not take {', '.join(set_here)}: set it on the `inner_optimizer`.")
