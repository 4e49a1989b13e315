"""`TensorBoard`: write metrics, weights and profiles for TensorBoard."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from kernelkit.callbacks.event_files import EventWriter
from kernelkit.training.callback import Callback, was_cut_short


class TensorBoard(Callback):
    """Write metrics, weights and profiles for TensorBoard. View them with ``tensorboard --logdir logs``.

    Needs the package `tensorboard`, but not TensorFlow. Batch hooks are called only if ``update_freq`` or
    ``profile_batch`` needs them. With ``update_freq`` steps stay fused.

    Args:
        log_dir: Directory. Training logs go to its subdirectory ``train``, validation logs to ``validation``.
        histogram_freq: Number of epochs between two histograms of the weights, 0 for none.
        write_graph: Ignored, for compatibility with Keras; see :func:`kernelkit.utils.plot_model`.
        write_images: Whether to write weights as pictures, together with the histograms.
        write_steps_per_second: Whether to write the speed.
        update_freq: ``"epoch"``, ``"batch"``, or the number of batches between two writes of the metrics.
        profile_batch: Number of a batch, or ``(first, last)``, for the profiler of jax. Counts from 1, 0 for none.
        embeddings_freq: Number of epochs between two writes of embedding tables for the projector, 0 for none.
        embeddings_metadata: Path of a file with a line for each row, or a dict from layer names to paths.

    Raises:
        ImportError: When training begins, if `tensorboard` is not installed.

    Example:
        >>> import kernelkit as kk
        >>> board = kk.callbacks.TensorBoard("logs", histogram_freq=1)
    """

    first_process_only = True

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | dict | None = None,
    ) -> None:
        super().__init__()
        if update_freq not in ("epoch", "batch") and (not isinstance(update_freq, int) or update_freq < 1):
            raise ValueError(f"TensorBoard: update_freq must be 'epoch', 'batch' or an int, got {update_freq!r}.")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq: Any = 1 if update_freq == "batch" else update_freq
        self.profile_batch = profile_batch
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._profiled = _range(profile_batch)
        self._profiling = False
        self._writers: dict[str, EventWriter] = {}
        self._fitting = False
        # A profile must cover exactly the requested batches, so steps are not fused.
        self.batch_hooks = "model" if self._profiled else "logs"

    @property
    def active_hooks(self) -> tuple | None:
        """The hooks that training calls: no batch hooks if no data are written per batch."""
        return () if self.update_freq == "epoch" and not self._profiled and type(self) is TensorBoard else None

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._writer("train")
        self._fitting = True
        self._batches = 0
        self._last_write = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._start, self._first_step = time.perf_counter(), self._step()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        if self._profiled is not None and self._batches + 1 == self._profiled[0]:
            jax.profiler.start_trace(self.log_dir)
            self._profiling = True

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        self._batches += 1
        if self._profiled is not None and self._batches == self._profiled[1]:
            self._stop_profile()
        if self.update_freq == "epoch" or self._batches % self.update_freq:
            return
        writer = self._writer("train")
        for name, value in _scalars(logs):
            writer.scalar(f"batch_{name}", value, self._batches)
        if self.write_steps_per_second:
            now = time.perf_counter()
            speed = self.update_freq / max(now - self._last_write, 1e-9)
            writer.scalar("batch_steps_per_second", speed, self._batches)
            self._last_write = now

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if was_cut_short(self):
            return
        train = self._writer("train")
        for name, value in _scalars(logs):
            if name.startswith("val_"):
                self._writer("validation").scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
            else:
                train.scalar(f"epoch_{name}", value, epoch)
        if "learning_rate" not in (logs or {}) and hasattr(self.model.optimizer, "learning_rate"):
            train.scalar("epoch_learning_rate", float(np.asarray(self.model.optimizer.learning_rate)), epoch)
        if self.write_steps_per_second:
            speed = (self._step() - self._first_step) / max(time.perf_counter() - self._start, 1e-9)
            train.scalar("epoch_steps_per_second", speed, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(train, epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: dict | None = None) -> None:
        if self.model.optimizer is not None and not was_cut_short(self):
            for name, value in _scalars(logs):
                self._writer("validation").scalar(f"evaluation_{name}_vs_iterations", value, self._step())
        if not self._fitting:
            self._close()

    def on_train_end(self, logs: dict | None = None) -> None:
        self._stop_profile()
        self._fitting = False
        self._close()

    def _step(self) -> int:
        return int(self.model.optimizer.iterations) if self.model.optimizer is not None else 0

    def _writer(self, name: str) -> EventWriter:
        if name not in self._writers:
            self._writers[name] = EventWriter(Path(self.log_dir) / name)
        return self._writers[name]

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _stop_profile(self) -> None:
        if self._profiling:
            self._profiling = False
            jax.profiler.stop_trace()

    def _write_weights(self, writer: EventWriter, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                writer.histogram(f"{weight.path}/histogram", weight.numpy(), epoch)
                picture = _as_picture(weight.numpy()) if self.write_images else None
                if picture is not None:
                    writer.image(f"{weight.path}/image", picture, epoch)

    def _write_embeddings(self) -> None:
        folder = Path(self.log_dir) / "train"
        entries = []
        for layer in self.model.layers:
            table = getattr(layer, "embeddings", None)
            if table is None:
                continue
            np.savetxt(folder / f"{layer.name}_embedding.tsv", table.numpy(), delimiter="\t")
            entry = f'embeddings {{\n  tensor_name: "{layer.name}"\n  tensor_path: "{layer.name}_embedding.tsv"\n'
            if metadata := _metadata_of(layer.name, self.embeddings_metadata):
                entry += f'  metadata_path: "{Path(metadata).absolute().as_posix()}"\n'
            entries.append(entry + "}\n")
        (folder / "projector_config.pbtxt").write_text("".join(entries))


def _metadata_of(name: str, metadata: str | dict | None) -> str | None:
    return metadata.get(name) if isinstance(metadata, dict) else metadata


def _range(profile_batch: Any) -> tuple[int, int] | None:
    first, last = profile_batch if isinstance(profile_batch, (tuple, list)) else (profile_batch, profile_batch)
    if first < 0 or last < first:
        raise ValueError(
            f"TensorBoard: profile_batch must be the number of a batch or (first, last), got {profile_batch!r}."
        )
    return (int(first), int(last)) if last else None


def _scalars(logs: dict | None) -> list[tuple[str, float]]:
    return [(name, value) for name, value in (logs or {}).items() if np.ndim(value) == 0]


def _as_picture(weight: np.ndarray) -> np.ndarray | None:
    """Return a weight as rows of pixels with filters side by side, ``None`` for scalars."""
    if weight.ndim == 0:
        return None
    return weight.reshape(1, -1) if weight.ndim == 1 else weight.reshape(weight.shape[0], -1)
