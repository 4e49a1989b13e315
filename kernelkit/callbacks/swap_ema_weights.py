"""Evaluate with averaged weights."""

from __future__ import annotations

from kernelkit import interrupts
from kernelkit.training.callback import Callback, was_cut_short


class SwapEMAWeights(Callback):
    """Replace the weights by their moving averages during evaluation.

    The optimizer must average: ``use_ema=True``.

    Args:
        swap_on_epoch: Whether the model also holds the averages at the end of an epoch, for later callbacks such as
            :class:`~kernelkit.callbacks.ModelCheckpoint`.

    Raises:
        ValueError: In a hook, if the optimizer keeps no averages.

    Source: Polyak & Juditsky, 1992, Acceleration of stochastic approximation by averaging.

    Example:
        >>> import kernelkit as kk
        >>> swap = kk.callbacks.SwapEMAWeights()
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._averages_in_place = False

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.swap_on_epoch and self._averages_in_place:
            self._swap()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if not self.swap_on_epoch or was_cut_short(self):
            return
        self._swap()
        if self.model.stop_training or epoch + 1 == self.params.get("epochs"):
            # At the end of training the optimizer sets the averages again; they must be these values.
            for variable, average in self.model.optimizer.averaged_variables:
                average.assign(variable.value)
            self._averages_in_place = False

    def on_train_end(self, logs: dict | None = None) -> None:
        if was_cut_short(self) and self._averages_in_place:
            self._swap()  # restore weights and averages, so that training can go on

    def on_test_begin(self, logs: dict | None = None) -> None:
        self._swap()

    def on_test_end(self, logs: dict | None = None) -> None:
        self._swap()

    def on_predict_begin(self, logs: dict | None = None) -> None:
        self._swap()

    def on_predict_end(self, logs: dict | None = None) -> None:
        self._swap()

    def _swap(self) -> None:
        pairs = getattr(self.model.optimizer, "averaged_variables", [])
        if not pairs:
            raise ValueError("SwapEMAWeights needs an optimizer that averages: make it with use_ema=True.")
        with interrupts.whole:
            for variable, average in pairs:
                value = variable.value
                variable.assign(average.value)
                average.assign(value)
            self._averages_in_place = not self._averages_in_place
