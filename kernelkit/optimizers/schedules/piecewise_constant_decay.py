"""A learning rate that is constant between given steps."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.optimizers.schedules.schedule import LearningRateSchedule, as_float
from kernelkit.typing import Tensor


class PiecewiseConstantDecay(LearningRateSchedule):
    """A learning rate that jumps from one value to the next after given steps.

    Args:
        boundaries: Increasing step numbers; up to and including the first, the rate is ``values[0]``, and so on.
        values: Rates, one more than boundaries.
        name: Name.

    Raises:
        ValueError: If the numbers of boundaries and values don't match.

    Example:
        >>> rate = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.1])
        >>> float(rate(100)), float(rate(101)), float(rate(999))
        (1.0, 0.5, 0.1)
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "PiecewiseConstantDecay needs one value more than boundaries, "
                f"got {len(boundaries)} boundaries and {len(values)} values."
            )
        self.boundaries = list(boundaries)
        self.values = list(values)
        self.name = name

    def __call__(self, step: Tensor) -> jax.Array:
        passed = jnp.sum(jnp.asarray(self.boundaries, config.floatx()) < as_float(step))
        return jnp.asarray(self.values, config.floatx())[passed]
