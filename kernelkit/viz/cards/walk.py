"""`model.graph()`: an interactive graph of a model in a notebook."""

from __future__ import annotations

import importlib.util
import json
import uuid
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import jax
import jax.tree_util as jtu

from kernelkit.layers.base.tensors import is_leaf, is_tensor
from kernelkit.models.description import check, describe
from kernelkit.models.description.words import totals_text
from kernelkit.models.model import Model
from kernelkit.typing import Batch
from kernelkit.viz.cards.bundles import MIME, card
from kernelkit.viz.cards.colors import Colors, Row
from kernelkit.viz.cards.nodes import layers_of_nodes, outputs_of_nodes, weights_of_nodes
from kernelkit.viz.host.environment import WIDGET_HOSTS, environment
from kernelkit.viz.host.jupyter import deliver_while_busy, publish

_MOST_SAVED = 100_000
"""Approximate bytes in a notebook's cell. Statistics of further layers are shown only while the kernel lives."""
_LEAST_ROOM = 20_000


class Graph:
    """The description of a model, with the statistics that a page shows; see `kernelkit.viz.Graph`.

    Args:
        model: A model or layer.
        sample: A batch of inputs, or a shape.
        weights: Whether to store histograms of the weights.
    """

    def __init__(self, model: Model, sample: Batch = None, weights: bool = True) -> None:
        self.description = check(describe(model, sample))
        self.weights = weights_of_nodes(model, self.description) if weights else {}
        self.outputs: dict[str, list] = {}
        if _holds_data(sample) and model.built and self.description["error"] is None:
            self.outputs = outputs_of_nodes(model, self.description, sample)
        self.colors = Colors(list(layers_of_nodes(model, self.description)))
        self._measure_time: Callable[[], None] | None = None
        self._key = uuid.uuid4().hex
        self._display_id = uuid.uuid4().hex
        self._shown = False
        self._widget: Any = None

    def __repr__(self) -> str:
        name = self.description["strings"][self.description["model"]]
        return f"<Graph of {name}: {totals_text(self.description)}>"

    # Colors -----------------------------------------------------------------------------------------------------------

    def show_colors(self, step: int, measures: Mapping[str, Row], fresh: bool = False) -> None:
        """Color the layers by measures of a step. The page can go back to earlier steps.

        Args:
            step: The index of the step, from 0; the page shows it as step 1.
            measures: Dict from ``"grad"`` (norm of the gradients), ``"dead"`` (share of dead units) or
                ``"update_ratio"`` (|update| / |weight|) to a value for each of ``colors.rows``, ``None`` if unknown.
            fresh: Whether to drop the steps of an earlier training.

        Example:
            >>> import kernelkit as kk
            >>> graph = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name="m").graph()
            >>> graph.show_colors(0, {"grad": [0.25] * len(graph.colors.rows)})
            >>> graph.colors.steps
            [0]
        """
        if fresh:
            self.colors.cut(-1)
        self.colors.add(step, measures)
        self._send(step, full=fresh)

    def exchange_colors(self, colors: Colors, step: int) -> None:
        """Replace the colors, for example by those of another branch.

        Args:
            colors: Measures of the same nodes.
            step: The index of the step to show.
        """
        self.colors = colors
        self._send(step, full=True)

    def show_time(self, milliseconds: Row) -> None:
        """Offer colors by the time of each layer.

        Args:
            milliseconds: A value for each of ``colors.rows``.
        """
        self.colors.set_time(milliseconds)
        self._send(None, full=True)

    def offer_time(self, measure: Callable[[], None] | None) -> None:
        """Let the page ask for the layers' times.

        Args:
            measure: Called when a page requests the times, on any thread; ``None`` withdraws the offer.
        """
        self._measure_time = measure
        self._send(None, full=True)

    def keep(self) -> None:
        """Write the colors into the notebook's output, if the graph is shown there."""
        if self._shown:
            publish(*self._bundle(), self._display_id, update=True)

    # Showing ----------------------------------------------------------------------------------------------------------

    @property
    def key(self) -> str:
        """The key of the static picture that the graph covers."""
        return self._key

    def open(self) -> bool:
        """Open the widget without its own output. Return whether this page supports widgets."""
        if environment() not in WIDGET_HOSTS or importlib.util.find_spec("anywidget") is None:
            return False
        if self._widget is None:
            from kernelkit.viz.cards.widget import GraphWidget

            self._widget = GraphWidget(
                description=self.description, weights=self.weights, outputs=self.outputs, key=self._key
            )
            self._widget.on_msg(lambda _, content, buffers: self.receive(content))
            deliver_while_busy(self._widget)
        return True

    def _ipython_display_(self) -> None:
        if not self.open():
            raise NotImplementedError  # IPython then calls _repr_mimebundle_
        publish(*self._bundle(), self._display_id, update=False)
        self._shown = True

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return self._bundle()[0]

    def _bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the output and its metadata."""
        if self._widget is not None and environment() != "jupyter":
            # Pages that isolate each output: a widget cannot cover the picture there.
            view: Any = self._widget._repr_mimebundle_()
            return view if isinstance(view, tuple) else (view, {})
        picture = card(self.description)
        page = f'<div data-kernelkit-graph="{escape(self._key)}">{picture}</div>'
        room = max(_LEAST_ROOM, _MOST_SAVED - len(page) - len(json.dumps(self.description)))
        saved = self.description | {"key": self._key, "weights": _fitting(self.weights, room // 2)}
        if self.outputs:
            saved["outputs"] = _fitting(self.outputs, room // 4)
        if len(self.colors):
            saved["colors"] = self.colors.as_json(most=room // 24)
        return {"text/plain": repr(self), "text/html": page, MIME: saved}, {}

    def _send(self, step: int | None, full: bool) -> None:
        if self._widget is None or self._widget.comm is None:
            return
        full = full or self.colors.steps[-1:] != [step]  # an earlier step needs a message with all steps
        can = [] if self._measure_time is None else ["time"]
        colors = self.colors.as_json(last=not full)
        self._widget.send({"kind": "colors", "full": full, "step": step, "colors": colors, "can": can})
        deliver_while_busy(self._widget)

    def receive(self, content: Any) -> None:
        """Handle a message of a page, on any thread."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "ready" and (len(self.colors) or self._measure_time is not None):
            self._send(self.colors.steps[-1] if len(self.colors) else None, full=True)
        elif kind == "time" and self._measure_time is not None:
            self._measure_time()


def _holds_data(sample: Batch) -> bool:
    leaves = jtu.tree_leaves(sample, is_leaf=is_leaf)
    return bool(leaves) and all(is_tensor(v) and not isinstance(v, jax.ShapeDtypeStruct) for v in leaves)


def _fitting(items: dict[str, list], room: int) -> dict[str, list]:
    """Return the first items whose JSON is not longer than ``room``."""
    found = {}
    for key, value in items.items():
        room -= len(json.dumps(value)) + len(key) + 4
        if room < 0:
            break
        found[key] = value
    return found
