"""Cross-entropies, CTC and top-k under Keras 2's names."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit import config, losses, ops
from kernelkit.typing import Tensor


def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> Tensor:
    """Return the binary cross-entropy of each value.

    Example:
        >>> from kernelkit import backend as K
        >>> print(K.binary_crossentropy([1.0, 0.0], [0.9, 0.2]).round(3))
        [0.105 0.223]
    """
    return ops.binary_crossentropy(target, output, from_logits=from_logits)


def categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> Tensor:
    """Return the cross-entropy of distributions along an axis.

    Example:
        >>> from kernelkit import backend as K
        >>> print(K.categorical_crossentropy([[0.0, 1.0]], [[0.2, 0.8]]).round(3))
        [0.223]
    """
    return ops.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1, ignore_class: int | None = None
) -> Tensor:
    """Return the cross-entropy of distributions and class numbers; 0 where the number is ``ignore_class``.

    Example:
        >>> from kernelkit import backend as K
        >>> print(K.sparse_categorical_crossentropy([1], [[0.2, 0.8]]).round(3))
        [0.223]
    """
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)
    kept = ops.not_equal(target, ignore_class)
    value = ops.sparse_categorical_crossentropy(ops.where(kept, target, 0), output, from_logits=from_logits, axis=axis)
    return ops.where(kept, value, 0.0)


def binary_focal_crossentropy(
    target: Tensor,
    output: Tensor,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Tensor:
    """Return the binary cross-entropy of each value, weighted down where the prediction is good.

    Source: Lin et al., 2017, Focal loss for dense object detection.

    Example:
        >>> from kernelkit import backend as K
        >>> loss = K.binary_focal_crossentropy(K.constant([1.0, 1.0]), K.constant([0.9, 0.5]))
        >>> [round(value, 4) for value in loss.tolist()]  # a good prediction counts little
        [0.0011, 0.1733]
    """
    target, output = ops.cast(target, config.floatx()), ops.cast(output, config.floatx())
    chance = ops.sigmoid(output) if from_logits else output
    hit = target * chance + (1 - target) * (1 - chance)
    value = ops.power(1 - hit, gamma) * ops.binary_crossentropy(target, output, from_logits=from_logits)
    return (target * alpha + (1 - target) * (1 - alpha)) * value if apply_class_balancing else value


def categorical_focal_crossentropy(
    target: Tensor, output: Tensor, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Return the cross-entropy of distributions along an axis, weighted down where the prediction is good.

    Example:
        >>> from kernelkit import backend as K
        >>> loss = K.categorical_focal_crossentropy(K.constant([[0.0, 1.0]]), K.constant([[0.5, 0.5]]))
        >>> round(loss.item(), 4)  # 0.25 * 0.5 ** 2 * log(2)
        0.0433
    """
    return losses.categorical_focal_crossentropy(target, output, alpha, gamma, from_logits=from_logits, axis=axis)


def in_top_k(predictions: Any, targets: Tensor, k: int) -> Tensor:
    """Return whether each sample's class is among its ``k`` highest predictions.

    Example:
        >>> from kernelkit import backend as K
        >>> K.in_top_k([[0.1, 0.7, 0.2]], [2], 2).tolist()
        [True]
    """
    return ops.in_top_k(targets, predictions, k)


def ctc_batch_cost(y_true: Tensor, y_pred: Tensor, input_length: Any, label_length: Any) -> Tensor:
    """Return the CTC loss of each sample.

    Args:
        y_true: Class numbers (batch, labels).
        y_pred: Probabilities (batch, steps, classes); the last class is the blank.
        input_length: Number of valid steps of each sample, (batch, 1).
        label_length: Number of valid labels of each sample, (batch, 1).

    Returns:
        Array (batch, 1).

    Example:
        >>> from kernelkit import backend as K
        >>> y_pred = K.constant([[[0.9, 0.05, 0.05], [0.05, 0.9, 0.05]]])  # two steps, classes 0 and 1, a blank
        >>> cost = K.ctc_batch_cost(K.constant([[0, 1]]), y_pred, K.constant([[2]]), K.constant([[2]]))
        >>> cost.shape, round(cost.item(), 2)
        ((1, 1), 0.21)
    """
    labels, steps = (ops.reshape(ops.cast(n, "int32"), (-1,)) for n in (label_length, input_length))
    logits = ops.log(ops.convert_to_tensor(y_pred) + config.epsilon())
    blank = logits.shape[-1] - 1
    return ops.expand_dims(ops.ctc_loss(ops.cast(y_true, "int32"), logits, labels, steps, mask_index=blank), 1)


def ctc_decode(
    y_pred: Tensor, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list, Any]:
    """Return the likeliest labels of each sample.

    Args:
        y_pred: Probabilities (batch, steps, classes); the last class is the blank.
        input_length: Number of valid steps of each sample, (batch,).
        greedy: Whether to take each step's likeliest class instead of a beam search.
        beam_width: Number of prefixes in the beam search.
        top_paths: Number of results of the beam search.

    Returns:
        ``(list of class numbers (batch, labels), -1 after the end, log probabilities (batch, top_paths))``.

    Example:
        >>> from kernelkit import backend as K
        >>> y_pred = K.constant([[[0.9, 0.05, 0.05], [0.9, 0.05, 0.05], [0.05, 0.9, 0.05]]])  # classes 0, 1, a blank
        >>> labels, log_probability = K.ctc_decode(y_pred, input_length=[3])
        >>> labels[0].tolist()  # the same class in two steps is one label
        [[0, 1, -1]]
    """
    logits = ops.log(ops.convert_to_tensor(y_pred) + config.epsilon())
    decoded, scores = ops.ctc_decode(
        logits,
        ops.cast(input_length, "int32"),
        strategy="greedy" if greedy else "beam_search",
        beam_width=beam_width,
        top_paths=top_paths,
        merge_repeated=greedy,
        mask_index=logits.shape[-1] - 1,
    )
    return list(decoded), scores


def ctc_label_dense_to_sparse(labels: Tensor, label_lengths: Any) -> Tensor:
    """Return padded labels (batch, labels) as a sparse array of the labels within each sample's length.

    Example:
        >>> from kernelkit import backend as K
        >>> K.to_dense(K.ctc_label_dense_to_sparse(K.constant([[1, 2, 9], [3, 9, 9]]), K.constant([2, 1]))).tolist()
        [[1.0, 2.0, 0.0], [3.0, 0.0, 0.0]]
    """
    from jax.experimental import sparse

    values = np.asarray(labels)
    inside = np.arange(values.shape[1])[None] < np.asarray(label_lengths).reshape(-1, 1)
    indices = np.argwhere(inside)
    return sparse.BCOO((jnp.asarray(values[inside]), jnp.asarray(indices)), shape=values.shape)
