"""Go on with a training that was cut off."""

from __future__ import annotations

import json
import os
from pathlib import Path

from kernelkit.callbacks.model_checkpoint import checked_frequency
from kernelkit.training.callback import Callback

_WEIGHTS = "latest.weights.h5"
_RECORD = "training_metadata.json"


class BackupAndRestore(Callback):
    """Save the state of training, and start from it if `fit` is called again after it was cut off.

    The state is that of weights and optimizer, and the number of the epoch. A file is complete before it takes the
    place of the one before. After a backup within an epoch, training goes on from the beginning of that epoch.

    Args:
        backup_dir: Directory for the backup, used for nothing else.
        save_freq: ``"epoch"``, a number of batches, or ``False`` to only restore.
        double_checkpoint: Whether the backup before the last is kept too, in case the last cannot be read.
        delete_checkpoint: Whether the backup is deleted when training has come to its end.

    Raises:
        ValueError: If ``backup_dir`` is empty, or ``save_freq`` is no number of batches.

    Example:
        >>> import kernelkit as kk
        >>> backup = kk.callbacks.BackupAndRestore("backup")
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int | bool = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir or not os.fspath(backup_dir):
            raise ValueError(f"BackupAndRestore: Empty `backup_dir` argument passed, {backup_dir!r}. Name a directory.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = False if save_freq is False else checked_frequency(save_freq, "BackupAndRestore")
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._epoch = 0
        self._batches = 0
        self._last_batch = -1

    @property
    def active_hooks(self) -> tuple | None:
        """What the batch hooks cost: nothing, if saving is a matter of epochs."""
        return () if self.save_freq in ("epoch", False) and type(self) is BackupAndRestore else None

    def on_train_begin(self, logs: dict | None = None) -> None:
        if not self.model.built:
            raise ValueError(
                "BackupAndRestore needs a model that is built when fit() is called, so that its weights can be "
                "restored: give it an Input, or call model.build(input_shape)."
            )
        self._epoch = self._restore()
        if self._epoch:
            self.model._initial_epoch = self._epoch

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.save_freq in ("epoch", False):
            return
        self._batches += batch - self._last_batch  # several, if compile() was given steps_per_execution
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(batch)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch + 1
        if self.save_freq == "epoch":
            self._save(0)

    def on_train_end(self, logs: dict | None = None) -> None:
        folder = Path(self.backup_dir)
        if not self.delete_checkpoint or not folder.exists():
            return
        for path in (*folder.glob(f"{_WEIGHTS}*"), *folder.glob(f"{_RECORD}*")):
            path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

    def _save(self, batch: int) -> None:
        folder = Path(self.backup_dir)
        folder.mkdir(parents=True, exist_ok=True)
        weights, record = folder / "unfinished.weights.h5", folder / "unfinished.json"
        self.model.save_weights(str(weights), overwrite=True)
        record.write_text(json.dumps({"epoch": self._epoch, "batch": batch}))
        for name in (_WEIGHTS, _RECORD):
            if self.double_checkpoint and (folder / name).exists():
                (folder / name).replace(folder / f"{name}.bkp")
        weights.replace(folder / _WEIGHTS)
        record.replace(folder / _RECORD)

    def _restore(self) -> int:
        """Load the backup, or the one before; return the epoch to go on with, 0 if there is none."""
        folder = Path(self.backup_dir)
        if self.model.optimizer is not None:
            self.model.optimizer.build(self.model.trainable_variables)
        failure: Exception | None = None
        for ending in ("", ".bkp"):
            weights, record = folder / f"{_WEIGHTS}{ending}", folder / f"{_RECORD}{ending}"
            if not (weights.exists() and record.exists()):
                continue
            try:
                epoch = int(json.loads(record.read_text())["epoch"])
                if ending:  # a weights file is known by its ending
                    weights = weights.replace(folder / "previous.weights.h5")
                self.model.load_weights(str(weights))
            except (OSError, ValueError, KeyError) as error:
                failure = failure or error
                continue
            return epoch
        if failure is not None:
            raise OSError(
                f"BackupAndRestore could not read the backup in {self.backup_dir!r}: {failure} Delete it to train from "
                "the beginning; double_checkpoint=True keeps a second one."
            ) from failure
        return 0
