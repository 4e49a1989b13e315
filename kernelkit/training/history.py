"""`History`: what a training went through, by epoch and by batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.training.callback import Callback

__all__ = ["History"]

_KEPT_ON_DEVICE = 64


class History(Callback):
    """The record that `fit` returns, kept as ``model.history`` however training ends.

    Attributes:
        epoch: Numbers of the epochs that ended.
        history: Dict from name to a list with one value for each of them, ``val_...`` included.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(kk.ops.ones((8, 2)), kk.ops.ones((8, 1)), epochs=3, verbose=0)
        >>> history.epoch, len(history.history["loss"])
        ([0, 1, 2], 3)
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list] = {}
        self._blocks: list[Any] = []
        self._batches: dict[str, list[np.ndarray]] = {}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def record(self, block: Any) -> None:
        """Keep a dispatch's logs. Older ones, which the device has finished, are copied and let go."""
        self._blocks.append((block.count, block.logs))
        if len(self._blocks) > _KEPT_ON_DEVICE:
            self._copy(len(self._blocks) - 2)

    def _copy(self, count: int) -> None:
        done, self._blocks = self._blocks[:count], self._blocks[count:]
        for steps, logs in done:
            for name, values in logs.items():
                if values.ndim == 1:
                    self._batches.setdefault(name, []).append(np.array(np.asarray(values)[:steps], "float32"))

    @property
    def batches(self) -> dict[str, np.ndarray]:
        """Each scalar's running mean after each batch, as float32 arrays over all batches so far.

        The means begin anew in each epoch, as progress displays show them.
        """
        self._copy(len(self._blocks))
        self._batches = {name: [np.concatenate(rows)] for name, rows in self._batches.items()}
        return {name: rows[0] for name, rows in self._batches.items()}
