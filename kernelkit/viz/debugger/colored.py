"""A model's graph, colored by the step that a debugger shows."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

from kernelkit.feeds.batch import unpack
from kernelkit.layers.base.parts import walk
from kernelkit.layers.layer import Layer
from kernelkit.models.model import Model
from kernelkit.models.profile import layer_times
from kernelkit.tracebacks import users_level
from kernelkit.training.state import TrainState
from kernelkit.viz.cards.colors import Colors
from kernelkit.viz.cards.nodes import layers_of_nodes
from kernelkit.viz.cards.walk import Graph
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.looking import table_rows
from kernelkit.viz.debugger.taps import Look
from kernelkit.viz.debugger.timeline import Steps, Timeline
from kernelkit.viz.host.environment import WIDGET_HOSTS, environment
from kernelkit.viz.host.jupyter import main_thread

SHARE = 20
"""Largest share of a run's time that looks for the colors may take."""
_PAUSE = 0.5
"""Least seconds between two looks during a run."""

Measures = dict[str, list[float | None]]


def measures_of(look: Look, steps: Steps, before: TrainState, layers: dict[int, Layer]) -> Measures:
    """Return the colors of a graph's layers at a step.

    Args:
        look: A look into the step.
        steps: The program and the variables of the step.
        before: The state before the step.
        layers: The layer of each node. Its inner layers (such as those of an attention layer) count for it.

    Returns:
        ``grad`` (norm of the weights' gradients), ``dead`` (share of dead units) and ``update_ratio``
        (|update| / |weight|): a value for each of ``layers``, ``None`` if it has none. For several layers inside a
        node, the norm of all gradients and the largest of the others.
    """
    rows: dict[int, list[dict[str, Any]]] = {}
    for layer, row in table_rows(look, steps, before):
        rows.setdefault(id(layer), []).append(row)
    found: Measures = {"grad": [], "dead": [], "update_ratio": []}
    for layer in layers.values():
        own = [row for part in (layer, *walk(layer)) for row in rows.get(id(part), ())]
        values = {name: [row[name] for row in own if row[name] is not None] for name in found}
        found["grad"].append(math.hypot(*values["grad"]) if values["grad"] else None)
        for name in ("dead", "update_ratio"):
            found[name].append(_largest(values[name]))
    return found


def times_of(model: Model, batch: tuple, layers: dict[int, Layer]) -> list[float | None]:
    """Return the milliseconds of the calls and gradients of a graph's layers, each measured alone.

    Args:
        model: The model.
        batch: A batch, on the device.
        layers: The layer of each node.
    """
    total: dict[int, float] = {}
    for layer, milliseconds in layer_times(model, unpack(batch)):
        total[id(layer)] = total.get(id(layer), 0.0) + milliseconds
    return [total.get(id(layer)) for layer in layers.values()]


class Coloring:
    """Colors a graph by the steps that a debugger, or its forks, show.

    Args:
        graph: The graph of the debugger's model.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._colors: dict[Any, Colors] = {}

    def look(self, dbg: Any) -> None:
        """Color the graph by the step that a debugger shows."""
        steps = dbg.timeline.steps
        measures = measures_of(dbg.look(), steps, dbg.state_before(), self._layers(steps.model))
        colors = self._colors_of(dbg.timeline)
        if self.graph.colors is not colors:
            colors.add(dbg.shown, measures)
            self.graph.exchange_colors(colors, dbg.shown)
        else:
            self.graph.show_colors(dbg.shown, measures)

    def _colors_of(self, timeline: Timeline) -> Colors:
        """Return the colors of a branch: its inspected steps, and those that it shares with its parent."""
        if timeline not in self._colors:
            parent = timeline.parent
            shared = self.graph.colors.until(-1) if parent is None else self._colors_of(parent).until(timeline.begin)
            self._colors[timeline] = shared
        return self._colors[timeline]

    def measure_time(self, dbg: Any) -> None:
        """Measure the time of each layer on the batch that a debugger shows. Each layer is compiled for this."""
        model = dbg.timeline.steps.model
        times = times_of(model, dbg.timeline.batch(dbg.shown), self._layers(model))
        for colors in self._colors.values():  # the times apply to all branches
            colors.set_time(times)
        self.graph.show_time(times)

    def _layers(self, model: Model) -> dict[int, Layer]:
        return layers_of_nodes(model, self.graph.description)


def colored_graph(dbg: Any) -> Graph:
    """Return a graph that follows a debugger: its colors are those of the step shown.

    Args:
        dbg: A `StepDebugger`.
    """
    graph = Graph(dbg.timeline.steps.model)
    coloring = Coloring(graph)
    later: Callable[[float, Callable[[], None]], Any] = (
        main_thread() if environment() in WIDGET_HOSTS else lambda seconds, function: function()
    )
    waiting: list[str] = []
    next_look = 0.0

    def look() -> None:
        nonlocal next_look
        waiting.clear()
        began = time.perf_counter()
        if dbg.timeline.place(dbg.shown) is not None and dbg.error is None:
            try:
                coloring.look(dbg)
            except Exception as error:  # an error of the colors must not fail the debugger's step
                warnings.warn(
                    f"The graph has no colors for step {nth(dbg.shown)}: {type(error).__name__}: {error}",
                    stacklevel=users_level(),
                )
        took = time.perf_counter() - began
        next_look = time.perf_counter() + max(_PAUSE, SHARE * took)

    def changed(kind: str) -> None:
        if kind == "running" and time.perf_counter() >= next_look:
            look()
        elif kind == "moved" and not waiting:
            waiting.append(kind)
            later(0.1, look)

    graph.offer_time(lambda: later(0, lambda: coloring.measure_time(dbg)))
    dbg.subscribe(changed)
    look()
    return graph


def _largest(values: list[float]) -> float | None:
    """Return the largest value, NaN if there is one."""
    if any(math.isnan(v) for v in values):
        return math.nan
    return max(values, default=None)
