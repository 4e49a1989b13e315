"""What several finders need to know of a training: its inputs, targets, outputs, losses and layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.viz.debugger.observer import value_name
from kernelkit.viz.debugger.view import View

CLASSES: tuple[str, ...] = (
    "SparseCategoricalCrossentropy",
    "CategoricalCrossentropy",
    "BinaryCrossentropy",
    "CategoricalFocalCrossentropy",
)
CLASSES += ("BinaryFocalCrossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy")
CLASSES += ("binary_crossentropy", "Hinge", "CategoricalHinge")
DISTANCES = ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh", "mean_squared_error", "mean_absolute_error")
ROWS = 2000
"""Maximum number of rows of the data that a finder reads."""


class Used(NamedTuple):
    """A loss, and the targets and outputs that it compares in a step.

    Attributes:
        kind: The name of its class or function.
        loss: The loss.
        y: Targets of the batch (samples, ...).
        p: Outputs of the batch (samples, ...).
    """

    kind: str
    loss: Any
    y: np.ndarray
    p: np.ndarray


def used_losses(view: View, step: int) -> list[Used]:
    """Return the losses of a step with their targets and outputs, empty if they cannot be matched."""
    compiled = view.timeline.steps.training.compiled.loss
    _, y, _ = unpack(view.batch(step))
    outputs = outputs_of(view, step)
    if compiled is None or not compiled.parts or compiled.outputs is None or y is None:
        return []
    if len(outputs) != compiled.outputs.count:
        return []
    targets, found = compiled.targets(y), []
    for place, (loss, _, _) in zip(compiled.places, compiled.parts, strict=True):
        if isinstance(place, int) and loss is not None and targets[place] is not None:
            found.append(Used(kind_of(loss), loss, np.asarray(targets[place]), outputs[place]))
    return found


def kind_of(loss: Any) -> str:
    """Return the name of a loss's class; of a function's wrapper, the name of the function."""
    function = getattr(loss, "fn", None)
    name = type(loss).__name__
    return getattr(function, "__name__", name) if name == "LossFunctionWrapper" else name


def outputs_of(view: View, step: int) -> list[np.ndarray]:
    """Return the outputs of the model in a step, empty if they were not seen."""
    look = view.look(step)
    seen = [one for one in look.observer.layers if one.layer is view.model]
    keys = [value_name(key) for key in seen[-1].keys] if seen else []
    return [np.asarray(look.values[key], "float32") for key in keys if key in look.values]


def arrays_of(view: View, step: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the inputs and the targets of a step's batch."""
    x, y, _ = unpack(view.batch(step))
    return [np.asarray(v) for v in jtu.tree_leaves(x)], [np.asarray(v) for v in jtu.tree_leaves(y)]


def data_of(view: View) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return rows of the inputs and targets: of all data if they are arrays, else of the batch shown."""
    source = view.arrays
    if source is None:
        return arrays_of(view, view.shown)
    x, y, _ = unpack(source.feed.whole())
    x, y = jtu.tree_leaves(x), jtu.tree_leaves(y)
    count = len(x[0])
    rows = np.unique(np.linspace(0, count - 1, min(count, ROWS)).astype(int))
    return [np.asarray(v[rows]) for v in x], [np.asarray(v[rows]) for v in y]


def classes_of(y: np.ndarray) -> np.ndarray | None:
    """Return class labels (samples,) of targets, None if they are no classes.

    Example:
        >>> classes_of(np.array([[0, 1], [1, 0]])).tolist(), classes_of(np.array([0.5, 1.0])) is None
        ([1, 0], True)
    """
    flat = y.reshape(len(y), -1) if len(y) else y.reshape(0, 1)
    if flat.dtype.kind not in "iubf" or not np.all(np.isfinite(flat)) or not np.all(flat == np.round(flat)):
        return None
    if flat.shape[1] == 1:
        return flat[:, 0].astype("int64")
    one_hot = y.ndim == 2 and bool(np.all((flat == 0) | (flat == 1))) and bool(np.all(flat.sum(1) == 1))
    return flat.argmax(1) if one_hot else None


def layers_of(view: View, step: int) -> list[Any]:
    """Return the layers that ran in a step, in the order in which they ended, without the model itself."""
    return [seen.layer for seen in view.look(step).observer.layers if seen.layer is not view.model]


def activation_of(layer: Any) -> str:
    """Return the name of a layer's activation, ``""`` if it has none."""
    if type(layer).__name__ in ("Softmax", "ReLU"):
        return type(layer).__name__.lower()
    activation = getattr(layer, "activation", None)
    return getattr(activation, "__name__", "") or ("" if activation is None else type(activation).__name__.lower())


def fell(view: View, share: float) -> bool:
    """Return whether the mean loss of the last quarter of the steps is below a share of that of the first quarter."""
    losses = view.losses
    quarter = max(1, len(losses) // 4)
    return bool(np.mean(losses[-quarter:]) < share * np.mean(losses[:quarter]))
