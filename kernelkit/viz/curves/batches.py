"""Compute the values of single batches from the running means that training reports."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kernelkit.metrics import Mean
from kernelkit.models.model import Model

SHARP = 1 << 15
"""Up to this step of an epoch, float32 means give each batch's value with an error of at most 1 % of the mean."""


def means_of(model: Model) -> frozenset[str]:
    """Return the names of a model's logs that are running means over an epoch's batches, with equal weights.

    These are the loss and every `Mean` metric. A model with a custom `train_step` has none, because it may report
    anything.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse", metrics=["mae", kk.metrics.RootMeanSquaredError(), kk.metrics.AUC()])
        >>> _ = model.fit(kk.ops.ones((4, 2)), kk.ops.ones((4, 1)), verbose=0)
        >>> sorted(means_of(model))
        ['loss', 'mae']
    """
    step = getattr(type(model), "train_step", None)
    if step is not None and not step.__module__.startswith("kernelkit."):
        return frozenset()
    found: set[str] = set()
    for metric in getattr(model, "metrics", ()):
        parts = getattr(metric, "metrics", None) or [metric]
        names = getattr(metric, "names", None) or [metric.name]
        found |= {name for name, part in zip(names, parts, strict=False) if type(part).result is Mean.result}
    return frozenset(found)


class BatchValues:
    """Computes batch values from the running means of an epoch, block by block.

    With running means `m[n]` over n batches of one size, the newest batch has the value `n m[n] - (n - 1) m[n - 1]`.
    The means are rounded to 24 bits, so this value has an error of about `n / 2**23` of the mean. If the error would
    be visible, the values are means over the last few batches instead. A smaller last batch has less weight, so its
    value comes out nearer to the mean.

    Args:
        names: Names of the logs that are running means.

    Example:
        >>> values = BatchValues({"loss"})
        >>> values.split(0, {"loss": np.array([4.0, 3.0])})["loss"]
        array([4., 2.])
        >>> values.split(2, {"loss": np.array([3.0])})["loss"]
        array([3.])
    """

    def __init__(self, names: frozenset[str] | set[str]):
        self.names = frozenset(names)
        self._next = 0
        self._sums: dict[str, np.ndarray] = {}  # sums of the last steps, as many as a difference needs

    def split(self, step: int, means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the batch values of a block of steps.

        Args:
            step: The first step's number in its epoch, from 0.
            means: Dict from log name to the running means after each step, arrays `(n,)`. Other logs are unchanged.
        """
        if step == 0 or step != self._next:
            self._sums.clear()
        values = {name: self._one(name, step, m) if name in self.names else m for name, m in means.items()}
        self._next = step + max(map(len, means.values()), default=0)
        return values

    def _one(self, name: str, step: int, means: np.ndarray) -> np.ndarray:
        numbers = np.arange(step + 1, step + 1 + len(means))
        before = self._sums.get(name, np.zeros(1) if step == 0 else np.empty(0))
        sums = np.concatenate([before, means.astype(np.float64) * numbers])
        reach = -(-(step + len(means)) // SHARP)
        self._sums[name] = sums[-(reach + 2) :]
        here = np.arange(len(before), len(sums))
        past = np.maximum(here - reach, 0)
        with np.errstate(invalid="ignore"):
            values = (sums[here] - sums[past]) / np.maximum(here - past, 1)
        if not len(before):  # the steps before were not seen
            values[0] = np.nan
        return values
