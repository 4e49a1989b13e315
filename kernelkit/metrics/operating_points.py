"""The best value of one rate at a required value of another, such as sensitivity at a specificity."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.metrics.confusion import Confusion, count_ranked, divide, even_thresholds, prepare
from kernelkit.metrics.metric import Metric
from kernelkit.typing import DType, Tensor


class _RateAt(Metric):
    """Base: the best value of one rate over the thresholds at which another is at least a given value."""

    direction = "up"

    def __init__(
        self, minimum: float, what: str, num_thresholds: int, class_id: int | None, name: str | None, dtype: DType
    ) -> None:
        if not 0 <= minimum <= 1:
            raise ValueError(f"`{what}` must be in the range [0, 1]. Got {minimum}.")
        if num_thresholds <= 0:
            raise ValueError(f"Argument `num_thresholds` must be an integer > 0, got {num_thresholds}.")
        super().__init__(name=name, dtype=dtype)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self.thresholds = [0.5] if num_thresholds == 1 else even_thresholds(num_thresholds)
        self._minimum = minimum
        self._counts = tuple(self.add_variable((num_thresholds,), "zeros", name=n) for n in Confusion._fields)
        self.true_positives, self.false_positives, self.true_negatives, self.false_negatives = self._counts

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Labels 0 or 1, (batch, ...).
            y_pred: Probabilities of the same shape.
            sample_weight: A number, or an array (batch, ...).
        """
        name = f"metrics.{type(self).__name__}"
        samples = prepare(name, y_true, y_pred, sample_weight, class_id=self.class_id)
        counts = count_ranked(samples, self.thresholds, evenly=self.num_thresholds > 1)
        for variable, count in zip(self._counts, counts, strict=True):
            variable.assign_add(count)

    def result(self) -> jax.Array:
        wanted, constrained = self._rates(Confusion(*(v.value for v in self._counts)))
        return jnp.max(jnp.where(constrained >= self._minimum, wanted, 0.0))

    def _rates(self, counts: Confusion) -> tuple[jax.Array, jax.Array]:
        """Return the rate to maximize and the rate that has a required value."""
        raise NotImplementedError


def sensitivity(counts: Confusion) -> jax.Array:
    """Return the share of positives that are found, which is also called recall."""
    return divide(counts.true_positives, counts.true_positives + counts.false_negatives)


def specificity(counts: Confusion) -> jax.Array:
    """Return the share of negatives that are predicted as negative."""
    return divide(counts.true_negatives, counts.true_negatives + counts.false_positives)


def precision(counts: Confusion) -> jax.Array:
    """Return the share of positive predictions that are right."""
    return divide(counts.true_positives, counts.true_positives + counts.false_positives)


class SensitivityAtSpecificity(_RateAt):
    """The highest sensitivity of the thresholds whose specificity is at least ``specificity``.

    Args:
        specificity: In [0, 1].
        num_thresholds: Number of thresholds to try.
        class_id: Consider only this class.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> float(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(specificity, "specificity", num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def _rates(self, counts: Confusion) -> tuple[jax.Array, jax.Array]:
        return sensitivity(counts), specificity(counts)


class SpecificityAtSensitivity(_RateAt):
    """The highest specificity of the thresholds whose sensitivity is at least ``sensitivity``.

    Args:
        sensitivity: In [0, 1].
        num_thresholds: Number of thresholds to try.
        class_id: Consider only this class.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> float(SpecificityAtSensitivity(0.5)([0, 0, 1, 1], [0.0, 0.3, 0.8, 0.2]))
        1.0
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(sensitivity, "sensitivity", num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def _rates(self, counts: Confusion) -> tuple[jax.Array, jax.Array]:
        return specificity(counts), sensitivity(counts)


class PrecisionAtRecall(_RateAt):
    """The highest precision of the thresholds whose recall is at least ``recall``.

    Args:
        recall: In [0, 1].
        num_thresholds: Number of thresholds to try.
        class_id: Consider only this class.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> float(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(recall, "recall", num_thresholds, class_id, name, dtype)
        self.recall = recall

    def _rates(self, counts: Confusion) -> tuple[jax.Array, jax.Array]:
        return precision(counts), sensitivity(counts)


class RecallAtPrecision(_RateAt):
    """The highest recall of the thresholds whose precision is at least ``precision``; 0 if there is none.

    Args:
        precision: In [0, 1].
        num_thresholds: Number of thresholds to try.
        class_id: Consider only this class.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> float(RecallAtPrecision(0.8)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]))
        0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DType = None,
    ) -> None:
        super().__init__(precision, "precision", num_thresholds, class_id, name, dtype)
        self.precision = precision

    def _rates(self, counts: Confusion) -> tuple[jax.Array, jax.Array]:
        return sensitivity(counts), precision(counts)
