"""`GradientProbe`: finds out, while a step is traced, whether any gradient reaches the weights."""

from __future__ import annotations

from typing import Any

import jax

from kernelkit.typing import Tensor


class GradientProbe:
    """An identity function on weights that notes whether a backward pass goes through it.

    It leaves no operation in the compiled program.

    Example:
        >>> for loss in (lambda w: w * w, lambda w: jax.lax.stop_gradient(w)):
        ...     probe = GradientProbe()
        ...     _ = jax.grad(lambda w: loss(probe(w)))(3.0)
        ...     print(probe.was_reached)
        True
        False
    """

    def __init__(self) -> None:
        self.was_reached = False
        self._identity = jax.custom_vjp(lambda values: values)
        self._identity.defvjp(lambda values: (values, None), self._back)

    def __call__(self, values: Tensor) -> Any:
        """Return the values unchanged."""
        return self._identity(values)

    def _back(self, _: None, gradients: Any) -> tuple:
        self.was_reached = True
        return (gradients,)
