"""Set the learning rate at the beginning of each epoch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.optimizers import MultiOptimizer
from kernelkit.training.callback import Callback, was_cut_short
from kernelkit.training.display import say


class LearningRateScheduler(Callback):
    """Set the learning rate of each epoch to the result of a function.

    For a rate that changes at every step, see :mod:`kernelkit.optimizers.schedules`.

    Args:
        schedule: Function ``(epoch, rate) -> rate`` or ``(epoch) -> rate``. Epochs count from 0.
        verbose: 1 to print each rate.

    Example:
        >>> import kernelkit as kk
        >>> halving = kk.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.5)
    """

    def __init__(self, schedule: Callable, verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        for optimizer in rated_optimizers(self.model):
            rate = current_rate(optimizer, "LearningRateScheduler")
            rate = self.schedule(epoch, rate) if _takes_rate(self.schedule) else self.schedule(epoch)
            if not _is_number(rate):
                raise ValueError(f"LearningRateScheduler: the schedule must return a float, got {rate!r}.")
            optimizer.learning_rate = float(rate)
            if self.verbose:
                say(f"Epoch {epoch + 1}: the learning rate is {float(rate):.4g}.")

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None and not was_cut_short(self):
            note_rates(logs, self.model, "LearningRateScheduler")


def rated_optimizers(model: Any) -> list:
    """Return the optimizers with a learning rate: the model's optimizer, or those inside a MultiOptimizer."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return optimizer.optimizers if isinstance(optimizer, MultiOptimizer) else [model.optimizer]


def note_rates(logs: dict, model: Any, who: str) -> None:
    """Add the learning rate to the logs. With several optimizers, add each rate under the optimizer's name."""
    optimizers = rated_optimizers(model)
    for optimizer in optimizers:
        key = "learning_rate" if len(optimizers) == 1 else f"learning_rate_{optimizer.name}"
        logs[key] = current_rate(optimizer, who)


def current_rate(optimizer: Any, who: str) -> float:
    """Return the learning rate of an optimizer.

    Raises:
        ValueError: If the optimizer has no learning rate. ``who`` begins the message.
    """
    if not hasattr(optimizer, "learning_rate"):
        raise ValueError(f"{who} needs an optimizer with a learning_rate, got {type(optimizer).__name__}.")
    rate = optimizer.learning_rate
    return float(rate.numpy()) if hasattr(rate, "numpy") else float(rate)


def _takes_rate(schedule: Callable) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) or (hasattr(value, "dtype") and np.ndim(value) == 0)
