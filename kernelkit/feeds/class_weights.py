"""Weights of samples by their class."""

from __future__ import annotations

from typing import Any

import numpy as np


def weights_of_classes(y: Any, class_weight: dict, sample_weight: Any = None) -> Any:
    """Return each sample's weight by its class, times its own weight.

    Args:
        y: Class indices (n,) or (n, 1), or one-hot rows (n, classes).
        class_weight: Dict from class index to weight; classes that are missing weigh 1.
        sample_weight: Weights (n,) to multiply with.
    """
    if y is None or isinstance(y, (dict, list, tuple)):
        raise ValueError("class_weight works with a single y of class labels; pass sample_weight for several outputs.")
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    labels = np.round(labels).astype("int64")
    table = np.ones(max(int(labels.max(initial=0)), *(int(k) for k in class_weight)) + 1, "float32")
    for index, weight in class_weight.items():
        table[int(index)] = weight
    weights = table[labels]
    return weights if sample_weight is None else weights * np.asarray(sample_weight)
