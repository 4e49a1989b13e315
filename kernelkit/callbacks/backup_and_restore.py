"""Continue an interrupted training."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import jax

from kernelkit import processes
from kernelkit.callbacks.model_checkpoint import checked_frequency
from kernelkit.saving.atomic import UNFINISHED, replacing
from kernelkit.training.callback import Callback, was_cut_short
from kernelkit.training.resume import Place

_WEIGHTS = "latest.weights.h5"
_RECORD = "training_metadata.json"
_PREVIOUS = ".bkp"
_UNFINISHED = "unfinished."
_RESTORING = ".restoring"


class BackupAndRestore(Callback):
    """Back up the state of training, and continue from the backup when `fit` is called after an interruption.

    A backup holds the weights, the optimizer's state, the place in the data, the seed of the sample order and the
    metrics of the current epoch. Training continues at the exact batch, and its results equal those of an uninterrupted
    training bit for bit. A generator is read again up to that batch. A complete backup exists at every moment, even
    during a save. Counters of other callbacks, such as EarlyStopping's, are not part of a backup.

    Args:
        backup_dir: Directory for the backup. Do not store other files in it.
        save_freq: ``"epoch"``, a number of batches, or ``False`` to only restore.
        double_checkpoint: Whether to keep the previous backup too, in case the last one cannot be read.
        delete_checkpoint: Whether to delete the backup after a completed training.

    Raises:
        ValueError: If ``backup_dir`` is empty, or ``save_freq`` is not a valid number of batches.

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
        self._start: int | None = None  # the last batch of the first epoch that the interrupted fit completed
        self._digest = ""  # of the restored weights

    @property
    def active_hooks(self) -> tuple | None:
        """The hooks that training calls: no batch hooks if ``save_freq="epoch"``, so that steps stay fused."""
        return () if self.save_freq in ("epoch", False) and type(self) is BackupAndRestore else None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._batches = 0
        if not self.model.built:
            raise ValueError(
                "BackupAndRestore needs a model that is built when fit() is called, so that its weights can be "
                "restored: give it an Input, or call model.build(input_shape)."
            )
        self._epoch = self._restore()
        batch = 0 if self._start is None else self._start + 1
        found = processes.agree(self._epoch, batch, int(self._digest[:12] or "0", 16)).tolist()
        if any(row != found[0] for row in found):
            what = f"epoch {self._epoch}, batch {batch}" if self._digest else "none"
            raise RuntimeError(
                f"BackupAndRestore: the processes read different backups; process {jax.process_index()} found {what}. "
                f"{self.backup_dir!r} must be a folder that all of them see."
            )
        if processes.is_first():
            self._tidy()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch
        self._last_batch = -1 if self._start is None else self._start
        self._start = None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if self.save_freq in ("epoch", False) or was_cut_short(self):
            return
        self._batches += batch - self._last_batch  # more than 1 with steps_per_execution
        self._last_batch = batch
        # After the last batch of an epoch, the backup waits for the end of the epoch, which includes validation.
        if self._batches >= int(self.save_freq) and batch + 1 != self.params.get("steps"):
            self._batches = 0
            self._save(batch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        self._epoch = epoch + 1
        if self.save_freq == "epoch" or (self.save_freq and self._batches >= int(self.save_freq)):
            self._batches = 0
            self._save(0, 0)

    def on_train_end(self, logs: dict | None = None) -> None:
        folder = Path(self.backup_dir)
        if not self.delete_checkpoint or not folder.exists() or was_cut_short(self) or not processes.is_first():
            return
        for name in (_WEIGHTS, _RECORD):
            for path in (folder / f"{name}{_PREVIOUS}", folder / name):
                path.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()

    def _save(self, batch: int, step: int) -> None:
        """Write a backup. Both files are complete before the first one is renamed into its place.

        The record holds the digest of its weights file. At each moment the folder holds a complete backup, under the
        final file names or under the temporary ones.
        """
        folder = Path(self.backup_dir)
        folder.mkdir(parents=True, exist_ok=True)
        weights, record = folder / f"{_UNFINISHED}{_WEIGHTS}", folder / f"{_UNFINISHED}{_RECORD}"
        record.unlink(missing_ok=True)  # left from an earlier crash; its weights are replaced now
        self.model.save_weights(str(weights), overwrite=True)
        place = Place.of(self.model, self._epoch, step)
        if not processes.is_first():
            return
        written = {"epoch": self._epoch, "batch": batch, "weights": _digest(weights)}
        with replacing(record) as file:
            file.write(json.dumps(written | ({} if place is None else {"place": place._asdict()})).encode())
        if self.double_checkpoint:
            for name in (_WEIGHTS, _RECORD):
                _keep_as(folder / name, folder / f"{name}{_PREVIOUS}")
        weights.replace(folder / _WEIGHTS)
        record.replace(folder / _RECORD)

    def _tidy(self) -> None:
        """Rename a backup that was complete at a crash to its final place. Delete other temporary files."""
        folder = Path(self.backup_dir)
        weights, record = folder / f"{_UNFINISHED}{_WEIGHTS}", folder / f"{_UNFINISHED}{_RECORD}"
        digest = _read(record).get("weights")
        if digest is not None and weights.exists() and _digest(weights) == digest:
            weights.replace(folder / _WEIGHTS)
        if digest is not None and (folder / _WEIGHTS).exists() and _digest(folder / _WEIGHTS) == digest:
            record.replace(folder / _RECORD)
        for path in (weights, record, *folder.glob(f".*{UNFINISHED}"), *folder.glob(f"{_RESTORING}*")):
            path.unlink(missing_ok=True)

    def _backups(self) -> list[tuple[Path, dict]]:
        """Return the complete backups, newest first: each weights path with its record."""
        folder = Path(self.backup_dir)
        names = [("", ""), (_UNFINISHED, ""), ("", _PREVIOUS)]
        files = [folder / f"{begin}{_WEIGHTS}{end}" for begin, end in names]
        digests = {path: _digest(path) for path in files if path.exists()}
        found = []
        for begin, end in names:
            record = folder / f"{begin}{_RECORD}{end}"
            written = _read(record)
            if not written:
                continue
            epoch, batch = written["epoch"], written.get("batch", 0)
            # Keras writes records without a digest: such a record belongs to the weights of the same name.
            own = folder / f"{begin}{_WEIGHTS}{end}"
            digest = written.get("weights")
            paths = [own] if digest is None else [path for path, known in digests.items() if known == digest]
            found += [(epoch, batch, path, written) for path in paths[:1] if path.exists()]
        found.sort(key=lambda backup: backup[:2], reverse=True)
        return [(path, written) for _, _, path, written in found]

    def _restore(self) -> int:
        """Load the newest readable backup. Return the epoch to continue with, 0 if there is no backup."""
        self._start, self._digest = None, ""
        if self.model.optimizer is not None:
            self.model.optimizer.build(self.model.trainable_variables)
        backups = self._backups()
        failure: Exception | None = None
        for weights, written in backups:
            try:
                self._load(weights)
            except (OSError, ValueError, KeyError) as error:
                failure = failure or error
                continue
            self._digest = _digest(weights)
            self._go_on_from(written)
            return int(written["epoch"])
        folder = Path(self.backup_dir)
        if failure is not None or (folder / _WEIGHTS).exists() or (folder / f"{_WEIGHTS}{_PREVIOUS}").exists():
            raise OSError(
                f"BackupAndRestore could not read the backup in {self.backup_dir!r}"
                f"{f': {failure}' if failure else ', whose files do not belong together.'} Delete it to train from the "
                "beginning; double_checkpoint=True keeps a second one."
            ) from failure
        return 0

    def _load(self, weights: Path) -> None:
        if weights.name.endswith(".weights.h5"):  # the file name decides: this is a weights file
            self.model.load_weights(str(weights))
            return
        copy = weights.parent / f"{_RESTORING}{os.getpid()}.weights.h5"
        try:
            shutil.copyfile(weights, copy)
            self.model.load_weights(str(copy))
        finally:
            copy.unlink(missing_ok=True)

    def _go_on_from(self, written: dict) -> None:
        if int(written["epoch"]):
            self.model._initial_epoch = int(written["epoch"])
        if isinstance(written.get("place"), dict):
            place = Place(**written["place"])
            place.ask_for(self.model)
            self._start = place.step - 1


def _read(record: Path) -> dict:
    """Return the record of a backup, an empty dict if it is missing or incomplete."""
    try:
        written = json.loads(record.read_text())
    except (OSError, ValueError):
        return {}
    return written if isinstance(written, dict) and isinstance(written.get("epoch"), int) else {}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _keep_as(path: Path, other: Path) -> None:
    """Give a file a second name and replace a file of that name. The first name stays valid throughout."""
    if not path.exists():
        return
    link = other.parent / f".{other.name}{UNFINISHED}"
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, link)
    link.replace(other)
