"""Area under a curve: how well predictions rank positives above negatives, whatever the threshold."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.metrics.confusion import Confusion, count_ranked, divide, even_thresholds, prepare
from kernelkit.metrics.metric import Metric
from kernelkit.typing import DType, Tensor
from kernelkit.variable import Variable

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS = ("interpolation", "minoring", "majoring")


def area(counts: Confusion, curve: str = "ROC", summation_method: str = "interpolation") -> jax.Array:
    """Return the area under a curve given counts at ascending thresholds.

    Args:
        counts: Counts (thresholds,) or (thresholds, labels).
        curve: ``"ROC"``, ``"PR"`` or ``"PRGAIN"``.
        summation_method: ``"interpolation"``, or a lower (``"minoring"``) or upper (``"majoring"``) sum.

    Returns:
        A scalar, or floats (labels,).

    Source: Davis and Goadrich, 2006, The relationship between precision-recall and ROC curves (interpolation of PR);
        Flach and Kull, 2015, Precision-recall-gain curves.

    Example:
        >>> import jax.numpy as jnp
        >>> tp, fp = jnp.array([2.0, 1.0, 0.0]), jnp.array([2.0, 1.0, 0.0])
        >>> float(area(Confusion(tp, fp, 2.0 - fp, 2.0 - tp)))
        0.5
    """
    tp, fp, tn, fn = counts
    if curve == "PR" and summation_method == "interpolation":
        return _interpolated_pr(tp, fp, fn)
    recall = divide(tp, tp + fn)
    if curve == "ROC":
        x, y = divide(fp, fp + tn), recall
    elif curve == "PR":
        x, y = recall, divide(tp, tp + fp)
    else:
        x, y = jnp.where(tp > 0, jnp.maximum(_gain(fn, counts), 0), 0), _gain(fp, counts)
    heights = {"interpolation": (y[:-1] + y[1:]) / 2.0, "minoring": jnp.minimum(y[:-1], y[1:])}
    height = heights.get(summation_method, jnp.maximum(y[:-1], y[1:]))
    return jnp.sum((x[:-1] - x[1:]) * height, axis=0)


def _gain(errors: jax.Array, counts: Confusion) -> jax.Array:
    """Return the gain of precision or recall over always predicting the positive class.

    With false positives as errors it is the gain of precision, with false negatives the gain of recall.
    """
    tp, fp, tn, fn = counts
    return 1.0 - divide(errors * (tp + fn), tp * (fp + tn))


def _interpolated_pr(tp: jax.Array, fp: jax.Array, fn: jax.Array) -> jax.Array:
    # Between two thresholds, true positives grow linearly with all positives: tp = slope * p + offset. The area under
    # precision tp / p is then slope * (change of tp + offset * log(change of p)), divided by the number of positives.
    p = tp + fp
    change = tp[:-1] - tp[1:]
    slope = divide(change, jnp.maximum(p[:-1] - p[1:], 0))
    offset = tp[1:] - slope * p[1:]
    both = (p[:-1] > 0) & (p[1:] > 0)
    ratio = jnp.where(both, p[:-1] / jnp.where(both, p[1:], 1), 1)
    return jnp.sum(divide(slope * (change + offset * jnp.log(ratio)), tp[1:] + fn[1:]), axis=0)


class AUC(Metric):
    """Area under the ROC curve or the precision-recall curve, approximated at a number of thresholds.

    Args:
        num_thresholds: Number of thresholds, evenly spaced in [0, 1].
        curve: ``"ROC"`` (true over false positive rate), ``"PR"`` (precision over recall) or ``"PRGAIN"`` (gains
            of both over always predicting the positive class).
        summation_method: ``"interpolation"``, ``"minoring"`` or ``"majoring"``.
        name, dtype: As in :class:`Metric`.
        thresholds: Thresholds in [0, 1] instead of ``num_thresholds``.
        multi_label: Whether an area is computed for each label (last axis) and averaged.
        num_labels: Number of labels, so that variables are made at once; only with ``multi_label``.
        label_weights: Weights of the labels: of their areas with ``multi_label``, otherwise of their predictions.
        from_logits: Whether predictions are logits.

    Raises:
        ValueError: If an argument has another value.

    Example:
        >>> float(AUC()([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9]))
        0.75
    """

    direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: DType = None,
        thresholds: Tensor = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if str(curve).upper() not in CURVES:
            raise ValueError(f'Invalid AUC curve value: "{curve}". Expected one of {CURVES}.')
        if str(summation_method).lower() not in SUMMATIONS:
            raise ValueError(f'Invalid AUC summation method value: "{summation_method}". Expected one of {SUMMATIONS}.')
        if num_labels is not None and not multi_label:
            raise ValueError("num_labels is only for multi_label=True.")
        self.curve = str(curve).upper()
        self.summation_method = str(summation_method).lower()
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        self._evenly = thresholds is None
        if thresholds is None:
            if num_thresholds <= 1:
                raise ValueError(f"Argument `num_thresholds` must be an integer > 1, got {num_thresholds}.")
            self._thresholds = even_thresholds(num_thresholds, config.epsilon())
        else:
            self._thresholds = [-config.epsilon(), *sorted(float(t) for t in thresholds), 1.0 + config.epsilon()]
        self.num_thresholds = len(self._thresholds)
        self._counts: tuple[Variable, ...] = ()  # made when the number of labels is known
        if not multi_label or num_labels is not None:
            self._build(num_labels)

    @property
    def thresholds(self) -> list[float]:
        """The thresholds; the first and the last lie just outside [0, 1]."""
        return list(self._thresholds)

    def _build(self, labels: int | None) -> None:
        shape = (self.num_thresholds,) if labels is None else (self.num_thresholds, labels)
        self._counts = tuple(self.add_variable(shape, "zeros", name=entry) for entry in Confusion._fields)
        self.true_positives, self.false_positives, self.true_negatives, self.false_negatives = self._counts

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Labels 0 or 1, (batch, ...); (batch, labels) with ``multi_label``.
            y_pred: Probabilities (or logits) of the same shape.
            sample_weight: A number, or an array (batch, ...).
        """
        samples = prepare("metrics.AUC", y_true, y_pred, sample_weight)
        if self.from_logits:
            samples = samples._replace(y_pred=jax.nn.sigmoid(samples.y_pred))
        if self.multi_label and samples.y_pred.ndim != 2:
            raise ValueError(
                "metrics.AUC(multi_label=True) takes labels and predictions (batch, labels), got "
                f"{samples.y_pred.shape}."
            )
        if not self._counts:
            self._build(samples.y_pred.shape[-1])
        if self.label_weights is not None and not self.multi_label:
            weights = jnp.asarray(self.label_weights, samples.y_pred.dtype)
            samples = samples._replace(positive=samples.positive * weights, negative=samples.negative * weights)
        counts = count_ranked(samples, self._thresholds, self._evenly, per_label=self.multi_label)
        for variable, count in zip(self._counts, counts, strict=True):
            variable.assign_add(count)

    def result(self) -> jax.Array:
        if not self._counts:
            return jnp.zeros((), self.dtype)
        areas = area(Confusion(*(v.value for v in self._counts)), self.curve, self.summation_method)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return jnp.mean(areas)
        weights = jnp.asarray(self.label_weights, areas.dtype)
        return divide(jnp.sum(areas * weights), jnp.sum(weights))

    def get_config(self) -> dict:
        """Return the arguments that make an equal metric, as plain JSON values."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self.from_logits,
            **({} if self._evenly else {"thresholds": self._thresholds[1:-1]}),
        }
