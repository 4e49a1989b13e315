"""What a fit leaves behind when it ends badly, so that it can be looked into: no copy for each step, one an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.training.history import History
from kernelkit.training.state import TrainState

if TYPE_CHECKING:
    from kernelkit.training.session import Training

LARGEST = 256 * 2**20
"""States of more bytes are not kept."""


class LastFit:
    """Where a fit was when it ended.

    Attributes:
        feed: Where its batches came from.
        history: What it reported.
        epoch: Number of the epoch that went wrong.
        begin: Steps done before that epoch.
        steps: Steps done in it.
        state: The state with which the epoch began, ``None`` if it was too large to be kept.
        chunk: The batches last sent to the device.
        error: What ended it, if anything did.
    """

    def __init__(self, feed: Feed, history: History) -> None:
        self.feed = feed
        self.history = history
        self.epoch = self.begin = self.steps = 0
        self.state: TrainState | None = None
        self.chunk: Chunk | None = None
        self.error: BaseException | None = None
        self._is_spoilt = False

    def epoch_begins(self, training: Training, epoch: int, done: int, logs: dict) -> None:
        """Keep the state, by reference: the first step of the epoch then works on a copy.

        Args:
            training: The training.
            epoch: Number of the epoch.
            done: Steps done so far.
            logs: Those of the epoch before.
        """
        self._is_spoilt = self._is_spoilt or not is_finite(logs)
        if self._is_spoilt:
            return
        variables = training.variables("train")
        self.epoch, self.begin, self.steps, self.state = epoch, done, 0, None
        if sum(v.nbytes for group in variables.peek() for v in group) <= LARGEST:
            self.state = TrainState(*(tuple(v.value for v in group) for group in variables))

    def did(self, steps: int) -> None:
        """Note how many steps of the epoch are done."""
        if not self._is_spoilt:
            self.steps = steps

    def ended_well(self, error: BaseException | None, logs: dict) -> bool:
        """Note how it ended; return whether there is nothing to look into."""
        self.error = error
        return error is None and is_finite(logs) and not self._is_spoilt


def is_finite(logs: dict) -> bool:
    """Return whether the loss, if there is one, is a number."""
    return bool(np.all(np.isfinite(logs.get("loss", 0.0))))
