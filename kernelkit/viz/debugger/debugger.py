"""`StepDebugger`: step forward and backward through a training."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kernelkit import changes, interrupts
from kernelkit.feeds.make import make_feed
from kernelkit.feeds.streams import StreamFeed
from kernelkit.models.model import Model
from kernelkit.progress import Progress
from kernelkit.signatures import plain_methods
from kernelkit.tracebacks import shortened_methods
from kernelkit.training.state import TrainState
from kernelkit.typing import PathLike, Tensor, Tree
from kernelkit.viz.cards.walk import Graph
from kernelkit.viz.curves.facts import metric_names
from kernelkit.viz.debugger import looking
from kernelkit.viz.debugger.batch import Batch
from kernelkit.viz.debugger.colored import colored_graph
from kernelkit.viz.debugger.compare import Comparison, compare
from kernelkit.viz.debugger.conditions import Breakpoint
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.cursor import Cursor
from kernelkit.viz.debugger.finders import find_first
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.fork import Changes, forked
from kernelkit.viz.debugger.given import given_of
from kernelkit.viz.debugger.record import record
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.running import running
from kernelkit.viz.debugger.show import Shown
from kernelkit.viz.debugger.snapshots import Snapshots, copied
from kernelkit.viz.debugger.source import source_of
from kernelkit.viz.debugger.table import Table
from kernelkit.viz.debugger.taps import Look, Taps
from kernelkit.viz.debugger.timeline import EVERY, Steps, Timeline
from kernelkit.viz.debugger.view import View


@plain_methods
@shortened_methods
class StepDebugger(Shown):
    """Step through a training, look into each step, go back, and fork it.

    The debugger trains as `fit` does with the same seed. At each step its state (weights, optimizer, metrics, seeds,
    place in the data) equals that of `fit`, bit for bit. The model's own weights do not change until :meth:`to_model`.

    :attr:`logs`, :attr:`batch`, :meth:`activations` and similar methods show the last completed step. Before the first
    step they show the first step. After an error they show the step that failed.

    Args:
        model: A compiled model.
        x: Inputs, or an iterable of batches, as in `fit`.
        y: Targets, if ``x`` holds arrays.
        batch_size: Samples in each step, 32 by default.
        sample_weight: Weights of the samples.
        class_weight: Dict from class index to weight.
        shuffle: As in `fit`.
        steps_per_epoch: Steps in an epoch, for endless data.
        initial_epoch: Number of the first epoch.
        memory: Memory limit for snapshots, such as ``"512MB"``. A quarter of it is for the batches of sources that can
            be read only once.
        snapshot_every: Steps between two snapshots.

    Attributes:
        breakpoints: The breakpoints at which runs stop.
        parent: The debugger that this one is a fork of, ``None`` if it is the original.
        forks: The forks made from this debugger.
        given: The names, columns and strings of the inputs, as given by the user.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> dbg = model.debug(np.ones((64, 2), "float32"), np.zeros((64, 1), "float32"), batch_size=8)
        >>> first = dbg.step()
        >>> dbg.step(5) == dbg.logs, dbg.position
        (True, 6)
        >>> dbg.back(5) == first
        True
    """

    def __init__(
        self,
        model: Model,
        x: Tree = None,
        y: Tree = None,
        batch_size: int | None = None,
        *,
        sample_weight: Tensor = None,
        class_weight: dict | None = None,
        shuffle: bool | str = True,
        steps_per_epoch: int | None = None,
        initial_epoch: int = 0,
        memory: int | str = "512MB",
        snapshot_every: int = EVERY,
    ) -> None:
        training = model._training
        training.compiled.require("debug")
        training.require_idle("debug")
        changes.structure.note()
        feed = make_feed(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=shuffle,
            seed=training.data_seed(initial_epoch, keep=False) if shuffle else 0,
            class_weight=class_weight,
            what="debug",
            on_host=model._host_work(x),
        )
        training.prepare("train", feed.sample(initial_epoch))
        training.watch_labels(training.spread(feed), "train")
        steps = Steps.of(model)
        snapshots = Snapshots(memory)
        again = feed.anew if isinstance(feed, StreamFeed) and feed.rereads else None
        source = source_of(feed, snapshots.budget // 4, again)
        with training.reading("train") as own:
            state = copied(own)
        records = Records(0, reports_means(model), lambda: metric_names(model))
        timeline = Timeline("main", steps, source, snapshots, 0, [0], initial_epoch, state, records, snapshot_every)
        self._begin(timeline, Taps(steps), state)
        self.given = given_of(x, model)

    @classmethod
    def of(cls, timeline: Timeline, taps: Taps | None = None, state: TrainState | None = None) -> StepDebugger:
        """Return a debugger at the first step of a timeline."""
        dbg = cls.__new__(cls)
        dbg._begin(timeline, taps or Taps(timeline.steps), state)
        return dbg

    def _begin(self, timeline: Timeline, taps: Taps, state: TrainState | None) -> None:
        self.timeline = timeline
        self.taps = taps
        self.given = given_of(None, timeline.steps.training.model)
        self.breakpoints: list[Breakpoint] = []
        self.parent: StepDebugger | None = None
        self.forks: list[StepDebugger] = []
        self._cursor = Cursor(timeline, state)
        self._before: tuple[int, TrainState] | None = None
        self._look: tuple[int, Look] | None = None
        self._listeners: list[Callable[[str], None]] = []

    # Moving -----------------------------------------------------------------------------------------------------------

    @interrupts.guarded
    def step(self, count: int = 1) -> dict[str, float]:
        """Do some steps. Breakpoints are ignored.

        Args:
            count: Number of steps; fewer are done if the data end.

        Returns:
            The logs of the last step.
        """
        if count < 1:
            raise ValueError(f"step() takes a number of steps of at least 1, got {count!r}.")
        if count == 1 and self._look is not None and self._look[0] == self.shown:
            # A user who looked at this step will look at the next one too: keep the state before it.
            self._before = (self.position, copied(self._cursor.state()))
        self.stopped = ""
        with self._telling_errors():
            self._cursor.forward(count)
        self._tell("moved")
        return self.logs

    @interrupts.guarded
    def back(self, count: int = 1) -> dict[str, float]:
        """Go back some steps, at most to the first one, and return the logs of the step shown there."""
        return self.goto(max(self.timeline.begin, self.position - count))

    @interrupts.guarded
    def goto(self, position: int) -> dict[str, float]:
        """Go back or ahead to a position and return the logs of the step shown there.

        Raises:
            ValueError: If the position lies before the first step or behind the end of the data.
        """
        if position < self.timeline.begin:
            raise ValueError(f"goto({position}): this training begins at position {self.timeline.begin}.")
        self.stopped = ""
        with self._telling_errors():
            self._cursor.jump(position)
        if self.position != position:
            raise ValueError(f"goto({position}): the data end after {self.position} steps.")
        self._tell("moved")
        return self.logs

    @interrupts.guarded
    def run(
        self, until: Callable | None = None, epochs: int | None = None, steps: int | None = None
    ) -> dict[str, float]:
        """Run until a breakpoint or a condition holds, or until Ctrl-C. :attr:`stopped` says what ended the run.

        Args:
            until: Function of a :class:`~kernelkit.viz.debugger.conditions.Moment` (``s.loss``, ``s.mean_loss``,
                ``s.logs``, ``s.gradient_norm``, ``s.dead_units``, ``s.step``) that says whether to stop.
            epochs: Number of epochs to finish, the current one included. 1 if no other argument is given.
            steps: Maximum number of steps.

        Returns:
            The logs of the last step.
        """
        begin = self.position
        try:
            with Progress("debug.run", steps, "steps") as tell:
                for position in self.running(until, epochs, steps):
                    tell(position - begin)
        except KeyboardInterrupt:
            self.stopped = "Interrupted."
            self._tell("moved")
        return self.logs

    def running(
        self, until: Callable | None = None, epochs: int | None = None, steps: int | None = None
    ) -> Iterator[int]:
        """Run as :meth:`run` does, but yield the position about every 50 ms, so that a display can draw."""
        if until is None and steps is None and epochs is None:
            epochs = 1
        points = [p for p in self.breakpoints if p.enabled]
        points += [Breakpoint(until, number=0)] if until is not None else []
        self._cursor.stop_asked = False
        yield from self._told(running(self._cursor, self.taps, points, epochs, steps))

    def moving(self, position: int) -> Iterator[int]:
        """Go to a position and yield the current position after each slice. :meth:`stop` ends the move.

        Args:
            position: Number of steps done at the target. Breakpoints are ignored.
        """
        yield from self._told(self._cursor.moving(position))

    def stop(self) -> None:
        """End a run after the current dispatch. May be called from any thread."""
        self._cursor.stop_asked = True

    def break_on(self, kind: str | Callable, above: float | None = None) -> Breakpoint:
        """Set a breakpoint.

        Args:
            kind: ``"nan"``; ``"loss spike"``, a loss ``above`` times the mean of the 50 batches before it (3 by
                default); ``"gradient norm"``; ``"dead units"``, a share of the units of any layer with ReLU; or a
                function of a moment, as :meth:`run` takes it.
            above: The threshold.

        Returns:
            The breakpoint; :meth:`clear` removes it.
        """
        point = Breakpoint(kind, above)
        self.breakpoints.append(point)
        self._tell("breakpoints")
        return point

    def clear(self, point: Breakpoint | int | None = None) -> None:
        """Remove a breakpoint, given itself or its number. ``None`` removes all breakpoints."""
        gone = lambda p: point is None or p is point or p.number == point  # noqa: E731
        self.breakpoints = [p for p in self.breakpoints if not gone(p)]
        self._tell("breakpoints")

    # Position ---------------------------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """Number of steps done."""
        return self._cursor.position

    @property
    def stopped(self) -> str:
        """Why the last run ended, in words. Cleared at the next move."""
        return self._cursor.stopped

    @stopped.setter
    def stopped(self, why: str) -> None:
        self._cursor.stopped = why

    @property
    def error(self) -> BaseException | None:
        """The error of the step shown, ``None`` if it did not fail."""
        return self._cursor.error

    @error.setter
    def error(self, error: BaseException | None) -> None:
        self._cursor.error = error

    @property
    def shown(self) -> int:
        """The number of the step that is shown, from 0."""
        return self.position if self.error is not None or self.position == self.timeline.begin else self.position - 1

    @property
    def epoch(self) -> int:
        """The number of the epoch of the step shown, from 0."""
        place = self.timeline.place(self.shown)
        return -1 if place is None else place.epoch

    @property
    def logs(self) -> dict[str, float]:
        """The logs of the step shown: as in `fit`, means over the epoch so far. Empty before the first step."""
        return self.timeline.records.logs(self.shown) if self.shown < self.position else {}

    @property
    def losses(self) -> np.ndarray:
        """Each batch's own loss up to the position (steps,), from the first known step on.

        If the ``train_step`` reports no ``"loss"``: its first log with "loss" in its name, unchanged.
        """
        return self.timeline.records.losses()[: self.position - self.timeline.records.begin]

    def history(self, name: str = "loss") -> np.ndarray:
        """Return the value of one log after each step, up to the furthest step reached."""
        return self.timeline.records.column(name)

    def state(self) -> dict[str, Any]:
        """Return the debugger's position and logs as plain values that JSON can hold."""
        place = self.timeline.place(self.shown)
        timeline = self.timeline
        return {
            "position": self.position,
            "begin": timeline.begin,
            "head": timeline.head,
            "shown": self.shown,
            "epoch": None if place is None else place.epoch,
            "step_in_epoch": None if place is None else place.step,
            "steps_per_epoch": None if place is None else timeline.source.steps(place.epoch),
            "logs": {name: _plain(value) for name, value in self.logs.items()},
            "branch": timeline.name,
            "branches": [
                {"name": d.timeline.name, "begin": d.timeline.begin, "head": d.timeline.head, "position": d.position}
                for d in self.family
            ],
            "breakpoints": [point.state() for point in self.breakpoints],
            "stopped": self.stopped,
            "error": None if self.error is None else f"{type(self.error).__name__}: {self.error}",
            "memory": {"used": timeline.snapshots.nbytes, "budget": timeline.snapshots.budget},
            "rewinds": timeline.source.rewinds,
        }

    @property
    def family(self) -> list[StepDebugger]:
        """All debuggers of this training: the original first, then its forks."""
        root = self
        while root.parent is not None:
            root = root.parent
        found = [root]
        for dbg in found:
            found += dbg.forks
        return found

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` after each change, with ``"moved"``, ``"running"``, ``"breakpoints"`` or ``"forked"``."""
        self._listeners.append(listener)

    # Looking ----------------------------------------------------------------------------------------------------------

    @property
    def batch(self) -> Batch:
        """The batch of the step shown: ``x``, ``y``, ``sample_weight`` and ``indices``, the rows in the data."""
        place = self._shown_place()
        return Batch(self.timeline.batch(self.shown), self.timeline.source.indices(*place), self.shown, place.epoch)

    @interrupts.guarded
    def activations(self, layer: str) -> Any:
        """Return a layer's output in the step shown: an array (samples, ...), or a list if it has several outputs."""
        return looking.activations(self.look(), layer)

    @interrupts.guarded
    def activation_gradients(self, layer: str) -> Any:
        """Return the gradient of the loss with respect to a layer's output, nested as :meth:`activations`."""
        return looking.activations(self.look(), layer, "cotangent")

    @interrupts.guarded
    def gradients(self, layer: str | None = None) -> dict[str, np.ndarray]:
        """Return a dict from weight paths to gradients, for one layer or for all."""
        return looking.gradients(self.look(), self.timeline.steps, self.state_before(), layer)

    @interrupts.guarded
    def updates(self, layer: str | None = None) -> dict[str, np.ndarray]:
        """Return a dict from weight paths to the change that the step made, for one layer or for all."""
        return looking.updates(self.look(), self.timeline.steps, self.state_before(), layer)

    @interrupts.guarded
    def weights(self, layer: str | None = None) -> dict[str, np.ndarray]:
        """Return a dict from weight paths to the trainable weights after the step shown, for one layer or for all."""
        return looking.weights(self.look(), self.timeline.steps, layer)

    @interrupts.guarded
    def attention(self, layer: str) -> np.ndarray:
        """Return the attention weights of a layer in the step shown: an array (samples, heads, queries, keys)."""
        return looking.attention(self.look(), layer)

    @interrupts.guarded
    def gates(self, layer: str) -> dict[str, np.ndarray]:
        """Return the gates of an LSTM or a GRU in the step shown: a dict of arrays (samples, steps, units)."""
        return looking.gates(self.look(), layer)

    def table(self) -> Table:
        """Return a table with a row for each layer: output shape, statistics, norms of gradients and updates."""
        return looking.table(self.look(), self.timeline.steps, self.state_before())

    def graph(self) -> Graph:
        """Return the model's graph, colored by the step shown. As a cell's last value it follows the debugger.

        The colors are the norm of the layers' gradients, their share of dead units, |update| / |weight|, or their time.
        """
        return colored_graph(self)

    @interrupts.guarded
    def sample_losses(self) -> np.ndarray:
        """Return the loss of each sample of the batch (samples,), in the batch's order."""
        before = self.state_before()
        return looking.sample_losses(
            self.look(), self.timeline.steps, self.taps, before, self.timeline.batch(self.shown)
        )

    @interrupts.guarded
    def explain(self) -> Finding:
        """Find the first mistake up to the step shown: the place, the step, the samples, and advice."""
        return find_first(self.view())

    def view(self) -> View:
        """Return a read-only view of the training up to the step shown, as the finders take it."""
        view = self._view_here()
        look = self._look[1] if self._look is not None and self._look[0] == self.shown else None
        view.keep(self.shown, self.state_before(), look)
        return view

    @interrupts.guarded
    def look(self) -> Look:
        """Return all values that the step shown computed, on the device. The first look runs the step once more."""
        if self._look is None or self._look[0] != self.shown:
            self._look = None
            place = self._shown_place()
            state = self.timeline.entered(self.state_before(), place)
            self._look = (self.shown, self.taps.look(state, self.timeline.batch(self.shown)))
        return self._look[1]

    @interrupts.guarded
    def state_before(self) -> TrainState:
        """Return the state before the step shown. Read only."""
        if self.shown == self.position:
            return self._cursor.state()
        if self._before is None or self._before[0] != self.shown:
            self._before = (self.shown, self.timeline.state_at(self.shown))
        return self._before[1]

    @interrupts.guarded
    def state_after(self) -> TrainState:
        """Return the state at the position. Read only."""
        return self._cursor.state()

    # Forks ------------------------------------------------------------------------------------------------------------

    @interrupts.guarded
    def fork(
        self,
        learning_rate: float | None = None,
        optimizer: Any = None,
        freeze: Any = None,
        drop_samples: Any = None,
        dtype: str | None = None,
        weights: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> StepDebugger:
        """Return a new branch: a debugger at this position with a change in the training.

        Args:
            learning_rate: Another learning rate.
            optimizer: Another optimizer, with fresh state.
            freeze: Name of a layer, or several names. The weights of these layers stay fixed.
            drop_samples: Row numbers of samples to leave out from this step on.
            dtype: Another dtype policy for all layers, such as ``"mixed_bfloat16"``.
            weights: Dict from a weight's path to its new value, or to a function of the old one.
            name: Name of the branch.
        """
        changes = Changes(learning_rate, optimizer, freeze, drop_samples, dtype, weights)
        timeline, state = forked(self._view_here(), changes, name, [one.timeline.name for one in self.family])
        taps = self.taps if timeline.steps is self.timeline.steps else None
        fork = type(self).of(timeline, taps, state)
        fork.parent = self
        self.forks.append(fork)
        self._tell("forked")
        return fork

    @interrupts.guarded
    def compare(self, other: StepDebugger) -> Comparison:
        """Compare this branch with another one: both loss curves, and the weights that differ."""
        return compare(self.timeline, other.timeline)

    @interrupts.guarded
    def to_model(self) -> Any:
        """Put the state at the position into the model and return the model. `fit` then begins a new epoch.

        A fork with another optimizer or dtype has its own model and returns that one.
        """
        training, state = self.timeline.steps.training, copied(self._cursor.state())
        with training.stepping("train") as taken:
            taken.state = state
        return training.model

    @interrupts.guarded
    def record(self, path: PathLike, layers: Any = (), every: int = 1, batches: bool = False) -> None:
        """Write the steps done so far to a file, which :func:`kernelkit.viz.replay` opens elsewhere.

        Args:
            path: The file, ``*.kkrec``.
            layers: Names of layers whose activations are stored. The replay shows them without the data.
            every: Number of steps between two stored looks (tables, sample losses, activations). Without ``layers``
                and ``batches`` the file holds curves alone.
            batches: Whether the batches of these steps are stored too.

        Raises:
            ValueError: If the file has another ending, or no step was done.
        """
        record(self._view_here(), path, layers, every, batches)

    # Inside -----------------------------------------------------------------------------------------------------------

    def _view_here(self) -> View:
        """Return a view that holds the state at the position, and computes all other states."""
        view = View(self.timeline, self.taps, self.position, self.shown, self.error)
        view.keep(self.position, self._cursor.state(), None)
        return view

    def _told(self, moves: Iterator[int]) -> Iterator[int]:
        """Yield the positions of a move, and tell the listeners of each and of its end."""
        with self._telling_errors():
            for position in moves:
                self._tell("running")
                yield position
        self._tell("moved")

    @contextlib.contextmanager
    def _telling_errors(self) -> Iterator[None]:
        """Tell the listeners if a step fails."""
        try:
            yield
        except Exception:
            self._tell("moved")
            raise

    def _shown_place(self) -> Any:
        place = self.timeline.place(self.shown)
        if place is None:
            raise ValueError("There is no step to look at: the data end here.")
        return place

    def _tell(self, event: str) -> None:
        for listener in self._listeners:
            listener(event)

    def __repr__(self) -> str:
        logs = ", ".join(f"{name} {value:.4g}" for name, value in self.logs.items())
        where = (
            f"step {nth(self.shown)} of {self.timeline.head:,} done" if self.position > self.timeline.begin else "begin"
        )
        return f"<StepDebugger {self.timeline.name!r}: {where}, epoch {nth(self.epoch)}{': ' * bool(logs)}{logs}>"


def reports_means(model: Model) -> bool:
    """Return whether a step's logs are running means of metrics. A model with its own ``train_step`` may log others."""
    from kernelkit.training.trainer import Trainer

    return type(model).train_step is Trainer.train_step and type(model).compute_metrics is Trainer.compute_metrics


def _plain(value: float) -> float | str:
    """Return a number that JSON can hold: a float, or the text ``"nan"``, ``"inf"``."""
    return value if np.isfinite(value) else str(value)
