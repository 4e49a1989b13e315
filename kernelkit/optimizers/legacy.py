"""The optimizers of ``keras.optimizers.legacy``, with Keras 2's arguments.

Each name makes the current optimizer of the same rule. Old arguments are translated: ``lr=`` becomes
``learning_rate=``, and ``decay=d`` becomes :class:`~kernelkit.optimizers.schedules.InverseTimeDecay`, the rate
``learning_rate / (1 + d * step)``.
"""

from __future__ import annotations

from typing import Any

from kernelkit.optimizers import adagrad, adam, ftrl, rmsprop, sgd
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.optimizers.schedules import InverseTimeDecay

__all__ = ["SGD", "Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop"]


def SGD(*args: Any, **kwargs: Any) -> Optimizer:
    """Return an :class:`kernelkit.optimizers.SGD` with Keras 2's arguments.

    Example:
        >>> round(float(SGD(lr=0.1, decay=0.5).learning_rate), 4)
        0.1
    """
    return _made(sgd.SGD, args, kwargs)


def Adam(*args: Any, **kwargs: Any) -> Optimizer:
    """Return an :class:`kernelkit.optimizers.Adam` with Keras 2's arguments."""
    return _made(adam.Adam, args, kwargs)


def Adagrad(*args: Any, **kwargs: Any) -> Optimizer:
    """Return an :class:`kernelkit.optimizers.Adagrad` with Keras 2's arguments."""
    return _made(adagrad.Adagrad, args, kwargs)


def Ftrl(*args: Any, **kwargs: Any) -> Optimizer:
    """Return an :class:`kernelkit.optimizers.Ftrl` with Keras 2's arguments."""
    return _made(ftrl.Ftrl, args, kwargs)


def RMSprop(*args: Any, **kwargs: Any) -> Optimizer:
    """Return an :class:`kernelkit.optimizers.RMSprop` with Keras 2's arguments."""
    return _made(rmsprop.RMSprop, args, kwargs)


def _made(cls: type, args: tuple, kwargs: dict) -> Optimizer:
    if "lr" in kwargs:
        kwargs["learning_rate"] = kwargs.pop("lr")
    decay = kwargs.pop("decay", None)
    optimizer = cls(*args, **kwargs)
    if decay:
        optimizer.learning_rate = InverseTimeDecay(float(optimizer.learning_rate), 1, decay)
    return optimizer
