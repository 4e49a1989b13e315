"""Lower the learning rate when a metric no longer improves."""

from __future__ import annotations

import warnings
from typing import Any

from kernelkit.callbacks import monitor as watch
from kernelkit.callbacks.learning_rate_scheduler import current_rate, note_rates, rated_optimizers
from kernelkit.training.callback import Callback, was_cut_short
from kernelkit.training.display import say


class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by a factor when a metric has not improved for some epochs.

    Args:
        monitor: Name of the metric.
        factor: Factor of the rate, below 1.
        patience: Number of epochs without improvement before the rate is lowered.
        verbose: 1 to print a message.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to infer it from the metric.
        min_delta: Only a change larger than this counts as an improvement.
        cooldown: Number of epochs after a reduction that do not count.
        min_lr: Lower limit of the rate.
        **kwargs: ``epsilon`` is the old name of ``min_delta``.

    Raises:
        ValueError: If ``factor`` is not below 1.

    Example:
        >>> import kernelkit as kk
        >>> slower = kk.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=5, min_lr=1e-5)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}.")
        if "epsilon" in kwargs:
            min_delta = kwargs.pop("epsilon")
            warnings.warn("ReduceLROnPlateau(epsilon=...) is an old name: write min_delta=...", stacklevel=2)
        if kwargs:
            raise TypeError(f"ReduceLROnPlateau() got unknown arguments {sorted(kwargs)}.")
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.mode = watch.checked_mode(mode, "ReduceLROnPlateau")
        self.min_delta = min_delta
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self._has_value = False
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._forget()

    @property
    def monitor_op(self) -> Any:
        """The comparison for a better value, ``numpy.less`` or ``numpy.greater``; ``None`` until it is known."""
        return watch.operator_of(watch.known_direction(self))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        current = watch.monitored(self.monitor, logs, "ReduceLROnPlateau", "does nothing")
        rates = [current_rate(optimizer, "ReduceLROnPlateau") for optimizer in rated_optimizers(self.model)]
        if logs is not None:
            note_rates(logs, self.model, "ReduceLROnPlateau")
        if current is None:
            return
        way = watch.direction(self.monitor, self.mode, self.model, "ReduceLROnPlateau")
        is_first, self._has_value = not self._has_value, True
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if watch.is_better(current, self.best, way, self.min_delta):
            self.best, self.wait = current, 0
        elif not self.in_cooldown() and not is_first:  # a first NaN: there is nothing yet that it could improve on
            self.wait += 1
            if self.wait >= self.patience and max(rates) > self.min_lr:
                self._reduce(epoch, rates)

    def _reduce(self, epoch: int, rates: list[float]) -> None:
        for optimizer, rate in zip(rated_optimizers(self.model), rates, strict=True):
            lower = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = lower
            if self.verbose:
                say(f"Epoch {epoch + 1}: {self.monitor} no longer improves. New learning rate: {lower:.4g}.")
        self.cooldown_counter, self.wait = self.cooldown, 0

    def in_cooldown(self) -> bool:
        """Return whether the cooldown after a reduction is still running."""
        return self.cooldown_counter > 0
