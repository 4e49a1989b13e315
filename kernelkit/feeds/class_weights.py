"""Weights of samples by their class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np

from kernelkit.masked_arrays import unmasked
from kernelkit.typing import Array, Tree

ClassWeight: TypeAlias = Mapping[int, float] | Sequence[float] | np.ndarray | str
"""A dict from class index to weight, the weights of the classes 0, 1, ... in a row, or ``"balanced"``."""


def weights_of_classes(y: Tree, class_weight: ClassWeight, sample_weight: Array | None = None) -> np.ndarray:
    """Return each sample's class weight, times its own weight.

    Args:
        y: Class indices (n,) or (n, 1), or one-hot rows (n, classes).
        class_weight: Weights by class; missing classes have weight 1. ``"balanced"`` gives every class of ``y`` the
            same total weight: samples / (classes * samples of the class), as scikit-learn does.
        sample_weight: Weights (n,) to multiply with.

    Raises:
        ValueError: If ``y`` is not a single array of labels, the weights have another form, or a sequence of weights
            is shorter than the classes.

    Example:
        >>> weights_of_classes(np.array([0, 1, 2]), {1: 5.0}).tolist()
        [1.0, 5.0, 1.0]
        >>> weights_of_classes(np.array([0, 1, 1, 1]), "balanced").tolist()
        [2.0, 0.6666666865348816, 0.6666666865348816, 0.6666666865348816]
    """
    if y is None or isinstance(y, (dict, list, tuple)):
        raise ValueError("class_weight works with a single y of class labels; pass sample_weight for several outputs.")
    labels = np.asarray(unmasked(y))
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    labels = np.round(labels).astype("int64")
    by_class = _balanced(labels) if _is_balanced(class_weight) else by_index(class_weight)
    if labels.size and not isinstance(class_weight, (Mapping, str)) and labels.max() >= len(class_weight):
        raise ValueError(
            f"class_weight has weights for {len(class_weight)} classes, but y holds the class {labels.max()}: give a "
            "weight for each class, or a dict {class: weight}."
        )
    classes = np.array(sorted(by_class))
    known = np.append(
        np.array([by_class[int(c)] for c in classes], "float32"), np.float32(1)
    )  # the last: no weight given
    place = np.searchsorted(classes, labels)
    found = np.append(classes, -1)[place] == labels
    weights = known[np.where(found & (labels >= 0), place, len(classes))]
    return weights if sample_weight is None else weights * np.asarray(unmasked(sample_weight))


def is_given(class_weight: ClassWeight | None) -> TypeGuard[ClassWeight]:
    """Return whether there are class weights: neither ``None`` nor an empty dict or sequence."""
    return class_weight is not None and not (hasattr(class_weight, "__len__") and len(class_weight) == 0)


def check_for_streams(class_weight: ClassWeight) -> None:
    """Raise if the weights need all labels at once: a source of batches doesn't have them."""
    if _is_balanced(class_weight):
        raise ValueError(
            "class_weight='balanced' needs all labels: it works with arrays. For a source of batches pass a dict "
            "{class: weight}."
        )


def by_index(class_weight: ClassWeight) -> dict[int, float]:
    """Return weights as a dict from class index to weight.

    Raises:
        ValueError: If the weights have another form, or a class is not a whole number of at least 0.

    Example:
        >>> by_index([0.5, 2.0])
        {0: 0.5, 1: 2.0}
    """
    expected = (
        "class_weight must be a dict {class: weight}, a sequence with the weights of the classes 0, 1, ..., or "
        "'balanced'"
    )
    if isinstance(class_weight, str):
        raise ValueError(f"{expected}; got {class_weight!r}.")
    if isinstance(class_weight, Mapping):
        pairs: list[tuple[Any, Any]] = list(class_weight.items())
    else:
        weights = np.asarray(unmasked(class_weight))
        if weights.ndim != 1 or not len(weights):
            raise ValueError(f"{expected}; got {type(class_weight).__name__} of shape {weights.shape}.")
        pairs = list(enumerate(weights.tolist()))
    found: dict[int, float] = {}
    for index, weight in pairs:
        try:
            number, value = int(index), float(weight)
        except (TypeError, ValueError):
            raise ValueError(f"{expected}; got {weight!r} for the class {index!r}.") from None
        if (number != index and not isinstance(index, str)) or number < 0:
            raise ValueError(f"class_weight: classes are whole numbers of at least 0, got {index!r}.")
        if not np.isfinite(value):
            raise ValueError(f"class_weight: weights are finite numbers, got {weight!r} for the class {index!r}.")
        found[number] = value
    return found


def _is_balanced(class_weight: ClassWeight) -> bool:
    return isinstance(class_weight, str) and class_weight == "balanced"


def _balanced(labels: np.ndarray) -> dict[int, float]:
    classes, counts = np.unique(labels[labels >= 0], return_counts=True)
    return {int(c): counts.sum() / (len(classes) * count) for c, count in zip(classes, counts, strict=True)}
