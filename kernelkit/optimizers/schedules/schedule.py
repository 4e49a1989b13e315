"""The base class of learning rate schedules."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config, serialize
from kernelkit.typing import Tensor
from kernelkit.variable import Variable


class LearningRateSchedule(serialize.Configurable):
    """A learning rate that depends on the number of steps taken.

    A subclass defines ``__call__(step)``. It is evaluated inside the training step, so it must be written with jax
    (``jnp.where``, not ``if``).

    Example:
        >>> from kernelkit import optimizers
        >>> class Halving(optimizers.schedules.LearningRateSchedule):
        ...     def __init__(self, initial, every):
        ...         self.initial, self.every = initial, every
        ...     def __call__(self, step):
        ...         return self.initial * 0.5 ** (step / self.every)
        >>> Halving(0.1, every=10)(20)
        0.025
    """

    def __call__(self, step: Tensor) -> Any:
        """Return the learning rate of a step.

        Args:
            step: Number of steps taken so far, an int32 scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step).")


def as_float(step: Tensor) -> jax.Array:
    """Return a step as a float scalar."""
    return jnp.asarray(step.value if isinstance(step, Variable) else step, config.floatx())
