"""Learning rates that change with the number of steps taken.

Example:
    >>> from kernelkit import optimizers
    >>> optimizer = optimizers.SGD(optimizers.schedules.CosineDecay(0.1, decay_steps=1000))
"""

from __future__ import annotations

from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.optimizers.schedules.cosine_decay import CosineDecay
from kernelkit.optimizers.schedules.cosine_decay_restarts import CosineDecayRestarts
from kernelkit.optimizers.schedules.exponential_decay import ExponentialDecay
from kernelkit.optimizers.schedules.inverse_time_decay import InverseTimeDecay
from kernelkit.optimizers.schedules.piecewise_constant_decay import PiecewiseConstantDecay
from kernelkit.optimizers.schedules.polynomial_decay import PolynomialDecay
from kernelkit.optimizers.schedules.schedule import LearningRateSchedule


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict:
    """Return a schedule as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> rate = kk.optimizers.schedules.CosineDecay(0.1, 100)
        >>> kk.optimizers.schedules.serialize(rate)["class_name"]
        'CosineDecay'
    """
    return _serialize.serialize_keras_object(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict | None = None) -> LearningRateSchedule:
    """Make a schedule from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> config = kk.optimizers.schedules.serialize(kk.optimizers.schedules.CosineDecay(0.1, 100))
        >>> kk.optimizers.schedules.deserialize(config).decay_steps
        100
    """
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="optimizers.schedules")


_serialize.register_namespace("optimizers.schedules", globals(), (LearningRateSchedule,))
