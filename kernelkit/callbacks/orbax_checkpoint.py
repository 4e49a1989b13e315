"""Save the state of training with Orbax, in the background."""

from __future__ import annotations

import os
from typing import Any

from kernelkit.callbacks import monitor as watch
from kernelkit.callbacks.model_checkpoint import checked_frequency
from kernelkit.training.callback import Callback
from kernelkit.training.display import say


class OrbaxCheckpoint(Callback):
    """Save weights, and the state of optimizer and metrics, with Orbax; training goes on while files are written.

    Needs the package `orbax-checkpoint`. Several hosts save together, as Orbax arranges it.

    Args:
        directory: Directory for the checkpoints, one subdirectory for each.
        monitor: Name of the metric that tells what is best.
        verbose: 1 to say when something is saved.
        save_best_only: Whether only a model that is better than all before is saved.
        mode: ``"min"``, ``"max"``, or ``"auto"`` to tell from the metric.
        save_freq: ``"epoch"``, or a number of batches.
        initial_value_threshold: Value that the first best must beat.
        max_to_keep: How many of the last checkpoints are kept, ``None`` for all.
        save_on_background: Whether files are written in the background.
        save_weights_only: Whether only weights are saved.

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
        self._orbax = _import_orbax()
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
        self._opened: Any = None

    @property
    def active_hooks(self) -> tuple | None:
        """What the batch hooks cost: nothing, if saving is a matter of epochs."""
        return () if self.save_freq == "epoch" and type(self) is OrbaxCheckpoint else None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches % int(self.save_freq) == 0:
            self._save(self._batches, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def on_train_end(self, logs: dict | None = None) -> None:
        self.wait_until_finished()

    def wait_until_finished(self) -> None:
        """Wait until all files are written."""
        if self._opened is not None:
            self._opened.wait_until_finished()

    def restore(self, step: int | None = None) -> int:
        """Give the model a saved state back.

        Args:
            step: Number of the checkpoint (epoch, counted from 0, or batch); the last one by default.

        Returns:
            The checkpoint's number.
        """
        manager = self._manager()
        step = manager.latest_step() if step is None else step
        if step is None:
            raise ValueError(f"OrbaxCheckpoint: there is no checkpoint in {self.directory!r}.")
        state = manager.restore(step, args=self._orbax.args.StandardRestore(self._state()))
        for group, variables in self._variables().items():
            for variable, value in zip(variables, state[group], strict=True):
                variable.assign(value)
        return step

    def _save(self, step: int, logs: dict) -> None:
        if self.save_best_only and not watch.is_new_best(self, logs):
            return
        self._manager().save(step, args=self._orbax.args.StandardSave(self._state()), force=True)
        if self.verbose:
            say(f"Checkpoint {step} is saved in {self.directory}.")

    def _variables(self) -> dict[str, list]:
        model = self.model
        groups = {"trainable": model.trainable_variables, "non_trainable": model.non_trainable_variables}
        if not self.save_weights_only and model.optimizer is not None:
            groups |= {"optimizer": model.optimizer.variables, "metrics": model.metrics_variables}
        return {name: list(variables) for name, variables in groups.items() if variables}

    def _state(self) -> dict[str, list]:
        # Training gives its arrays away in the next step, while they are still being written: these are copies.
        return {name: [v.value.copy() for v in variables] for name, variables in self._variables().items()}

    def _manager(self) -> Any:
        if self._opened is None:
            options = self._orbax.CheckpointManagerOptions(
                max_to_keep=self.max_to_keep, enable_async_checkpointing=self.save_on_background
            )
            self._opened = self._orbax.CheckpointManager(self.directory, options=options)
        return self._opened


def _import_orbax() -> Any:
    try:
        import orbax.checkpoint as orbax
    except ImportError as error:
        raise ImportError(
            "OrbaxCheckpoint needs the package orbax-checkpoint: pip install orbax-checkpoint. "
            "ModelCheckpoint saves without it."
        ) from error
    return orbax
