"""Labels converted to one-hot rows, and arrays scaled to unit norm."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from kernelkit import config
from kernelkit.masked_arrays import unmasked
from kernelkit.typing import Tree


def to_categorical(x: Tree, num_classes: int | None = None) -> Any:
    """Return class indices as one-hot rows.

    Args:
        x: Integers of any shape, from 0 to ``num_classes - 1``; a last axis of size 1 is dropped.
        num_classes: Number of classes, one more than the largest index by default.

    Returns:
        Floats of shape ``(*x.shape, num_classes)``; a jax array for a jax array, otherwise a NumPy array.

    Raises:
        ValueError: If an index is out of range.

    Example:
        >>> to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    labels = np.asarray(unmasked(x)).astype("int64")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    count = int(labels.max(initial=-1)) + 1 if num_classes is None else int(num_classes)
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        raise ValueError(
            f"Class indices must lie from 0 to {count - 1}, got values from {labels.min()} to {labels.max()}."
        )
    rows = np.eye(count)[labels]
    return jax.numpy.asarray(rows, config.floatx()) if isinstance(x, jax.Array) else rows


def normalize(x: Tree, axis: int = -1, order: int = 2) -> Any:
    """Return an array divided by its norm along an axis; vectors of norm 0 stay unchanged.

    Args:
        x: Array.
        axis: Axis along which norms are taken.
        order: Order of the norm.

    Returns:
        A jax array for a jax array, otherwise a NumPy array.

    Example:
        >>> normalize([[3.0, 4.0]])
        array([[0.6, 0.8]])
    """
    if isinstance(x, jax.Array):
        norm = jax.numpy.linalg.norm(x, order, axis, keepdims=True)
        return x / jax.numpy.where(norm == 0, 1, norm)
    x = np.asarray(unmasked(x), dtype=None if hasattr(x, "dtype") else float)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, axis)
