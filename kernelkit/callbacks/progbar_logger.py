"""`ProgbarLogger`: prints the progress of a training."""

from __future__ import annotations

import numpy as np

from kernelkit.training import display
from kernelkit.training.callback import Callback, was_cut_short


class ProgbarLogger(Callback):
    """Print progress in custom loops. `fit` shows its own progress (see its ``verbose``).

    Example:
        >>> import kernelkit as kk
        >>> logger = kk.callbacks.ProgbarLogger()
    """

    batch_hooks = "logs"

    first_process_only = True

    def __init__(self) -> None:
        super().__init__()
        self._display: display.Display = display.Display()
        self._epoch = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        epochs, steps = self.params.get("epochs", 1), self.params.get("steps")
        self._display = display.choose(self.params.get("verbose", "auto"))
        name = getattr(self.model, "name", "model")
        self._display.begin(display.Run(self.model, name, epochs, 0, steps, None, getattr(self.model, "history", None)))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch
        self._display.epoch_begin(epoch)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        rows = {name: np.asarray([value]) for name, value in (logs or {}).items()}
        self._display.steps(display.Block(batch, 1, self._epoch, batch, rows))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not was_cut_short(self):
            self._display.epoch_end(epoch, dict(logs or {}))

    def on_train_end(self, logs: dict | None = None) -> None:
        self._display.end(self.params.get("outcome") or "done")
