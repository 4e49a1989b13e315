"""`model.graph()`: an interactive graph of a model in a notebook."""

from __future__ import annotations

import importlib.util
import uuid
from html import escape
from typing import Any

import numpy as np

from kernelkit.layers.layer import Layer
from kernelkit.models.description import check, describe
from kernelkit.models.description.collect import child_layers
from kernelkit.models.description.words import totals_text
from kernelkit.viz.cards.bundles import MIME, card
from kernelkit.viz.host.environment import WIDGET_HOSTS, environment

_MOST_WEIGHTS = 400
"""Maximum number of variables with histograms. More would make the notebook file large."""
_MOST_VALUES = 1_000_000


class Graph:
    """An interactive graph of a model: open and close groups, pan, zoom, find a layer, look at its weights.

    In JupyterLab and Notebook 7 a saved notebook stays interactive without a kernel. Other programs save a static
    picture.

    Args:
        model: A model or layer.
        sample: A batch of inputs or their shape, for a model that was never called.
        weights: Whether to store histograms of the weights.

    Attributes:
        description: The result of :func:`kernelkit.viz.graph`.
        weights: Dict from a node's number to the statistics of its weights.

    Example:
        >>> import kernelkit as kk
        >>> kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name="m").graph()
        <Graph of m: 3 parameters · 12 B · 5 FLOPs a sample>
    """

    def __init__(self, model: Any, sample: Any = None, weights: bool = True) -> None:
        self.description = check(describe(model, sample))
        self.weights = weights_of_nodes(model, self.description) if weights else {}
        self._key = uuid.uuid4().hex
        self._widget: Any = None

    def __repr__(self) -> str:
        name = self.description["strings"][self.description["model"]]
        return f"<Graph of {name}: {totals_text(self.description)}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        where = environment()
        if where in WIDGET_HOSTS and self._widget is None and importlib.util.find_spec("anywidget") is not None:
            from kernelkit.viz.cards.widget import GraphWidget

            self._widget = GraphWidget(description=self.description, weights=self.weights, key=self._key)
        if self._widget is not None and where != "jupyter":
            # Pages that isolate each output: a widget cannot cover the picture there.
            view: Any = self._widget._repr_mimebundle_()
            return view[0] if isinstance(view, tuple) else view
        page = f'<div data-kernelkit-graph="{escape(self._key)}">{card(self.description)}</div>'
        saved = self.description | {"weights": self.weights}
        return {"text/plain": repr(self), "text/html": page, MIME: saved}


def weights_of_nodes(model: Any, description: dict[str, Any]) -> dict[str, list]:
    """Return ``{node: [[name, shape, mean, std, low, high, counts], ...]}`` for the layers of a description.

    Args:
        model: The model.
        description: Its description.
    """
    found: dict[str, list] = {}
    looked = 0
    by_path = _layers_by_path(model)
    for row, path in enumerate(_paths(description)):
        layer = None if path is None else by_path.get(path)
        if layer is None or looked >= _MOST_WEIGHTS:
            continue
        statistics = [s for v in layer.weights if (s := _statistics(v)) is not None]
        looked += len(statistics)
        if statistics:
            found[str(row)] = statistics
    return found


def _layers_by_path(model: Any) -> dict[tuple[str, ...], Layer]:
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
    """Return the path of names to each leaf that is a layer, without folds."""
    nodes, strings = description["nodes"], description["strings"]
    inner = set(nodes["parent"])
    ways: list[tuple[str, ...]] = []
    for row, parent in enumerate(nodes["parent"]):
        above = ways[parent] if parent >= 0 else ()
        ways.append(above if nodes["kind"][row] >= 5 else (*above, strings[nodes["name"][row]]))
    return [way if nodes["kind"][row] == 1 and row not in inner else None for row, way in enumerate(ways)]


def _statistics(variable: Any) -> list | None:
    try:
        values = np.asarray(variable.numpy(), dtype="float32").reshape(-1)
    except Exception:  # donated to a running step, or an array of texts
        return None
    values = values[:: max(1, values.size // _MOST_VALUES)]
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = float(values.min()), float(values.max())
    counts = np.histogram(values, bins=32, range=(low, high) if high > low else (low - 0.5, low + 0.5))[0]
    numbers = [float(f"{v:.5g}") for v in (float(values.mean()), float(values.std()), low, high)]
    return [variable.name, list(variable.shape), *numbers, counts.tolist()]
