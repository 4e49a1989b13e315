"""The kinds of learning rate: a number, a schedule, a function."""

from __future__ import annotations

import inspect
import numbers
from typing import Any

import numpy as np

from kernelkit.optimizers.schedules.schedule import LearningRateSchedule
from kernelkit.typing import Rate


def check(learning_rate: Rate) -> Any:
    """Return a number as a float, a schedule or function unchanged.

    Raises:
        ValueError: For any other value.
    """
    if isinstance(learning_rate, numbers.Real) or (hasattr(learning_rate, "dtype") and np.ndim(learning_rate) == 0):
        return float(learning_rate)
    if callable(learning_rate):
        return learning_rate
    raise ValueError(
        "learning_rate must be a float, a LearningRateSchedule or a function that returns a float, "
        f"got {learning_rate!r}."
    )


def takes_step(learning_rate: Rate) -> bool:
    """Return whether a learning rate depends on the number of steps taken.

    This is true for schedules and for functions of one argument, such as optax's schedules. It is false for functions
    without arguments.
    """
    if isinstance(learning_rate, LearningRateSchedule):
        return True
    try:
        inspect.signature(learning_rate).bind()
    except TypeError:
        return True
    except ValueError:  # a builtin without a signature
        return False
    return False
