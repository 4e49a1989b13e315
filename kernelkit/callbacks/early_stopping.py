"""Stop when a metric no longer improves."""

from __future__ import annotations

from typing import Any

from kernelkit.callbacks import monitor as watch
from kernelkit.training.callback import Callback, was_cut_short
from kernelkit.training.display import say


class EarlyStopping(Callback):
    """Stop training when a metric has not improved for some epochs.

    Args:
        monitor: Name of the metric.
        min_delta: Only a change larger than this counts as an improvement.
        patience: Number of epochs without improvement before training stops.
        verbose: 1 to print a message.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to infer it from the metric.
        baseline: An improvement resets the count only if it also beats this value.
        restore_best_weights: Whether to restore the weights of the best epoch, however training ends.
        start_from_epoch: Number of first epochs that are ignored.

    Attributes:
        best: Best value so far.
        best_epoch: The epoch of the best value, counted from 0.
        stopped_epoch: The epoch after which training was stopped, 0 if it was not stopped.

    Example:
        >>> import kernelkit as kk
        >>> stopping = kk.callbacks.EarlyStopping(monitor="val_loss", patience=3, restore_best_weights=True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__()
        self.monitor = monitor
        self.min_delta = min_delta
        self.patience = patience
        self.verbose = verbose
        self.mode = watch.checked_mode(mode, "EarlyStopping")
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._restored = False
        self._forget()

    def _forget(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self._has_value = False
        self.best_epoch = 0
        self.best_weights: Any = None
        self._restored = False

    @property
    def stop_reason(self) -> str:
        """Why this callback stopped training, in words; ``""`` if it did not."""
        if not self.stopped_epoch:
            return ""
        best = "" if self.best is None else f", best {self.best:.4g} at epoch {self.best_epoch + 1}"
        kept = f"; the weights of epoch {self.best_epoch + 1} are restored" if self._restored else ""
        return f"{self.monitor} did not improve for {self.wait} epoch{'s' * (self.wait != 1)}{best}{kept}"

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._forget()

    @property
    def monitor_op(self) -> Any:
        """The comparison for a better value, ``numpy.less`` or ``numpy.greater``; ``None`` until it is known."""
        return watch.operator_of(watch.known_direction(self))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        way = watch.direction(self.monitor, self.mode, self.model, "EarlyStopping")
        if self.restore_best_weights and self.best_weights is None:
            # If no epoch improves, restore the first epoch.
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        is_first, self._has_value = not self._has_value, True
        self.wait += 1
        if watch.is_better(current, self.best, way, self.min_delta):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or watch.is_better(current, self.baseline, way, self.min_delta):
                self.wait = 0
        elif is_first and self.best is None:
            self.wait = 0  # NaN: there is nothing yet that it could improve on
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: stopped early, because {self.monitor} no longer improves.")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"Restored the weights of the best epoch, {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)
            self._restored = True

    def get_monitor_value(self, logs: dict | None) -> Any:
        """Return the value to compare, or ``None``. Override it to compute a value from the logs."""
        return watch.monitored(self.monitor, logs, "EarlyStopping", "does nothing")
