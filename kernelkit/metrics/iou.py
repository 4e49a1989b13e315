"""Intersection over union, for segmentation: how well predicted regions cover the labeled regions."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import budget, config
from kernelkit.losses.reduction import align_weights
from kernelkit.metrics.metric import Metric
from kernelkit.tracebacks import users_level
from kernelkit.typing import DType, Tensor


def confusion_matrix(labels: jax.Array, predictions: jax.Array, num_classes: int, weights: jax.Array) -> jax.Array:
    """Return the weighted counts of each predicted class for each label.

    Args:
        labels: Class indices (n,). Indices out of range are not counted.
        predictions: Class indices (n,).
        num_classes: Number of classes.
        weights: Weights (n,).

    Returns:
        Sums (num_classes, num_classes), labels by rows.

    Example:
        >>> import jax.numpy as jnp
        >>> confusion_matrix(jnp.array([0, 1, 1]), jnp.array([0, 1, 0]), 2, jnp.ones(3, int)).tolist()
        [[1, 0], [1, 1]]
    """
    known = (labels >= 0) & (labels < num_classes) & (predictions >= 0) & (predictions < num_classes)
    index = jnp.where(known, labels * num_classes + predictions, 0)
    counts = jnp.zeros(num_classes * num_classes, weights.dtype).at[index].add(jnp.where(known, weights, 0))
    return counts.reshape(num_classes, num_classes)


class _IoUBase(Metric):
    """Base: collects a confusion matrix."""

    direction = "up"

    def __init__(self, num_classes: int, name: str | None, dtype: DType, ignore_class: int | None, axis: int) -> None:
        super().__init__(name=name, dtype=dtype or "int32")
        self.num_classes = num_classes
        self.ignore_class = ignore_class
        self.axis = axis
        shape = (num_classes, num_classes)
        self.total_cm = self.add_variable(shape, "zeros", name="total_confusion_matrix")

    def _count(self, labels: jax.Array, predictions: jax.Array, sample_weight: Tensor) -> None:
        if labels.ndim == predictions.ndim + 1 and labels.shape[-1] == 1:
            labels = labels[..., 0]
        if predictions.ndim == labels.ndim + 1 and predictions.shape[-1] == 1:
            predictions = predictions[..., 0]
        if labels.shape != predictions.shape:
            raise ValueError(
                f"metrics.{type(self).__name__}: labels of shape {labels.shape} don't fit predictions of shape "
                f"{predictions.shape}. For one-hot labels or scores, set sparse_y_true or sparse_y_pred to False."
            )
        weight: Tensor = 1 if sample_weight is None else align_weights(sample_weight, predictions.shape)
        if "int" in self.dtype and jnp.issubdtype(jnp.result_type(weight), jnp.floating):
            warnings.warn(
                f"metrics.{type(self).__name__}: the weights have a float dtype, but counts are {self.dtype}: casting "
                "them to int loses their fractions. Pass dtype='float32'.",
                stacklevel=users_level(),
            )
        weight = jnp.broadcast_to(jnp.asarray(weight).astype(self.dtype), predictions.shape)
        if self.ignore_class is not None:
            weight = jnp.where(labels == self.ignore_class, 0, weight)
        counts = confusion_matrix(labels.ravel(), predictions.ravel(), self.num_classes, weight.ravel())
        self.total_cm.assign_add(counts)

    def _mean(self, ids: Any) -> jax.Array:
        counts = self.total_cm.value.astype(config.floatx())
        right = jnp.diagonal(counts)
        union = (jnp.sum(counts, axis=0) + jnp.sum(counts, axis=1) - right)[jnp.asarray(ids)]
        seen = union > 0
        ratios = jnp.where(seen, right[jnp.asarray(ids)] / jnp.where(seen, union + config.epsilon(), 1), 0)
        return jnp.sum(ratios) / jnp.maximum(jnp.sum(seen), 1)


class IoU(_IoUBase):
    """Mean over chosen classes of the intersection over union, ``tp / (tp + fp + fn)``.

    Args:
        num_classes: Number of classes.
        target_class_ids: The classes that count.
        name: As in :class:`Metric`.
        dtype: Dtype of the counts, ``"int32"`` by default. Weights with fractions need ``"float32"``.
        ignore_class: Label of positions that don't count, such as -1 for "void".
        sparse_y_true: Whether labels are class indices, not one-hot.
        sparse_y_pred: Whether predictions are class indices, not scores.
        axis: Axis of the classes of one-hot labels and scores.

    Raises:
        ValueError: If a target class is out of range.

    Example:
        >>> round(float(IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: DType = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        budget.claim_memory(40 * len(target_class_ids), f"A metric of {num_classes} classes")
        wrong = [i for i in target_class_ids if not 0 <= i < num_classes]
        if wrong:
            raise ValueError(f"target_class_ids must be below num_classes={num_classes}, got {wrong}.")
        super().__init__(num_classes, name, dtype, ignore_class, axis)
        self.target_class_ids = list(target_class_ids)
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Class indices (batch, ...), or one-hot labels.
            y_pred: Class indices (batch, ...), or scores.
            sample_weight: A number, or an array whose axes are the first of the indices' axes.
        """
        labels, predictions = jnp.asarray(y_true), jnp.asarray(y_pred)
        labels = labels if self.sparse_y_true else jnp.argmax(labels, axis=self.axis)
        predictions = predictions if self.sparse_y_pred else jnp.argmax(predictions, axis=self.axis)
        self._count(labels.astype("int32"), predictions.astype("int32"), sample_weight)

    def result(self) -> jax.Array:
        return self._mean(self.target_class_ids)


class BinaryIoU(IoU):
    """Mean intersection over union of foreground and background, from probabilities.

    Args:
        target_class_ids: ``(0, 1)`` for both, or one of them.
        threshold: A probability of at least this is foreground (1).
        name, dtype: As in :class:`IoU`.

    Example:
        >>> round(float(BinaryIoU()([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9])), 4)
        0.3333
    """

    def __init__(
        self, target_class_ids: Any = (0, 1), threshold: float = 0.5, name: str | None = None, dtype: DType = None
    ) -> None:
        super().__init__(2, target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Labels 0 or 1, (batch, ...).
            y_pred: Probabilities (batch, ...).
            sample_weight: A number, or an array whose axes are the first of the labels' axes.
        """
        super().update_state(y_true, jnp.asarray(y_pred) >= self.threshold, sample_weight)


class MeanIoU(IoU):
    """Mean intersection over union of all classes that occurred.

    Args:
        num_classes: Number of classes.
        name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: As in :class:`IoU`.

    Example:
        >>> round(float(MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DType = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(num_classes)
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """:class:`IoU` of one-hot labels and scores.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: As in :class:`IoU`.

    Example:
        >>> round(float(OneHotIoU(2, [0])([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])), 4)
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Any,
        name: str | None = None,
        dtype: DType = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """:class:`MeanIoU` of one-hot labels and scores.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: As in :class:`IoU`.

    Example:
        >>> round(float(OneHotMeanIoU(2)([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])), 4)
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DType = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
