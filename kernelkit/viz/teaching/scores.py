"""Convert a model's outputs to classes and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kernelkit.models.model import Model
from kernelkit.typing import Tree


def scores_of(model: Model, x: Tree, who: str) -> np.ndarray:
    """Return a model's outputs for samples. An array instead of a model is used as the outputs.

    Args:
        model: Model, or array of its outputs.
        x: The samples; ignored for an array.
        who: Name of the public function, for error messages.

    Returns:
        Array `(n, ...)`.

    Raises:
        ValueError: If a model has no samples or several outputs, or the argument is neither a model nor outputs.
    """
    if not hasattr(model, "predict"):
        scores = np.asarray(model)
        if scores.ndim == 0 or scores.dtype.kind not in "iubf":
            raise ValueError(f"{who}: expected a model or an array of its outputs, got {type(model).__name__}.")
        return scores
    if x is None:
        raise ValueError(
            f"{who}: a model needs samples: pass x, or pass the outputs of model.predict(x) instead of the model."
        )
    outputs = model.predict(x, batch_size=256, verbose=0)
    if isinstance(outputs, (list, tuple, dict)):
        raise ValueError(f"{who}: this model has several outputs. Pass one of the outputs of model.predict(x).")
    return np.asarray(outputs)


def decide(scores: np.ndarray, who: str) -> tuple[np.ndarray, np.ndarray]:
    """Choose a class for each sample.

    Args:
        scores: Array `(n, classes)` of probabilities or logits; `(n, 1)` or `(n,)` floats for two classes, where
            numbers outside 0 to 1 are logits; or `(n,)` ints, the classes themselves.
        who: Name of the public function, for error messages.

    Returns:
        Classes `(n,)` int, and the probability of each `(n,)`, NaN if only classes were given.

    Raises:
        ValueError: If the scores have another shape.

    Example:
        >>> decide(np.array([[0.1, 0.9], [0.8, 0.2]]), "decide")
        (array([1, 0]), array([0.9, 0.8]))
    """
    if scores.ndim == 1 and scores.dtype.kind in "iub":
        return scores.astype(int), np.full(len(scores), np.nan)
    shares = shares_of(scores, who)
    chosen = shares.argmax(1)
    return chosen, shares[np.arange(len(shares)), chosen]


def shares_of(scores: np.ndarray, who: str) -> np.ndarray:
    """Return the probability of each class.

    Args:
        scores: Array `(n, classes)`, `(n, 1)` or `(n,)` as for `decide`, but not classes.
        who: Name of the public function, for error messages.

    Returns:
        Array `(n, classes)` float64.

    Raises:
        ValueError: If the scores have another shape.

    Example:
        >>> shares_of(np.array([0.25, 1.0]), "shares_of")
        array([[0.75, 0.25],
               [0.  , 1.  ]])
    """
    if scores.ndim == 1 or (scores.ndim == 2 and scores.shape[1] == 1):
        chance = scores.reshape(-1).astype(np.float64)
        if len(chance) and (np.min(chance) < 0 or np.max(chance) > 1):
            chance = 1 / (1 + np.exp(-np.clip(chance, -500, 500)))
        return np.stack([1 - chance, chance], 1)
    if scores.ndim != 2:
        raise ValueError(f"{who}: expected scores of shape (samples, classes), got {scores.shape}.")
    shares = scores.astype(np.float64)
    if np.min(shares, initial=0) < 0 or not np.allclose(shares.sum(1), 1, atol=1e-2):
        shares = np.exp(shares - np.max(shares, 1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
    return shares


def targets_of(y: Tree, samples: int, who: str, labels: Sequence[Any] | None = None) -> np.ndarray:
    """Return the true classes as ints `(n,)`.

    Args:
        y: Class numbers `(n,)` or `(n, 1)`, one-hot rows `(n, classes)`, or names `(n,)` from `labels`.
        samples: Number of samples.
        who: Name of the public function, for error messages.
        labels: A name for each class.

    Raises:
        ValueError: If `y` has another form, contains a name that is not a label, or has another number of samples.

    Example:
        >>> targets_of([[0, 1], [1, 0]], 2, "targets_of")
        array([1, 0])
        >>> targets_of(["dog", "cat"], 2, "targets_of", labels=["cat", "dog"])
        array([1, 0])
    """
    if y is None:
        raise ValueError(f"{who}: expected the true classes as y=..., got None.")
    y = numbers_of(y, labels, "y", who)
    if y.ndim == 2 and y.shape[1] > 1:
        y = y.argmax(1)
    elif y.ndim == 2:
        y = y[:, 0]
    if y.ndim != 1 or len(y) != samples:
        raise ValueError(f"{who}: expected y of shape ({samples},) for {samples} samples, got {y.shape}.")
    if np.any(y < 0) or np.any(y != np.floor(y)):
        raise ValueError(f"{who}: expected y as class numbers from 0, got {y[(y < 0) | (y != np.floor(y))][0]}.")
    return y.astype(int)


def numbers_of(classes: Any, labels: Sequence[Any] | None, what: str, who: str) -> np.ndarray:
    """Return class names as their indices in `labels`; numbers unchanged.

    Raises:
        ValueError: If there are no labels, or a name is not among them.

    Example:
        >>> numbers_of(["dog", "cat"], ["cat", "dog"], "y", "numbers_of")
        array([1, 0])
    """
    classes = np.asarray(classes)
    if classes.dtype.kind in "iubf":
        return classes
    if labels is None:
        raise ValueError(
            f"{who}: expected {what} as class numbers from 0, got {classes.dtype}. Give the names of all classes, in "
            "the order of their numbers, as labels=[...]."
        )
    number_of = {str(label): number for number, label in enumerate(labels)}
    names = [name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in classes.ravel()]
    if unknown := next((name for name in names if name not in number_of), None):
        raise ValueError(f"{who}: {what} holds {unknown!r}, which is not one of the labels {list(number_of)}.")
    return np.array([number_of[name] for name in names], int).reshape(classes.shape)


def class_names(labels: Sequence[Any] | None, count: int, who: str) -> list[str]:
    """Return a name for each of `count` classes: the given labels, or the numbers.

    Raises:
        ValueError: If there are fewer labels than classes.
    """
    if labels is None:
        return [str(i) for i in range(count)]
    if len(labels) < count:
        raise ValueError(f"{who}: expected a label for each of {count} classes, got {len(labels)}: {list(labels)}.")
    return [str(label) for label in labels]
