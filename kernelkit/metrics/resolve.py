"""The metrics that ``"accuracy"`` and ``"crossentropy"`` mean for given shapes."""

from __future__ import annotations

from typing import Any

from kernelkit import losses
from kernelkit.metrics.accuracy import BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy
from kernelkit.metrics.metric import Metric
from kernelkit.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)

_FAMILIES = {
    "accuracy": (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy),
    "crossentropy": (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy),
}
_FAMILIES |= {"acc": _FAMILIES["accuracy"], "ce": _FAMILIES["crossentropy"]}


def resolve_accuracy(
    y_true_shape: Any, y_pred_shape: Any, kind: str = "accuracy", loss: Any = None
) -> type[Metric] | Metric:
    """Return the metric for a name and the shapes of labels and predictions.

    Args:
        y_true_shape: Shape of the labels, the batch axis included.
        y_pred_shape: Shape of the predictions.
        kind: ``"accuracy"`` or ``"crossentropy"``, also ``"acc"`` and ``"ce"``, in any case.
        loss: The loss of the same output, or ``None``: if it takes logits, so does the cross-entropy.

    Returns:
        The class; an instance for a cross-entropy of logits.

    Raises:
        ValueError: If ``kind`` has another value.

    Example:
        >>> resolve_accuracy((32,), (32, 10)).__name__
        'SparseCategoricalAccuracy'
    """
    family = _FAMILIES.get(kind.lower().removeprefix("weighted_"))
    if family is None:
        raise ValueError(f"kind must be one of {tuple(_FAMILIES)}, got {kind!r}.")
    binary, sparse, categorical = family
    if y_pred_shape[-1] == 1:
        found: Any = binary
    elif len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        found = sparse
    else:
        found = categorical
    if family is _FAMILIES["crossentropy"] and isinstance(loss, losses.Loss) and getattr(loss, "from_logits", False):
        return found(from_logits=True)
    return found
