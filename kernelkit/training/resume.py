"""`Place`: the exact batch at which an interrupted fit goes on, with the same results bit for bit.

A backup stores the weights and the optimizer's state. This file has the other values that later steps depend on.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.feeds.streams import StreamFeed


class Place(NamedTuple):
    """A place between two batches of a fit.

    Attributes:
        epoch: Number of the epoch, from 0.
        step: Number of steps done in the epoch.
        seed: Seed of the sample order.
        metrics: Values of the metric variables, as nested lists.
    """

    epoch: int
    step: int
    seed: int
    metrics: list

    @classmethod
    def of(cls, model: Any, epoch: int, step: int) -> Place | None:
        """Return the current place of a model's running fit, ``None`` if the model is not a kernelkit model."""
        training = getattr(model, "_training", None)
        feed = getattr(training, "feed", None)
        if training is None or feed is None:
            return None
        metrics = [v.numpy().tolist() for v in training.variables("train").metrics] if step else []
        return cls(epoch, step, feed.seed, metrics)

    def ask_for(self, model: Any) -> None:
        """Make the fit that begins now start from this place."""
        model._training.resume = self

    def restore_metrics(self, variables: Any) -> None:
        """Set the metrics to their values at this place."""
        if len(self.metrics) == len(variables):
            for variable, value in zip(variables, self.metrics, strict=True):
                variable.assign(np.array(value, variable.dtype))

    def feed(self, feed: Feed) -> Feed:
        """Return a feed with the sample orders of the interrupted fit."""
        if feed.seed == self.seed:
            return feed
        feed.seed = self.seed
        return feed.anew() if isinstance(feed, StreamFeed) and feed.rereads else feed

    def chunks(self, feed: Feed) -> Generator[Chunk, None, None]:
        """Yield the rest of the epoch. A generator restarts, so it is read up to this place first."""
        if not isinstance(feed, StreamFeed):
            return feed.epoch(self.epoch, self.step)
        before = 0 if feed.rereads else self.epoch * (feed.steps or 0)
        for number in range(self.epoch if before else 0):
            with contextlib.closing(feed.epoch(number)) as passed:
                for _ in passed:
                    pass
        return _after(feed.epoch(self.epoch), self.step)


def _after(chunks: Generator[Chunk, None, None], count: int) -> Generator[Chunk, None, None]:
    with contextlib.closing(chunks):
        yield from itertools.islice(chunks, count, None)
