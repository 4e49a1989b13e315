"""Where a fit is, and where one that was cut off goes on: at the very batch, with the same numbers to the bit.

Weights and the optimizer's state are a backup's own business. Here is the rest of what the steps to come depend on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.feeds.streams import StreamFeed


class Place(NamedTuple):
    """A place between two batches of a fit.

    Attributes:
        epoch: Number of the epoch, from 0.
        step: Steps of the epoch that are done.
        seed: Seed of the order of the samples.
        metrics: Values of the metrics' variables, as nested lists.
    """

    epoch: int
    step: int
    seed: int
    metrics: list

    @classmethod
    def of(cls, model: Any, epoch: int, step: int) -> Place | None:
        """Return a place of the fit of a model that is under way, ``None`` for what is no model of kernelkit."""
        training = getattr(model, "_training", None)
        feed = getattr(training, "feed", None)
        if training is None or feed is None:
            return None
        metrics = [v.numpy().tolist() for v in training.variables("train").metrics] if step else []
        return cls(epoch, step, feed.seed, metrics)

    def ask_for(self, model: Any) -> None:
        """Let the fit of a model that begins now go on from here."""
        model._training.resume = self

    def restore_metrics(self, variables: Any) -> None:
        """Give the metrics the values that they had here."""
        if len(self.metrics) == len(variables):
            for variable, value in zip(variables, self.metrics, strict=True):
                variable.assign(np.array(value, variable.dtype))

    def feed(self, feed: Feed) -> Feed:
        """Return a feed whose epochs have the orders that they had here."""
        if feed.seed == self.seed:
            return feed
        feed.seed = self.seed
        return feed.anew() if isinstance(feed, StreamFeed) and feed.rereads else feed

    def chunks(self, feed: Feed) -> Iterator[Chunk]:
        """Yield what is left of the epoch. A generator, which begins anew, is read up to here first."""
        if not isinstance(feed, StreamFeed):
            return feed.epoch(self.epoch, self.step)
        before = 0 if feed.rereads else self.epoch * (feed.steps or 0)
        for number in range(self.epoch if before else 0):
            for _ in feed.epoch(number):
                pass
        return itertools.islice(feed.epoch(self.epoch), self.step, None)
