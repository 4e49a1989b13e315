"""True and false positives and negatives, precision and recall."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.metrics.confusion import Confusion, check_thresholds, count_above, divide, prepare
from kernelkit.metrics.metric import Metric
from kernelkit.typing import DType, Tensor


class _Count(Metric):
    """Base of metrics that sum one entry of the confusion matrix."""

    _entry = ""

    def __init__(self, thresholds: Tensor = None, name: str | None = None, dtype: DType = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.thresholds = thresholds
        self._thresholds = check_thresholds(thresholds)
        self.accumulator = self.add_variable((len(self._thresholds),), "zeros", name="accumulator")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Labels 0 or 1, (batch, ...).
            y_pred: Probabilities of the same shape.
            sample_weight: A number, or an array (batch, ...).
        """
        samples = prepare(f"metrics.{type(self).__name__}", y_true, y_pred, sample_weight)
        counts = count_above(samples, jnp.asarray(self._thresholds, samples.y_pred.dtype))
        self.accumulator.assign_add(getattr(counts, self._entry))

    def result(self) -> jax.Array:
        value = self.accumulator.value
        return value[0] if len(self._thresholds) == 1 else value


class TruePositives(_Count):
    """Number of positive labels that are predicted as positive.

    Args:
        thresholds: A prediction above it is positive: a number (0.5 by default), or several for several results.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> float(TruePositives()([0, 1, 1], [0.8, 0.4, 0.9]))
        1.0
    """

    direction = "up"

    _entry = "true_positives"


class FalsePositives(_Count):
    """Number of negative labels that are predicted as positive. Arguments as :class:`TruePositives`.

    Example:
        >>> float(FalsePositives()([0, 1, 1], [0.8, 0.4, 0.9]))
        1.0
    """

    direction = "down"

    _entry = "false_positives"


class TrueNegatives(_Count):
    """Number of negative labels that are predicted as negative. Arguments as :class:`TruePositives`.

    Example:
        >>> float(TrueNegatives()([0, 1, 1], [0.3, 0.4, 0.9]))
        1.0
    """

    direction = "up"

    _entry = "true_negatives"


class FalseNegatives(_Count):
    """Number of positive labels that are predicted as negative. Arguments as :class:`TruePositives`.

    Example:
        >>> float(FalseNegatives()([0, 1, 1], [0.8, 0.4, 0.9]))
        1.0
    """

    direction = "down"

    _entry = "false_negatives"


class _Share(Metric):
    """Base of precision and recall: true positives, divided by true positives plus one other count."""

    direction = "up"

    _other = ""

    def __init__(
        self,
        thresholds: Tensor = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        self._thresholds = check_thresholds(thresholds, 0.5 if top_k is None else -1e10)
        shape = (len(self._thresholds),)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self._others = self.add_variable(shape, "zeros", name=self._other)

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Labels 0 or 1, (batch, ...).
            y_pred: Probabilities of the same shape.
            sample_weight: A number, or an array (batch, ...).
        """
        name = f"metrics.{type(self).__name__}"
        samples = prepare(name, y_true, y_pred, sample_weight, self.top_k, self.class_id)
        counts: Confusion = count_above(samples, jnp.asarray(self._thresholds, samples.y_pred.dtype))
        self.true_positives.assign_add(counts.true_positives)
        self._others.assign_add(getattr(counts, self._other))

    def result(self) -> jax.Array:
        hits = self.true_positives.value
        value = divide(hits, hits + self._others.value)
        return value[0] if len(self._thresholds) == 1 else value


class Precision(_Share):
    """Share of positive predictions that are right.

    Args:
        thresholds: A prediction above it is positive: a number (0.5 by default), or several for several results.
        top_k: Only the ``top_k`` largest predictions of a sample count as positive.
        class_id: Only this class counts.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> float(Precision()([0, 1, 1], [0.8, 0.4, 0.9]))
        0.5
    """

    _other = "false_positives"

    @property
    def false_positives(self) -> Tensor:
        """The variable that holds the sums of false positives."""
        return self._others


class Recall(_Share):
    """Share of positive labels that are found. Arguments as :class:`Precision`.

    Example:
        >>> float(Recall()([1, 1, 1, 0], [0.8, 0.4, 0.9, 0.1])) > 0.66
        True
    """

    _other = "false_negatives"

    @property
    def false_negatives(self) -> Tensor:
        """The variable that holds the sums of false negatives."""
        return self._others
