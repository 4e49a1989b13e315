"""`Validation`: the passes over the validation data of a `fit`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from kernelkit import interrupts
from kernelkit.feeds.arrays import ArrayFeed
from kernelkit.feeds.feed import Feed
from kernelkit.training import passes
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.compile_ahead import Job, jobs_of
from kernelkit.training.display import Run
from kernelkit.training.training import Training


@dataclasses.dataclass
class Validation:
    """The validation of a `fit`.

    Attributes:
        training: The model's training.
        feed: The validation data.
        run: The run of the fit.
        callbacks: The callbacks of the fit.
        is_due: Whether to validate after an epoch. Its number counts from 1.
    """

    training: Training
    feed: Feed
    run: Run
    callbacks: CallbackList
    is_due: Callable[[int], bool]

    def __call__(self, epoch: int, done: int, tell: Callable[[int, int | None], None]) -> dict:
        """Validate after an epoch and return the logs, named ``val_...``; no logs if it is not due.

        Args:
            epoch: Number of the epoch, from 0.
            done: Number of steps that the run has done.
            tell: Called with the steps of validation done, and their number if it is known.
        """
        if not self.is_due(epoch + 1):
            return {}
        self.training.prepare("test", sample_of(self.feed))
        logs = passes.evaluate(self.training, self.training.spread(self.feed), self.callbacks, self.run, done, tell)
        self.feed.epoch_end()
        if self.run.stopping:  # it covers only part of the data, so it cannot be compared with other epochs
            return {}
        return {f"val_{name}": value for name, value in logs.items()}

    def ahead(self, epoch: int) -> list[Job]:
        """Trace the programs of the validation after an epoch, and return what compiles them."""
        if not isinstance(self.feed, ArrayFeed) or not self.is_due(epoch + 1):
            return []
        if not self.training.traces_early("test"):
            return []
        self.training.prepare("test", self.feed.sample())
        return jobs_of(self.training, "test", self.feed.kinds_of_chunks())


def sample_of(feed: Feed, epoch: int = 0) -> Any:
    """Return a batch of a feed. This may run code of the user."""
    with interrupts.user_code():
        return feed.sample(epoch)
