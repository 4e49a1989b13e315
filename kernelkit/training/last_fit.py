"""`LastFit`: the state of a failed `fit`, for `model.debug_last()`. It keeps one state per epoch, none per step."""

from __future__ import annotations

import numpy as np

from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.training.history import History
from kernelkit.training.state import Doors, TrainState

LARGEST = 256 * 2**20
"""Maximum size in bytes of a state that is kept."""


class LastFit:
    """The position and state of a fit when it ended.

    Attributes:
        feed: The source of its batches.
        history: The history of the fit.
        epoch: Number of the last epoch, or of the one whose loss became NaN.
        begin: Steps done before that epoch.
        steps: Steps done in that epoch.
        state: The state at the start of the epoch, ``None`` if it was too large to keep.
        chunk: The last batches sent to the device.
        error: The error that ended the fit, ``None`` if there was none.
    """

    def __init__(self, feed: Feed, history: History) -> None:
        self.feed = feed
        self.history = history
        self.epoch = self.begin = self.steps = 0
        self.state: TrainState | None = None
        self.chunk: Chunk | None = None
        self.error: BaseException | None = None
        self._is_spoilt = False

    def epoch_begins(self, doors: Doors, epoch: int, done: int, logs: dict) -> None:
        """Keep a reference to the state. The first step of the epoch then works on a copy.

        Args:
            doors: The doors to the variables that are trained.
            epoch: Number of the epoch.
            done: Steps done so far.
            logs: The logs of the epoch before.
        """
        self._is_spoilt = self._is_spoilt or not is_finite(logs)
        if self._is_spoilt:
            return
        self.epoch, self.begin, self.steps, self.state = epoch, done, 0, None
        with doors.reading() as state:
            size = sum(v.nbytes for group in state for v in group)
        if size <= LARGEST:
            self.state = TrainState(*(tuple(v.value for v in group) for group in doors.variables))

    def did(self, steps: int) -> None:
        """Store the number of steps done in the epoch."""
        if not self._is_spoilt:
            self.steps = steps

    def ended_well(self, error: BaseException | None, logs: dict) -> bool:
        """Store how the fit ended. Return whether it ended without error, interrupt or NaN."""
        self.error = error
        return error is None and is_finite(logs) and not self._is_spoilt


def is_finite(logs: dict) -> bool:
    """Return whether the loss is finite. Logs without a loss count as finite."""
    return bool(np.all(np.isfinite(logs.get("loss", 0.0))))
