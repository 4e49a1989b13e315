"""The layers of a live model behind a description's nodes, their weights, and their outputs."""

from __future__ import annotations

import base64
from typing import Any

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit import scope
from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.layers.layer import Layer
from kernelkit.models.description import schema
from kernelkit.models.description.collect import child_layers
from kernelkit.models.model import Model
from kernelkit.typing import Tensor, Tree
from kernelkit.viz.bins import histogram

_MOST_WEIGHTS = 400
"""Maximum number of variables with histograms. More would make the notebook file large."""
_MOST_VALUES = 1_000_000
_BINS = 32
SAMPLES = 32
"""Maximum number of samples that a model is run on for pictures of its activations."""
_MAPS = 6
_SIDE = 20
_MOST_PIXELS = 160_000
"""Maximum number of pixels of all pictures of a graph: they lie in the notebook file."""


def layers_of_nodes(model: Model, description: dict[str, Any]) -> dict[int, Layer]:
    """Return the layer of each node that is not a group, by the node's number.

    Args:
        model: The model.
        description: Its description.
    """
    by_path = _layers_by_path(model)
    found = {}
    for row, path in enumerate(_paths(description)):
        layer = None if path is None else by_path.get(path)
        if layer is not None:
            found[row] = layer
    return found


def weights_of_nodes(model: Model, description: dict[str, Any]) -> dict[str, list]:
    """Return ``{node: [[name, shape, mean, std, low, high, counts], ...]}`` for the layers of a description.

    Args:
        model: The model.
        description: Its description.
    """
    found: dict[str, list] = {}
    looked = 0
    for row, layer in layers_of_nodes(model, description).items():
        if looked >= _MOST_WEIGHTS:
            break
        statistics = [s for v in layer.weights if (s := _of_variable(v)) is not None]
        looked += len(statistics)
        if statistics:
            found[str(row)] = statistics
    return found


def outputs_of_nodes(model: Model, description: dict[str, Any], x: Tree) -> dict[str, list]:
    """Run a model, as `predict` does, and return statistics and pictures of its layers' outputs.

    Args:
        model: The model.
        description: Its description.
        x: A batch of inputs, arrays nested as the model takes them. At most `SAMPLES` samples are run.

    Returns:
        ``{node: [shape, mean, std, low, high, counts, zeros, [count, height, width, pixels]]}``. ``zeros`` is the share
        of zeros. The pictures are of the first sample: feature maps, a matrix of features and steps, or a row of
        features; ``pixels`` are bytes in base64, white is the highest value, and ``count`` is 0 without a picture.
    """
    few = jtu.tree_map(lambda v: v[:SAMPLES] if getattr(v, "shape", ()) else v, x, is_leaf=is_leaf)
    seen = _Outputs()
    before, scope.local.observer = scope.local.observer, seen
    try:
        model(few, training=False)
    finally:
        scope.local.observer = before
    found: dict[str, list] = {}
    pixels = 0
    for row, layer in layers_of_nodes(model, description).items():
        value = seen.values.get(id(layer))
        if value is None:
            continue
        value = np.asarray(value)
        statistics = _statistics(value)
        if statistics is None:
            continue
        picture = _maps(value[0]) if value.ndim > 1 and pixels < _MOST_PIXELS else None
        pixels += 0 if picture is None else picture.size
        drawn: list = [0, 0, 0, ""]
        if picture is not None:
            drawn = [*picture.shape, base64.b64encode(picture.tobytes()).decode()]
        zeros = float(f"{np.mean(value == 0):.3g}")
        found[str(row)] = [list(value.shape), *statistics, zeros, drawn]
    return found


class _Outputs:
    """Keeps the first output of each layer that runs while it is the scope's observer."""

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}

    def layer(self, layer: Layer, outputs: Tree) -> Any:
        """Keep a layer's output and return it."""
        first = next((v for v in jtu.tree_leaves(outputs, is_leaf=is_leaf) if is_tensor(v)), None)
        if first is not None and not isinstance(first, jax.core.Tracer):  # inside a loop the value is traced
            self.values.setdefault(id(layer), first)
        return outputs

    def attention(self, layer: Layer, weights: Any) -> None:
        """Return the attention weights; they are not kept."""

    def gates(self, layer: Layer, gates: dict[str, Any], mask: Tensor) -> None:
        """Do nothing: gates are not kept."""


def _layers_by_path(model: Model) -> dict[tuple[str, ...], Layer]:
    """Return the innermost layers by their path of names."""
    found: dict[tuple[str, ...], Layer] = {}
    waiting: list[tuple[Any, tuple[str, ...]]] = [(model, ())]
    while waiting:
        owner, path = waiting.pop()
        for layer in child_layers(owner):
            here = (*path, layer.name)
            if len(here) > 60 or here in found:
                continue
            found[here] = layer
            waiting.append((layer, here))
    return found


def _paths(description: dict[str, Any]) -> list[tuple[str, ...] | None]:
    """Return the path of names to each leaf that is a layer; folded groups have no name."""
    nodes, strings = description["nodes"], description["strings"]
    inner = set(nodes["parent"])
    ways: list[tuple[str, ...]] = []
    for row, parent in enumerate(nodes["parent"]):
        above = ways[parent] if parent >= 0 else ()
        ways.append(above if nodes["kind"][row] >= schema.REPEAT else (*above, strings[nodes["name"][row]]))
    is_layer = [kind == schema.LAYER and row not in inner for row, kind in enumerate(nodes["kind"])]
    return [way if good else None for way, good in zip(ways, is_layer, strict=True)]


def _of_variable(variable: Any) -> list | None:
    try:
        value = variable.numpy()
    except Exception:  # donated to a running step
        return None
    statistics = _statistics(value)
    return None if statistics is None else [variable.name, list(variable.shape), *statistics]


def _statistics(value: np.ndarray) -> list | None:
    """Return the mean, standard deviation, lowest and highest value and a histogram of an array's finite values."""
    try:
        values = np.asarray(value, dtype="float32").reshape(-1)
    except (TypeError, ValueError):  # an array of texts
        return None
    values = values[:: max(1, values.size // _MOST_VALUES)]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = float(values.min()), float(values.max())
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = [float(f"{v:.5g}") for v in (float(values.mean()), float(values.std()), low, high)]
    if not np.all(np.isfinite(numbers)) or not np.isfinite(np.float32(high) - np.float32(low)):
        return None  # values so large that their range is infinite
    return [*numbers, histogram(values, _BINS)[0].tolist()]


def _maps(value: np.ndarray) -> np.ndarray | None:
    """Return a layer's output for one sample as pictures (count, height, width) of bytes."""
    if value.size == 0 or value.ndim not in (1, 2, 3) or value.dtype.kind not in "fiub":
        return None
    planes = (
        np.moveaxis(value, -1, 0)[:_MAPS]
        if value.ndim == 3
        else value.T[None]
        if value.ndim == 2
        else value[None, None]
    )
    planes = planes[:, :: -(-planes.shape[1] // _SIDE), :: -(-planes.shape[2] // (_SIDE if value.ndim == 3 else 64))]
    planes = np.nan_to_num(planes.astype("float64"), posinf=0, neginf=0)
    low, high = planes.min(), planes.max()
    return np.zeros(planes.shape, "uint8") if high <= low else (255 * ((planes - low) / (high - low))).astype("uint8")
