"""Facts about a training for several finders: its inputs, targets, outputs, losses and layers."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.layers.layer import Layer
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
DISTANCES: tuple[str, ...] = (
    "MeanSquaredError",
    "MeanAbsoluteError",
    "Huber",
    "LogCosh",
    "mean_squared_error",
    "mean_absolute_error",
)
DISTANCES += ("huber", "log_cosh")
MOST_VALUES = 20_000
"""Maximum number of values of a sample that samples are compared by."""
GROWN = 5
"""If the weights grew by this factor without a fall of the loss, the updates were too large."""
ROWS = 2000
"""Maximum number of rows of the data that a finder reads."""


class Used(NamedTuple):
    """A loss, with the targets and outputs that it compares in a step.

    Attributes:
        kind: The name of its class or function.
        loss: The loss.
        y: Targets of the batch (samples, ...).
        p: Outputs of the batch (samples, ...).
        place: Number of the output.
    """

    kind: str
    loss: Any
    y: np.ndarray
    p: np.ndarray
    place: int = 0


class Wanted(NamedTuple):
    """The targets of one output.

    Attributes:
        kind: The name of the loss's class or function, ``""`` if it is not known.
        log: The name of the log with this loss.
        name: The name of the output, ``""`` if there is only one.
        y: Targets (samples, ...).
    """

    kind: str
    log: str
    name: str
    y: np.ndarray

    @property
    def labels(self) -> np.ndarray | None:
        """Class labels (samples,), None if the targets are not classes."""
        return classes_of(self.y) if self.kind in CLASSES else None


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
            found.append(Used(kind_of(loss), loss, np.asarray(targets[place]), outputs[place], place))
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


def makers_of(view: View, step: int) -> list[Any]:
    """Return the layer that made each output of a step, None for outputs that no layer made."""
    look = view.look(step)
    layers = [one for one in look.observer.layers if one.layer is not view.model]
    values = [
        (one.layer, np.asarray(look.values[value_name(k)]))
        for one in layers
        for k in one.keys
        if value_name(k) in look.values
    ]
    made = outputs_of(view, step)
    return [
        next((layer for layer, v in reversed(values) if v.shape == p.shape and np.array_equal(v, p)), None)
        for p in made
    ]


def wanted(view: View, y: Any) -> list[Wanted]:
    """Return the targets of each output that has a loss of its own, from targets that are nested as in `fit`."""
    compiled = view.timeline.steps.training.compiled.loss
    leaves = [np.asarray(v) for v in jtu.tree_leaves(y)]
    if compiled is None or not compiled.parts or compiled.outputs is None:
        return [Wanted("", "loss", "", leaves[0])] if len(leaves) == 1 else []
    targets, many, found = compiled.targets(y), compiled.outputs.count > 1, []
    for place, (loss, _, tracker) in zip(compiled.places, compiled.parts, strict=True):
        if isinstance(place, int) and loss is not None and targets[place] is not None:
            log = tracker.name if many and tracker is not None else "loss"
            name = str(compiled.outputs.names[place]) if many else ""
            found.append(Wanted(kind_of(loss), log, name, np.asarray(targets[place])))
    return found


def data_of(view: View) -> tuple[list[np.ndarray], list[Wanted]]:
    """Return rows of the inputs and targets: of all data if they are arrays, else of the batch shown."""
    source = view.arrays
    x, y, _ = unpack(view.batch(view.shown) if source is None else source.feed.whole())
    if source is not None:
        count = len(jtu.tree_leaves(x)[0])
        rows = np.unique(np.linspace(0, count - 1, min(count, ROWS)).astype(int))
        x, y = (jtu.tree_map(lambda v: np.asarray(v[rows]), tree) for tree in (x, y))
    return [np.asarray(v) for v in jtu.tree_leaves(x)], wanted(view, y)


def classes_of(y: np.ndarray) -> np.ndarray | None:
    """Return class labels (samples,) of targets, None if they are not classes.

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


def flattened(x: list[np.ndarray]) -> np.ndarray | None:
    """Return inputs as rows of numbers (samples, values), None if they are not numbers or too many.

    Each of several inputs has the same total weight.

    Example:
        >>> flattened([np.zeros((4, 2, 3)), np.arange(4.0)]).shape, flattened([np.array(["a", "b"])]) is None
        ((4, 7), True)
    """
    if not x or any(v.dtype.kind not in "fiub" or v.ndim < 1 or len(v) != len(x[0]) for v in x):
        return None
    rows = [v.reshape(len(v), -1).astype("float32") for v in x]
    if sum(row.shape[1] for row in rows) > MOST_VALUES:
        return None
    if len(rows) > 1:
        rows = [(row - row.mean(0)) / (row.std() * np.sqrt(max(1, row.shape[1])) + 1e-12) for row in rows]
    return np.concatenate(rows, 1)


def layers_of(view: View, step: int) -> list[Any]:
    """Return the layers that ran in a step, in the order in which they ended, without the model itself."""
    return [seen.layer for seen in view.look(step).observer.layers if seen.layer is not view.model]


def activation_of(layer: Layer) -> str:
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


def growth(view: View, step: int) -> float:
    """Return the norm of all weights before a step as a multiple of that in the first step."""
    before, after = squares(weights_of(view, view.begin)), squares(weights_of(view, step))
    return float(np.sqrt(after / before)) if before else 1.0


def weights_of(view: View, step: int) -> list[np.ndarray]:
    """Return the trainable weights before a step."""
    return [np.asarray(w, "float64") for w in jtu.tree_leaves(view.state(step).trainable)]


def squares(arrays: list[np.ndarray]) -> float:
    """Return the sum of the squares of all values."""
    return float(sum(np.sum(np.square(a)) for a in arrays))
