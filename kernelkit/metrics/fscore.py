"""F-scores: precision and recall in one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.losses.reduction import align_weights
from kernelkit.losses.shapes import fit_same
from kernelkit.metrics.confusion import divide
from kernelkit.metrics.metric import Metric
from kernelkit.typing import DType, Tensor

AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall of each class.

    Args:
        average: ``None`` (a score for each class), ``"micro"`` (all classes counted together), ``"macro"`` (mean of the
            classes' scores) or ``"weighted"`` (mean weighted by the number of labels).
        beta: Weight of recall relative to precision.
        threshold: A prediction above it is positive; for ``None``, the largest prediction of a sample is positive.
        name, dtype: As in :class:`Metric`.

    Raises:
        ValueError: If an argument has another value.

    Example:
        >>> metric = FBetaScore(beta=2.0, average="macro")
        >>> round(float(metric([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])), 4)
        0.6944
    """

    direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in AVERAGES:
            allowed = ", ".join(map(repr, AVERAGES))
            raise ValueError(
                f"Invalid `average` argument value. Expected one of: {{{allowed}}}. Received: average={average}"
            )
        _check_number("beta", beta, "be > 0", lambda v: v > 0)
        if threshold is not None:
            _check_number("threshold", threshold, "verify 0 < threshold <= 1", lambda v: 0 < v <= 1)
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, classes: int) -> None:
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_variable(shape, "zeros", name="true_positives")
        self.false_positives = self.add_variable(shape, "zeros", name="false_positives")
        self.false_negatives = self.add_variable(shape, "zeros", name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, "zeros", name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Labels 0 or 1 (batch, classes).
            y_pred: Probabilities (batch, classes).
            sample_weight: A number, or an array (batch,).
        """
        y_true, y_pred = fit_same(f"metrics.{type(self).__name__}", y_true, y_pred)
        if y_pred.ndim != 2:
            raise ValueError(
                f"metrics.{type(self).__name__} takes labels and predictions (batch, classes), got {y_pred.shape}. "
                "Reshape both to two axes."
            )
        if not self._built:
            self._build(y_pred.shape[-1])
        if self.threshold is None:
            # A row of zeros has no positive prediction.
            largest = jnp.max(y_pred, axis=-1, keepdims=True)
            # XLA may compute y_pred twice, and round it differently: then nothing equals the maximum.
            first = jnp.argmax(y_pred, axis=-1)[:, None] == jnp.arange(y_pred.shape[-1])
            chosen = ((y_pred >= largest) | first) & (jnp.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        predicted, y_true = chosen.astype(self.dtype), y_true.astype(self.dtype)
        weight: Tensor = 1.0
        if sample_weight is not None:
            weight = align_weights(sample_weight, y_pred.shape).astype(self.dtype)
        axis = None if self.average == "micro" else 0
        self.true_positives.assign_add(jnp.sum(weight * predicted * y_true, axis=axis))
        self.false_positives.assign_add(jnp.sum(weight * predicted * (1.0 - y_true), axis=axis))
        self.false_negatives.assign_add(jnp.sum(weight * (1.0 - predicted) * y_true, axis=axis))
        self.intermediate_weights.assign_add(jnp.sum(weight * y_true, axis=axis))

    def result(self) -> jax.Array:
        if not self._built:
            return jnp.zeros((), self.dtype)
        hits = self.true_positives.value
        precision = divide(hits, hits + self.false_positives.value)
        recall = divide(hits, hits + self.false_negatives.value)
        square = self.beta**2
        scores = (1.0 + square) * precision * recall / (square * precision + recall + config.epsilon())
        if self.average == "weighted":
            labels = self.intermediate_weights.value
            return jnp.sum(scores * divide(labels, jnp.sum(labels)))
        return jnp.mean(scores) if self.average is not None else scores


def _check_number(name: str, value: Any, rule: str, holds: Callable[[float], bool]) -> None:
    if not isinstance(value, float):
        raise ValueError(
            f"Invalid `{name}` argument value. It should be a Python float. Received: {name}={value} of type "
            f"'{type(value)}'"
        )
    if not holds(value):
        raise ValueError(f"Invalid `{name}` argument value. It should {rule}. Received: {name}={value}")


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall of each class.

    Args:
        average, threshold: As in :class:`FBetaScore`.
        name, dtype: As in :class:`Metric`.

    Example:
        >>> metric = F1Score()
        >>> [round(float(v), 4) for v in metric([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])]
        [0.6667, 0.6667]
    """

    def __init__(
        self, average: str | None = None, threshold: float | None = None, name: str = "f1_score", dtype: DType = None
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)
