"""Stop when a metric no longer improves."""

from __future__ import annotations

from typing import Any

from kernelkit.callbacks import monitor as watch
from kernelkit.training.callback import Callback, was_cut_short
from kernelkit.training.display import say


class EarlyStopping(Callback):
    """End training when a metric has not improved for some epochs.

    Args:
        monitor: Name of the metric.
        min_delta: Change that counts as an improvement must be larger than this.
        patience: Number of epochs without improvement after which training ends.
        verbose: 1 to say so.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to tell from the metric.
        baseline: Value that must be beaten for an improvement to start the count anew.
        restore_best_weights: Whether the model gets back the weights of its best epoch, however training ends.
        start_from_epoch: Number of epochs that are not looked at.

    Attributes:
        best: Best value so far.
        best_epoch: The epoch it comes from, counted from 0.
        stopped_epoch: The epoch after which training was ended, 0 if it was not.

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
        self._forget()

    def _forget(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._forget()

    @property
    def monitor_op(self) -> Any:
        """``numpy.less`` or ``numpy.greater``: what a better value is; ``None`` until it can be told."""
        return watch.operator_of(watch.known_direction(self))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        way = watch.direction(self.monitor, self.mode, self.model, "EarlyStopping")
        if self.restore_best_weights and self.best_weights is None:
            # Training that never improves goes back to its first epoch.
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if watch.is_better(current, self.best, way, self.min_delta):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or watch.is_better(current, self.baseline, way, self.min_delta):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: stopped early, {self.monitor} no longer improves.")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"The weights of the best epoch, {self.best_epoch + 1}, are restored.")
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs: dict | None) -> Any:
        """Return the value to compare, or ``None``; override it to compute one from the logs."""
        return watch.monitored(self.monitor, logs, "EarlyStopping", "does nothing")
