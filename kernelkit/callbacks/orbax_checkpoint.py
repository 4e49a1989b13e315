"""Save the state of training with Orbax, in the background."""

from __future__ import annotations

import os
from typing import Any

from kernelkit.callbacks import monitor as watch
from kernelkit.callbacks.model_checkpoint import checked_frequency
from kernelkit.saving import orbax_folder
from kernelkit.training.callback import Callback, was_cut_short
from kernelkit.training.display import say


class OrbaxCheckpoint(Callback):
    """Save weights, optimizer state and metric state with Orbax. Training goes on while files are written.

    Needs the package `orbax-checkpoint`. Several hosts save together, coordinated by Orbax. Load the last checkpoint
    with ``model.load_weights(directory)``, the whole model with ``load_model(directory)``. Files of layers, such as
    vocabularies, are not saved.

    Args:
        directory: Directory for the checkpoints, one subdirectory for each.
        monitor: Name of the metric that decides which model is best.
        verbose: 1 to print a message at each save.
        save_best_only: Whether to save only a model that is better than all before it.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to infer it from the metric.
        save_freq: ``"epoch"``, or a number of batches.
        initial_value_threshold: Value that the first saved model must beat.
        max_to_keep: Number of last checkpoints to keep, ``None`` for all.
        save_on_background: Whether to write files in the background.
        save_weights_only: Whether to save only weights.

    Raises:
        ImportError: If `orbax-checkpoint` is not installed.

    Source: https://orbax.readthedocs.io

    Example:
        >>> import kernelkit as kk
        >>> checkpoint = kk.callbacks.OrbaxCheckpoint("checkpoints", max_to_keep=3)
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__()
        orbax_folder.import_orbax("OrbaxCheckpoint")
        self.directory = os.path.abspath(os.fspath(directory))
        self.monitor = monitor
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.mode = watch.checked_mode(mode, "OrbaxCheckpoint")
        self.save_freq = checked_frequency(save_freq, "OrbaxCheckpoint")
        self.best = initial_value_threshold
        self.max_to_keep = max_to_keep
        self.save_on_background = save_on_background
        self.save_weights_only = save_weights_only
        self._batches = 0
        self._last_batch = -1
        self._since = 0
        self._opened: Any = None

    @property
    def active_hooks(self) -> tuple | None:
        """The hooks that training calls: no batch hooks if ``save_freq="epoch"``, so that steps stay fused."""
        return () if self.save_freq == "epoch" and type(self) is OrbaxCheckpoint else None

    def on_train_begin(self, logs: dict | None = None) -> None:
        # Continue the numbers of the last checkpoint of an earlier training.
        self._batches = self._manager().latest_step() or 0
        self._since = 0

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._last_batch = -1

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch" or was_cut_short(self):
            return
        new = batch - self._last_batch  # more than 1 with steps_per_execution
        self._last_batch = batch
        self._batches += new
        self._since += new
        if self._since >= int(self.save_freq):
            self._since = 0
            self._save(self._batches, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch" and not was_cut_short(self):
            self._save(epoch, logs or {})

    def on_train_end(self, logs: dict | None = None) -> None:
        self.wait_until_finished()

    def wait_until_finished(self) -> None:
        """Wait until all files are written."""
        if self._opened is not None:
            self._opened.wait_until_finished()

    def restore(self, step: int | None = None) -> int:
        """Restore a saved state of the model.

        Args:
            step: Number of the checkpoint (epoch, counted from 0, or batch). The last one by default.

        Returns:
            The checkpoint's number.
        """
        manager = self._manager()
        step = manager.latest_step() if step is None else step
        if step is None:
            raise ValueError(f"OrbaxCheckpoint: there is no checkpoint in {self.directory!r}.")
        orbax_folder.restore(manager, step, orbax_folder.variables(self.model, self.save_weights_only))
        return step

    def _save(self, step: int, logs: dict) -> None:
        if self.save_best_only and not watch.is_new_best(self, logs):
            return
        orbax_folder.save(self._manager(), step, self.model, self.save_weights_only)
        if self.verbose:
            say(f"Saved checkpoint {step} in {self.directory}.")

    def _manager(self) -> Any:
        if self._opened is None:
            self._opened = orbax_folder.manager(self.directory, self.max_to_keep, self.save_on_background)
        return self._opened
