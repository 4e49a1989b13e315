"""Save the model during training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kernelkit.callbacks import monitor as watch
from kernelkit.training.callback import Callback, was_cut_short
from kernelkit.training.display import say


class ModelCheckpoint(Callback):
    """Save the model or its weights after each epoch, or after a number of batches.

    With a number of batches, training runs one step per dispatch, so that the model is saved at exactly that batch.

    Args:
        filepath: Path of the file. It may hold ``{epoch}``, ``{batch}`` (both count from 1) and names of logs, such as
            ``"{epoch:02d}-{val_loss:.2f}.keras"``. It must end with ``.weights.h5`` for weights, else with ``.keras``
            or ``.h5``.
        monitor: Name of the metric that decides which model is best.
        verbose: 1 to print a message at each save.
        save_best_only: Whether to save only a model that is better than all before it.
        save_weights_only: Whether to save only weights.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to infer it from the metric.
        save_freq: ``"epoch"``, or a number of batches.
        initial_value_threshold: Value that the first saved model must beat.

    Attributes:
        best: Best value so far.

    Raises:
        ValueError: If the path has another ending, or ``save_freq`` is not a valid number of batches.

    Example:
        >>> import kernelkit as kk
        >>> best = kk.callbacks.ModelCheckpoint("best.keras", monitor="val_accuracy", save_best_only=True)
    """

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__()
        self.filepath = os.fspath(filepath)
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.mode = watch.checked_mode(mode, "ModelCheckpoint")
        self.save_freq = checked_frequency(save_freq, "ModelCheckpoint")
        self.best = initial_value_threshold
        self._epoch = 0
        self._batches = 0
        self._last_batch = -1
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"ModelCheckpoint: filepath must end with {' or '.join(endings)} to save "
                f"{'weights' if save_weights_only else 'a model'}, got {self.filepath!r}."
            )

    @property
    def active_hooks(self) -> tuple | None:
        """The hooks that training calls: no batch hooks if ``save_freq="epoch"``, so that steps stay fused."""
        return () if self.save_freq == "epoch" and type(self) is ModelCheckpoint else None

    @property
    def monitor_op(self) -> Any:
        """The comparison for a better value, ``numpy.less`` or ``numpy.greater``; ``None`` until it is known."""
        return watch.operator_of(watch.known_direction(self))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch" or was_cut_short(self):
            return
        self._batches += batch - self._last_batch  # more than 1 with steps_per_execution
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch" and not was_cut_short(self):
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: dict) -> None:
        if self.save_best_only and not watch.is_new_best(self, logs):
            if self.verbose:
                say(f"Epoch {epoch + 1}: {self.monitor} did not improve on {self.best}.")
            return
        path = self._path(epoch, batch, logs)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose:
            improved = f"{self.monitor} improved to {self.best}, " if self.save_best_only else ""
            say(f"Epoch {epoch + 1}: {improved}saved to {path}.")

    def _path(self, epoch: int, batch: int | None, logs: dict) -> str:
        numbers: dict[str, Any] = {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        try:
            return self.filepath.format(**{**logs, **numbers})
        except KeyError as error:
            known = ", ".join([*numbers, *logs])
            raise KeyError(f"ModelCheckpoint: {self.filepath!r} needs {error}, but only {known} are known.") from None


def checked_frequency(save_freq: Any, who: str) -> str | int:
    """Return a checked ``save_freq``: ``"epoch"`` or a number of batches."""
    if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
        raise ValueError(
            f"{who}: Unrecognized save_freq {save_freq!r}. Invalid value: it must be 'epoch' or a number of batches."
        )
    return save_freq
