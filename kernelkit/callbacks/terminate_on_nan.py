"""Stop when the loss is NaN or infinite."""

from __future__ import annotations

import math

from kernelkit.training.callback import Callback
from kernelkit.training.display import say


class TerminateOnNaN(Callback):
    """Stop training when the loss is NaN or infinite.

    Steps stay fused, so training stops after the dispatch (about 50 ms) in which it happened. The message names the
    first step with a NaN loss; after that step the weights are useless.

    Args:
        raise_error: Whether to raise an error. Otherwise training stops without one.

    Raises:
        RuntimeError: In the batch hook, if ``raise_error`` is set.

    Example:
        >>> import kernelkit as kk
        >>> guard = kk.callbacks.TerminateOnNaN()
    """

    batch_hooks = "logs"

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error
        self.stop_reason = ""
        self._seen = False
        self._epoch = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._seen = False
        self.stop_reason = ""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        loss = (logs or {}).get("loss")
        if self._seen or loss is None or math.isfinite(loss):
            return
        self._seen = True
        where = f"batch {batch + 1} of epoch {self._epoch + 1}"
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered: it became {loss} in {where}.")
        self.stop_reason = f"the loss became {loss} in {where}"
        say(f"The loss became {loss} in {where}, so training stops.")
        self.model.stop_training = True
