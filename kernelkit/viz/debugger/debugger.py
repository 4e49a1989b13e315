"""`StepDebugger`: a training that can be stepped through, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from kernelkit import changes, interrupts
from kernelkit.feeds.make import make_feed
from kernelkit.feeds.streams import StreamFeed
from kernelkit.training.state import TrainState
from kernelkit.viz.debugger import looking
from kernelkit.viz.debugger.batch import Batch
from kernelkit.viz.debugger.compare import Comparison, compare
from kernelkit.viz.debugger.conditions import Breakpoint
from kernelkit.viz.debugger.finders import find_first
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.fork import forked
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.running import running
from kernelkit.viz.debugger.show import Shown
from kernelkit.viz.debugger.snapshots import Snapshots, copied
from kernelkit.viz.debugger.source import source_of
from kernelkit.viz.debugger.table import Table
from kernelkit.viz.debugger.taps import Look, Taps
from kernelkit.viz.debugger.timeline import EVERY, Steps, Timeline
from kernelkit.viz.debugger.view import View


class StepDebugger(Shown):
    """Step through a training, look into each step, go back, and try other futures.

    The debugger trains as `fit` would with the same seed: at each step its state (weights, optimizer, metrics, seeds,
    place in the data) is that of `fit`, bit for bit. The model's own weights stay as they are until :meth:`to_model`.

    What is shown, by :attr:`logs`, :attr:`batch`, :meth:`activations` and the like, is the step done last; before any
    was done, the first one to come. After an error, it is the step that failed.

    Args:
        model: A compiled model.
        x: Inputs, or an iterable of batches, as `fit` takes them.
        y: Targets, for arrays.
        batch_size: Samples in a step, 32 by default.
        sample_weight: Weights of the samples.
        class_weight: Dict from class index to weight.
        shuffle: As in `fit`.
        steps_per_epoch: Steps in an epoch, for data without an end.
        initial_epoch: Number of the first epoch.
        memory: Most bytes that kept states may take, such as ``"512MB"``. A quarter of it is for batches of sources
            that cannot be read twice.
        snapshot_every: Steps between two kept states.

    Attributes:
        position: How many steps were done.
        stopped: Why the last run ended, in words, until it moves on.
        breakpoints: What runs stop at.
        error: What the step shown failed with, if it did.

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
        model: Any,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        sample_weight: Any = None,
        class_weight: dict | None = None,
        shuffle: bool | str = True,
        steps_per_epoch: int | None = None,
        initial_epoch: int = 0,
        memory: int | str = "512MB",
        snapshot_every: int = EVERY,
    ) -> None:
        training = model._training
        training.require_compiled("debug")
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
        training.watch_labels(feed, "train")
        steps = Steps(training, training.program("train"), training.variables("train"))
        snapshots = Snapshots(memory)
        again = feed.anew if isinstance(feed, StreamFeed) and feed.rereads else None
        source = source_of(feed, snapshots.budget // 4, again)
        with training.reading("train") as own:
            state = copied(own)
        records = Records(0, reports_means(model))
        timeline = Timeline("main", steps, source, snapshots, 0, [0], initial_epoch, state, records, snapshot_every)
        self._begin(timeline, Taps(steps), state)

    @classmethod
    def of(cls, timeline: Timeline, taps: Taps | None = None, state: TrainState | None = None) -> StepDebugger:
        """Return a debugger of a timeline, at its first step."""
        dbg = cls.__new__(cls)
        dbg._begin(timeline, taps or Taps(timeline.steps), state)
        return dbg

    def _begin(self, timeline: Timeline, taps: Taps, state: TrainState | None) -> None:
        self.timeline = timeline
        self.taps = taps
        self.position = timeline.begin
        self.breakpoints: list[Breakpoint] = []
        self.stopped = ""
        self.error: BaseException | None = None
        self.parent: StepDebugger | None = None
        self.forks: list[StepDebugger] = []
        self._state = state
        self._before: tuple[int, TrainState] | None = None
        self._look: tuple[int, Look] | None = None
        self._stop_asked = False
        self._listeners: list[Callable[[str], None]] = []

    # Moving -----------------------------------------------------------------------------------------------------------

    @interrupts.guarded
    def step(self, count: int = 1) -> dict[str, float]:
        """Do some steps; breakpoints are passed.

        Args:
            count: How many; fewer are done if the data end.

        Returns:
            The logs of the last one.
        """
        if count < 1:
            raise ValueError(f"step() takes a number of steps of at least 1, got {count!r}.")
        if count == 1 and self._look is not None and self._look[0] == self.shown:
            # Who looked at this step will look at the next one: keep the state that it begins with.
            self._before = (self.position, copied(self._own_state()))
        self.stopped = ""
        self._forward(count)
        self._tell("moved")
        return self.logs

    @interrupts.guarded
    def back(self, count: int = 1) -> dict[str, float]:
        """Go back some steps, to the first one at most; return the logs of the step shown then."""
        return self.goto(max(self.timeline.begin, self.position - count))

    @interrupts.guarded
    def goto(self, position: int) -> dict[str, float]:
        """Go to where a number of steps is done, back or ahead; return the logs of the step shown then.

        Raises:
            ValueError: If the position lies before the first step, or the data end before it.
        """
        if position < self.timeline.begin:
            raise ValueError(f"goto({position}): this training begins with {self.timeline.begin} steps done.")
        self.stopped = ""
        self._jump(position)
        if self.position != position:
            raise ValueError(f"goto({position}): the data end after {self.position} steps.")
        self._tell("moved")
        return self.logs

    @interrupts.guarded
    def run(
        self, until: Callable | None = None, epochs: int | None = None, steps: int | None = None
    ) -> dict[str, float]:
        """Run until a breakpoint or a condition holds; :attr:`stopped` says what ended it. Ctrl-C ends it too.

        Args:
            until: Function of a :class:`~kernelkit.viz.debugger.conditions.Moment` (``s.loss``, ``s.mean_loss``,
                ``s.logs``, ``s.gradient_norm``, ``s.dead_units``, ``s.step``) that says whether to stop.
            epochs: Epochs to end, the one under way included. 1 if nothing else is given.
            steps: Steps to do at most.

        Returns:
            The logs of the last step.
        """
        try:
            for _ in self.running(until, epochs, steps):
                pass
        except KeyboardInterrupt:
            self.stopped = "Interrupted."
            self._tell("moved")
        return self.logs

    def running(
        self, until: Callable | None = None, epochs: int | None = None, steps: int | None = None
    ) -> Iterator[int]:
        """Do what :meth:`run` does, and yield the position about every 50 ms: a display's way to run."""
        if until is None and steps is None and epochs is None:
            epochs = 1
        self._stop_asked = False
        for position in running(self, until, epochs, steps):
            self._tell("running")
            yield position
        self._tell("moved")

    def moving(self, position: int) -> Iterator[int]:
        """Go to where a number of steps is done, and yield the position after each slice; :meth:`stop` ends it.

        Args:
            position: How many steps are done there. Breakpoints are passed.
        """
        self._stop_asked, self.stopped = False, ""
        if position < self.position:
            self._jump(self.timeline.snapshots.nearest(self.timeline.name, position))
        while self.position < position:
            if self._stop_asked:
                self.stopped = "Stopped."
                break
            before = self.position
            self._forward(min(position - self.position, self.timeline.pace(self.position)))
            if self.position == before:
                self.stopped = "The data have ended."
                break
            self._tell("running")
            yield self.position
        self._tell("moved")

    def stop(self) -> None:
        """End a run after the steps under way; may be called from any thread."""
        self._stop_asked = True

    def break_on(self, kind: str | Callable, above: float | None = None) -> Breakpoint:
        """Let runs stop at something.

        Args:
            kind: ``"nan"``; ``"loss spike"``, a loss ``above`` times the mean of the 50 batches before it (3 by
                default); ``"gradient norm"``; ``"dead units"``, a share of the units of any layer with ReLU; or a
                function of a moment, as :meth:`run` takes it.
            above: The threshold.

        Returns:
            The breakpoint; :meth:`clear` takes it away again.
        """
        point = Breakpoint(kind, above)
        self.breakpoints.append(point)
        self._tell("breakpoints")
        return point

    def clear(self, point: Breakpoint | int | None = None) -> None:
        """Take a breakpoint away, by itself or by number; all of them for ``None``."""
        gone = lambda p: point is None or p is point or p.number == point  # noqa: E731
        self.breakpoints = [p for p in self.breakpoints if not gone(p)]
        self._tell("breakpoints")

    # Where it is ------------------------------------------------------------------------------------------------------

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
        """The logs of the step shown: as in `fit`, means over the epoch so far. Empty if it was not done yet."""
        return self.timeline.records.logs(self.shown) if self.shown < self.position else {}

    @property
    def losses(self) -> np.ndarray:
        """Each batch's own loss up to the position (steps,), from the first known step on."""
        return self.timeline.records.losses()[: self.position - self.timeline.records.begin]

    def history(self, name: str = "loss") -> np.ndarray:
        """Return a log's value after each step, up to the furthest point reached."""
        return self.timeline.records.column(name)

    def state(self) -> dict[str, Any]:
        """Return where the debugger is, as plain values that JSON can hold."""
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
        """All debuggers that were forked from the same training, the first one in front."""
        root = self
        while root.parent is not None:
            root = root.parent
        found = [root]
        for dbg in found:
            found += dbg.forks
        return found

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call a function after each change: with ``"moved"``, ``"running"``, ``"breakpoints"`` or ``"forked"``."""
        self._listeners.append(listener)

    # Looking ----------------------------------------------------------------------------------------------------------

    @property
    def batch(self) -> Batch:
        """The batch of the step shown: ``x``, ``y``, ``sample_weight`` and ``indices``, the rows in the data."""
        place = self._shown_place()
        return Batch(self.timeline.batch(self.shown), self.timeline.source.indices(*place), self.shown, place.epoch)

    @interrupts.guarded
    def activations(self, layer: str) -> Any:
        """Return what a layer gave in the step shown: an array (samples, ...), or a list for several outputs."""
        return looking.activations(self.look(), layer)

    @interrupts.guarded
    def activation_gradients(self, layer: str) -> Any:
        """Return the gradient of the loss with respect to a layer's output, as :meth:`activations` is nested."""
        return looking.activations(self.look(), layer, "cotangent")

    @interrupts.guarded
    def gradients(self, layer: str | None = None) -> dict[str, np.ndarray]:
        """Return the gradient of each weight by its path, of one layer or of all."""
        return looking.gradients(self.look(), self.timeline.steps, self.state_before(), layer)

    @interrupts.guarded
    def updates(self, layer: str | None = None) -> dict[str, np.ndarray]:
        """Return by how much the step shown changed each weight, by its path, of one layer or of all."""
        return looking.updates(self.look(), self.timeline.steps, self.state_before(), layer)

    def table(self) -> Table:
        """Return a row for each layer: shape and statistics of its output, norms of its gradients and updates."""
        return looking.table(self.look(), self.timeline.steps, self.state_before())

    @interrupts.guarded
    def sample_losses(self) -> np.ndarray:
        """Return the loss of each sample of the batch (samples,), in the batch's order."""
        before = self.state_before()
        return looking.sample_losses(
            self.look(), self.timeline.steps, self.taps, before, self.timeline.batch(self.shown)
        )

    @interrupts.guarded
    def explain(self) -> Finding:
        """Say what went wrong first, up to the step shown: where, in which step and samples, and what usually helps."""
        return find_first(self.view())

    def view(self) -> View:
        """Return the training up to the step shown, to read only: what looks for mistakes is given this."""
        view = View(self.timeline, self.taps, self.position, self.shown, self.error)
        look = self._look[1] if self._look is not None and self._look[0] == self.shown else None
        view.keep(self.position, self.state_after(), None)
        view.keep(self.shown, self.state_before(), look)
        return view

    @interrupts.guarded
    def look(self) -> Look:
        """Return everything that the step shown computed, on the device. The first look at a step runs it once more."""
        if self._look is None or self._look[0] != self.shown:
            self._look = None
            place = self._shown_place()
            state = self.timeline.entered(self.state_before(), place)
            self._look = (self.shown, self.taps.look(state, self.timeline.batch(self.shown)))
        return self._look[1]

    @interrupts.guarded
    def state_before(self) -> TrainState:
        """Return the state that the step shown begins with, to read only."""
        if self.shown == self.position:
            return self._own_state()
        if self._before is None or self._before[0] != self.shown:
            self._before = (self.shown, self.timeline.state_at(self.shown))
        return self._before[1]

    @interrupts.guarded
    def state_after(self) -> TrainState:
        """Return the state at the position, to read only."""
        return self._own_state()

    # Other futures ----------------------------------------------------------------------------------------------------

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
        """Return another future from here: a debugger at this position, in which something is different.

        Args:
            learning_rate: Another learning rate.
            optimizer: Another optimizer, which begins anew.
            freeze: Names of layers (or one) whose weights stay as they are.
            drop_samples: Rows of the data that are left out from here on.
            dtype: Another dtype policy for all layers, such as ``"mixed_bfloat16"``.
            weights: Dict from a weight's path to its new value, or to a function of the old one.
            name: Name of the branch.
        """
        fork = forked(self, learning_rate, optimizer, freeze, drop_samples, dtype, weights, name)
        self.forks.append(fork)
        self._tell("forked")
        return fork

    @interrupts.guarded
    def compare(self, other: StepDebugger) -> Comparison:
        """Compare this future with another one: both curves, and where the weights part."""
        return compare(self, other)

    @interrupts.guarded
    def to_model(self) -> Any:
        """Put the state at the position into the model and return it, to go on with `fit` (which begins an epoch).

        A fork that needed a model of its own (another optimizer or dtype) returns that one.
        """
        training, state = self.timeline.steps.training, copied(self._own_state())
        with training.stepping("train") as taken:
            taken.state = state
        return training.model

    @interrupts.guarded
    def record(self, path: Any, layers: Any = (), every: int = 1, batches: bool = False) -> None:
        """Keep the training in a file, which :func:`kernelkit.viz.replay` opens elsewhere.

        Args:
            path: The file, ``*.kkrec``.
            layers: Names of layers whose activations are kept, so that they can be looked at without the data.
            every: Steps between two of which these are kept.
            batches: Whether the batches of these steps are kept too.
        """
        from kernelkit.viz.debugger.record import record

        record(self, path, layers, every, batches)

    # Inside -----------------------------------------------------------------------------------------------------------

    def _own_state(self) -> TrainState:
        if self._state is None:
            self._state = self.timeline.state_at(self.position)
        return self._state

    def _forward(self, count: int) -> None:
        """Do steps from the position on. Whatever ends this early, the position is one whose state can be had."""
        after, self._state = self._own_state(), None
        self.error = None
        try:
            for state, position in self.timeline.advance(after, self.position, count):
                after, self.position = state, position
        except Exception as error:
            self.error = error
            self._tell("moved")
            raise
        self._state = after

    def _jump(self, position: int) -> None:
        at = self.timeline.snapshots.nearest(self.timeline.name, min(position, self.timeline.head))
        if position < self.position:
            self._state, self.position = self.timeline.state_at(position, trail=True), position
            self.error = None
            return
        if at > self.position:
            self._state, self.position = self.timeline.state_at(at), at
        if position > self.position:
            self._forward(position - self.position)
        self.error = None

    def _shown_place(self) -> Any:
        place = self.timeline.place(self.shown)
        if place is None:
            raise ValueError("There is no step to look at: the data have ended.")
        return place

    def _tell(self, event: str) -> None:
        for listener in self._listeners:
            listener(event)

    def __repr__(self) -> str:
        logs = ", ".join(f"{name} {value:.4g}" for name, value in self.logs.items())
        where = f"step {self.shown} of {self.timeline.head} done" if self.position > self.timeline.begin else "begin"
        return f"<StepDebugger {self.timeline.name!r}: {where}, epoch {self.epoch}{': ' * bool(logs)}{logs}>"


def reports_means(model: Any) -> bool:
    """Return whether the logs of a model's steps are the means of its metrics: unless it has steps of its own."""
    from kernelkit.training.trainer import Trainer

    return type(model).train_step is Trainer.train_step and type(model).compute_metrics is Trainer.compute_metrics


def _plain(value: float) -> float | str:
    """Return a number as JSON can hold it."""
    return value if np.isfinite(value) else str(value)
