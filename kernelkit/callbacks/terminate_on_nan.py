"""Stop when the loss is no number any more."""

from __future__ import annotations

import math

from kernelkit.training.callback import Callback
from kernelkit.training.display import say


class TerminateOnNaN(Callback):
    """End training when the loss is NaN or infinite.

    Steps stay fused: training ends after the dispatch (about 50 ms) in which it happened. What the weights were worth
    was lost at its first such step, which the message names.

    Args:
        raise_error: Whether an error is raised; otherwise training ends in good order.

    Raises:
        RuntimeError: From the batch hook, if ``raise_error`` is set.

    Example:
        >>> import kernelkit as kk
        >>> guard = kk.callbacks.TerminateOnNaN()
    """

    batch_hooks = "logs"

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error
        self._seen = False

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._seen = False

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        loss = (logs or {}).get("loss")
        if self._seen or loss is None or math.isfinite(loss):
            return
        self._seen = True
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered: it became {loss} in batch {batch} (counted from 0).")
        say(f"Batch {batch}: the loss became {loss}, training ends.")
        self.model.stop_training = True
