"""The circle loss of metric learning."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import masking
from kernelkit.dispatch import op
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import to_float
from kernelkit.typing import DType, Tensor

_SUM = "sum_over_batch_size"


@op
def circle(
    y_true: Tensor,
    y_pred: Tensor,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> jax.Array:
    """Return a loss that pulls embeddings of the same class together and pushes others apart.

    Each pair is weighted by the distance of its cosine similarity from the best value.

    Args:
        y_true: Class indices (batch,).
        y_pred: Embeddings of length one (batch, d).
        ref_labels: Class indices of the reference embeddings; ``None`` for those of the batch.
        ref_embeddings: Embeddings to compare with (n, d); ``None`` for those of the batch.
        remove_diagonal: Whether sample i is not compared with reference i, which is the same sample if the references
            are the batch. Pass ``False`` with other references.
        gamma: Scale of the similarities.
        margin: Allowed distance of similarities from 1 (same class) and from 0 (other classes).

    Returns:
        Floats (batch,); 0 for a sample without a reference of its own class, or without one of another class. A sample
        without a reference of its own class is masked: it does not count in the mean.

    Source: Sun et al., 2020, Circle loss: a unified perspective of pair similarity optimization.

    Example:
        >>> embeddings = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> [round(float(v), 4) for v in circle([0, 0, 1], embeddings, gamma=1)]
        [0.5459, 0.5459, 0.0]
    """
    y_pred = to_float(y_pred)
    labels = jnp.asarray(y_true)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if y_pred.ndim != 2 or labels.shape != y_pred.shape[:1]:
        raise ValueError(
            "losses.circle: y_true must be class indices (batch,) and y_pred embeddings (batch, d), got shapes "
            f"{labels.shape} and {y_pred.shape}. Flatten the embeddings, and give class indices, not one-hot labels."
        )
    others = y_pred if ref_embeddings is None else to_float(ref_embeddings)
    other_labels = labels if ref_labels is None else jnp.ravel(jnp.asarray(ref_labels))
    same = labels[:, None] == other_labels[None, :]
    different = ~same
    if remove_diagonal:
        same = same & ~jnp.eye(same.shape[0], same.shape[1], dtype=bool)
    distance = jnp.maximum(1.0 - y_pred @ others.T, 0.0)
    # The weights of the pairs are differentiated too, as in Keras.
    pull = jax.nn.relu(distance + margin)
    push = jax.nn.relu(1.0 + margin - distance)
    pulls = _logsumexp(gamma * pull * (distance - margin), same)
    pushes = _logsumexp(gamma * push * (1.0 - margin - distance), different)
    values = jax.nn.softplus(pulls + pushes)
    masking.set_mask(values, jnp.any(same, axis=1))
    return values


def _logsumexp(x: jax.Array, where: jax.Array) -> jax.Array:
    """Return the log of the sum of exponentials of each row's chosen entries; a very low number for none."""
    return jax.nn.logsumexp(jnp.where(where, x, -1e9), axis=1)


class Circle(Loss):
    """Circle loss; see :func:`circle`.

    Args:
        gamma, margin, remove_diagonal: As in the function.
        reduction, name, dtype: As in :class:`Loss`.

    Example:
        >>> round(float(Circle(gamma=1.0)([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 4)
        0.5459
    """

    _labels_are_indices = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = _SUM,
        name: str = "circle",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return circle(y_true, y_pred, remove_diagonal=self.remove_diagonal, gamma=self.gamma, margin=self.margin)
