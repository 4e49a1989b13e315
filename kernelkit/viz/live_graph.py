"""`model.graph()` during `fit`: the layers' colors follow the training."""

from __future__ import annotations

import time
import warnings

from kernelkit.tracebacks import users_level
from kernelkit.training.callback import Callback
from kernelkit.training.step import take_batch
from kernelkit.viz.cards.nodes import layers_of_nodes
from kernelkit.viz.cards.walk import Graph as StaticGraph
from kernelkit.viz.debugger.colored import measures_of, times_of
from kernelkit.viz.debugger.taps import Taps
from kernelkit.viz.debugger.timeline import Steps

_PAUSE = 0.5
"""Least seconds between two looks."""


class Graph(StaticGraph):
    """An interactive graph of a model: open and close groups, pan, zoom, find a layer, look at its weights.

    In JupyterLab and Notebook 7 a saved notebook stays interactive without a kernel. Other programs save a static
    picture.

    Args:
        model: A model or layer.
        sample: A batch of inputs. A click on a layer of a built model shows the layer's output for it. For a
            model that was never called a shape is enough.
        weights: Whether to store histograms of the weights.

    Attributes:
        description: The result of :func:`kernelkit.viz.graph`.
        weights: Dict from a node's number to the statistics of its weights.
        outputs: Dict from a node's number to the statistics and a picture of its layer's output for the sample.
        colors: The measures that can color the layers; see :meth:`show_colors`.

    Example:
        >>> import kernelkit as kk
        >>> kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)], name="m").graph()
        <Graph of m: 3 parameters · 12 B · 5 FLOPs a sample>
    """

    def follow(self, share: float = 0.05, time: bool = False) -> GraphFollower:
        """Return a callback for `fit` that colors the graph by measures of the layers.

        Now and then a step is run once more to inspect it, by a separate program that is compiled once. `fit` and
        its results stay the same. The page can go back to each inspected step, and the notebook keeps some of them.

        Args:
            share: Share of the time that looks may take.
            time: Whether to measure the time of each layer first. Each layer is compiled for this.

        Example:
            >>> import kernelkit as kk
            >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(3, activation="relu"), kk.layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> graph = model.graph()
            >>> x, y = kk.ops.ones((8, 2)), kk.ops.ones((8, 1))
            >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[graph.follow()])
            >>> graph.colors.steps
            [0, 1]
        """
        return GraphFollower(self, share, time)


class GraphFollower(Callback):
    """Colors a model's graph during `fit`; the result of :meth:`Graph.follow`.

    Args:
        graph: The graph.
        share: Share of the time that looks may take.
        time: Whether to measure the time of each layer.

    Attributes:
        looks: Number of looks into this training so far.
    """

    batch_hooks = "logs"
    first_process_only = True

    def __init__(self, graph: StaticGraph, share: float = 0.05, time: bool = False) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise ValueError(
                f"follow(): share is the part of the time that looks may take, from 0 to 1, got {share!r}."
            )
        self.looks = 0
        self._graph = graph
        self._share = share
        self._wants_time = time
        self._taps: Taps | None = None
        self._next = 0.0
        self._batch_size: int | None = None
        self._step = -1
        self._is_fresh = True

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Prepare the looks."""
        self._taps = Taps(Steps.of(self.model))
        self._layers = layers_of_nodes(self.model, self._graph.description)
        if len(self._layers) != len(self._graph.colors.rows):
            raise ValueError("follow(): this graph belongs to another model. Use model.graph().follow().")
        self.looks = 0
        self._is_fresh, self._next, self._batch_size, self._step = True, 0.0, None, -1
        self._graph.offer_time(self._want_time)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Look, if it is time."""
        if time.perf_counter() >= self._next:
            self._look()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Look after the first epochs, however short they are."""
        if self.looks < 4:
            self._look()

    def on_train_end(self, logs: dict | None = None) -> None:
        """Write the colors into the notebook."""
        self._graph.offer_time(None)
        self._taps = None
        self._graph.keep()

    def _want_time(self) -> None:
        self._wants_time = True

    def _look(self) -> None:
        taps, training = self._taps, self.model._training
        last = training.last_fit
        if taps is None or last is None or last.chunk is None:
            return
        data, order, batch_size, first, _ = last.chunk
        self._batch_size = self._batch_size or batch_size
        step = last.begin + last.steps - 1  # the last completed step
        if batch_size != self._batch_size or step == self._step:
            return  # a smaller last batch would need another compilation
        began = time.perf_counter()
        try:
            batch = take_batch(data, order, first, batch_size)
            with training.reading("train") as state:
                look = taps.look(state, batch)
                measures = measures_of(look, taps.steps, state, self._layers)
            times = times_of(self.model, batch, self._layers) if self._wants_time else None
        except Exception as error:
            self._taps = None
            warnings.warn(
                f"The graph's colors do not follow this training: {type(error).__name__}: {error}",
                stacklevel=users_level(),
            )
            return
        self._graph.show_colors(step, measures, self._is_fresh)
        if times is not None:
            self._graph.show_time(times)
        self._wants_time, self._is_fresh, self._step = False, False, step
        self.looks += 1
        took = time.perf_counter() - began
        self._next = time.perf_counter() + max(_PAUSE, took * (1 / self._share - 1))
