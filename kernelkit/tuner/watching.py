"""The callback that reports each epoch of a trial, and stops trials that are pruned, stopped by the user, or NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from kernelkit import serialize
from kernelkit.callbacks.monitor import is_better
from kernelkit.training.callback import Callback
from kernelkit.tuner.study import WrongSearch


class Watcher(Callback):
    """Reports the objective after each epoch, saves the weights of the best epoch, and stops a trial.

    Args:
        trial: Optuna's trial.
        objective: Name of the metric in the logs.
        way: ``"min"`` or ``"max"``.
        keep: Function that is called with the model and the value of a new best epoch of all executions.
        begins: Function that is called when training begins.
        tell: Function that is called after each epoch.
        is_pruned: Whether the study has a pruner. If not, the single epochs are not stored in the study.

    Attributes:
        best: Best value of this execution.
        epochs: Number of epochs of all executions.
        curve: The objective after each epoch of the first execution.
        pruned: Whether the pruner stopped the trial.
        cut_off: Whether the trial was stopped together with the search.
        by_hand: Whether the user stopped the trial.
        broken: The epoch, counted from 1, with an objective that was not finite; 0 if there was none.
    """

    def __init__(
        self,
        trial: Any,
        objective: str,
        way: str,
        keep: Callable[[Any, float], None],
        begins: Callable[[], None],
        tell: Callable[[], None],
        is_pruned: bool = True,
    ) -> None:
        super().__init__()
        self._trial, self._objective, self._way = trial, objective, way
        self._keep, self._begins, self._tell = keep, begins, tell
        self._is_pruned = is_pruned
        self._best_of_all: float | None = None
        self._executions = 0
        self.best: float | None = None
        self.curve: list[float] = []
        self.epochs = self.broken = 0
        self.pruned = self.cut_off = self.by_hand = False

    @property
    def is_halted(self) -> bool:
        """Whether the trial or the search was stopped."""
        return self.cut_off or self.by_hand

    def begin_execution(self) -> None:
        """Forget the best value of the previous execution."""
        self.best = None
        self._executions += 1

    def halt(self, ends_search: bool) -> None:
        """Stop the trial after the running steps. May be called from any thread.

        Args:
            ends_search: Whether the whole search stops, so that the trial must run again.
        """
        if ends_search:
            self.cut_off = True
            self.stop_reason = "the search was stopped"
        else:
            self.by_hand = True
            self.stop_reason = "stopped by the user"
        self._stop_model()

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._begins()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.is_halted:
            self._stop_model()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.is_halted:  # the epoch may have been cut short
            self._stop_model()
            return
        value = float(self._value_in(logs or {}))
        self.epochs += 1
        if not math.isfinite(value):
            self.broken = epoch + 1
            word = "NaN" if math.isnan(value) else "infinite"
            self.stop_reason = f"{self._objective} is {word} after epoch {epoch + 1}"
            self._stop_model()
        else:
            self._report(value)
        self._tell()

    def _value_in(self, logs: dict) -> Any:
        if self._objective in logs:
            return logs[self._objective]
        hint = " Pass validation data to search()." if self._objective.startswith("val_") else ""
        raise WrongSearch(
            f"The objective {self._objective!r} is not in the logs of training, which have {list(logs)}."
            f"{serialize.suggest(self._objective, logs)}{hint}"
        )

    def _report(self, value: float) -> None:
        if is_better(value, self.best, self._way):
            self.best = value
        if is_better(value, self._best_of_all, self._way):
            self._best_of_all = value
            if self.model is not None:
                self._keep(self.model, value)
        if self._executions <= 1:
            self.curve.append(value)
        if self._executions <= 1 and self._is_pruned:
            self._trial.report(value, self.epochs)
            if self._trial.should_prune():
                self.pruned = True
                self.stop_reason = f"pruned after epoch {self.epochs}"
                self._stop_model()

    def _stop_model(self) -> None:
        if self.model is not None:
            self.model.stop_training = True
