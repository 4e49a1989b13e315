"""`Training`: the trainable side of a model.

It has three parts: the arguments of `compile` (:mod:`kernelkit.training.compiled`), the variables and programs of the
steps (:mod:`kernelkit.training.programs`), and the check of labels (:mod:`kernelkit.training.labels`). `Training`
itself stores the thread that trains the model, and the source of its data.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from kernelkit import changes, metrics, placement, processes, progress
from kernelkit.feeds.batch import batch_rows, unpack
from kernelkit.feeds.feed import Feed
from kernelkit.hints import explaining
from kernelkit.layers.base.parts import walk
from kernelkit.random import make_own_seed, times_seeded
from kernelkit.training.background import BackgroundFit
from kernelkit.training.building import build
from kernelkit.training.compiled import Compiled
from kernelkit.training.labels import label_check
from kernelkit.training.last_fit import LastFit
from kernelkit.training.overriding import overrides
from kernelkit.training.pace import Pace
from kernelkit.training.programs import Programs, flat_metrics, optimizers_of
from kernelkit.training.resume import Place
from kernelkit.training.state import Doors, Reading, StateVariables, Stepping
from kernelkit.training.step import Program
from kernelkit.typing import Batch, Tree
from kernelkit.variable import StateLock


class Training:
    """The trainable side of a model. It does not keep the model alive.

    Args:
        model: The model.

    Attributes:
        compiled: The arguments of `compile`; false before it was called.
        lock: Guards the model's variables and programs.
        programs: The variables and programs of the steps.
        background: Weak reference to the handle of the last fit in the background.
        in_epoch: Whether an epoch is running. Its metrics must not be changed from outside.
        feed: The feed of the running fit.
        resume: The place where the next fit starts, if a callback set one.
        last_fit: The last fit, if it ended with an error, an interrupt or NaN.
        distribution: The distribution of the model over several devices, ``None`` for one device.
    """

    def __init__(self, model: Any) -> None:
        self._model = weakref.ref(model)
        self.compiled = Compiled()
        self.lock = StateLock()
        self.programs = Programs(model, self.lock)
        self.background: weakref.ref[BackgroundFit] | None = None
        self.in_epoch = False
        self.feed: Feed | None = None
        self.resume: Place | None = None
        self.last_fit: LastFit | None = None
        self.distribution: Any = placement.current()
        self._ready_for: set[str] = set()
        self._log_order: tuple[tuple, list[str]] | None = None
        self._data_seed: tuple[int, int] | None = None  # the seed, and how many times the global seed was set
        self._trained_by: threading.Thread | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Programs, locks and threads belong to their process: a copy compiles its own programs.
        return {"model": self.model, "compiled": self.compiled}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Training.__init__(self, state["model"])
        self.compiled = state["compiled"]

    @property
    def model(self) -> Any:
        """The model."""
        return self._model()

    def forget(self) -> None:
        """Drop the compiled programs, because the model has changed."""
        self.programs.forget()
        self._ready_for.clear()

    def configure(self, arguments: dict[str, Any]) -> None:
        """Take the arguments of `compile`."""
        self.programs.forget(recompiled=True)
        self._ready_for.clear()
        self.compiled = Compiled(arguments)

    def require_idle(self, what: str) -> None:
        """Raise if another thread trains the model: both would write the same weights and metrics."""
        background = None if self.background is None else self.background()
        if background is not None and background.is_training_elsewhere():
            raise RuntimeError(
                f"{what}(): model {self.model.name!r} is being trained in the background. Call wait() or stop() on the "
                "handle of fit(background=True) first. predict() and get_weights() work during training."
            )
        thread = self._trained_by
        if thread is not None and thread is not threading.current_thread():
            raise RuntimeError(
                f"{what}(): model {self.model.name!r} is being trained in another thread, {thread.name!r}. Wait until "
                "its fit() has ended, or give each thread its own model. predict() and get_weights() work during "
                "training."
            )

    @contextlib.contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Reserve training for this thread.

        Raises:
            RuntimeError: If another thread trains the model.
        """
        with self.lock:
            self.require_idle(what)
            before, in_epoch = self._trained_by, self.in_epoch
            self._trained_by = threading.current_thread()
        try:
            yield
        finally:
            self._trained_by, self.in_epoch = before, in_epoch

    @contextlib.contextmanager
    def keeping_metrics(self) -> Iterator[None]:
        """Restore the metrics of a running epoch at the end, because its callbacks may evaluate the model."""
        if not self.in_epoch:
            yield
            return
        kept = [(v, v.value) for v in self.variables("test").metrics]
        try:
            yield
        finally:
            for variable, value in kept:
                variable.assign(value)

    def finish(self) -> None:
        """Replace the weights by their moving averages if an optimizer keeps them. Called at the end of training."""
        for optimizer in optimizers_of(self.model):
            optimizer.finalize_variable_values(self.model.trainable_variables)

    def data_seed(self, first_epoch: int, keep: bool = True) -> int:
        """Return the seed of the sample order.

        Args:
            first_epoch: Number of the fit's first epoch. If it is not 0, the fit continues the one before and uses its
                seed, so that an epoch's order does not depend on where `fit` began.
            keep: Whether later fits may continue with this seed.
        """
        known, seeded = self._data_seed, times_seeded()
        if first_epoch > 0 and known is not None and known[0] == seeded:
            return known[1]
        seed = make_own_seed()
        if keep:
            self._data_seed = seeded, seed
        return seed

    # Several devices --------------------------------------------------------------------------------------------------

    def distribute(self, distribution: Any) -> None:
        """Spread the model by a distribution from now on. The variables move when the model is next prepared."""
        with self.lock:
            if distribution is not self.distribution:
                self.distribution = distribution
                self.forget()

    def spread(self, feed: Feed) -> Feed:
        """Make a feed send its batches to the model's devices, and return it."""
        if self.distribution is not None:
            feed.placement = self.distribution.batches
            feed.placement.say_if_uneven(feed.batch_size, feed.samples)
        return feed

    def spread_batch(self, batch: Batch) -> Any:
        """Return one batch on the model's devices, unchanged if there is one device."""
        return batch if self.distribution is None else self.distribution.batches.one(batch, batch_rows(batch))

    def check_batch(self, data: Tree) -> None:
        """Raise an error in every process if the first batch of a pass differs between processes.

        Raises:
            RuntimeError: If processes that share a batch have read different ones.
        """
        checksum = data.checksum if isinstance(data, placement.Spread) else None
        if checksum is None:
            return
        found = processes.agree(checksum)[:, 0]
        if (found != found[0]).any():
            raise RuntimeError(
                f"The {len(found)} processes of this training read different batches: process "
                f"{int((found != found[0]).argmax())} has another first batch than process 0. Each takes its rows out "
                "of every batch, so all must yield the same batches in the same order. Seed a shuffle alike in all of "
                "them, such as torch.manual_seed(0) before a DataLoader is read, or shuffle(1000, seed=0) of tf.data. "
                "If each process has its own part of every batch, use DataParallel(auto_shard_dataset=False)."
            )

    def check_interrupts(self) -> None:
        """Raise KeyboardInterrupt if the stop button was pressed, in any process: all stop at the same step."""
        processes.check_interrupts()

    def stops(self) -> bool:
        """Return whether training must stop. If one process must stop, all do."""
        if processes.count() > 1:
            self.model.stop_training = processes.any_of(bool(self.model.stop_training))
        return self.model.stop_training

    def _adopt(self, kind: str) -> None:
        """Move the variables to the devices of the distribution, and check its rules."""
        if self.distribution is None:
            return
        groups = self.variables(kind)
        described = [f"{v.path} {v.shape} {v.dtype}" for group in groups for v in group]
        processes.require_same("the model's variables", described)
        self.distribution.adopt((v for group in groups for v in group), groups.trainable)
        outputs = [f"{layer.path}/output" for layer in [self.model, *walk(self.model)]]
        self.distribution.check_rules([v.path for v in self.model.variables] + outputs)

    # Preparation ----------------------------------------------------------------------------------------------------

    def prepare(self, kind: str, batch: Batch) -> None:
        """Build the model, the metrics and the optimizer for batches like the given one. Runs once per kind."""
        model, compiled = self.model, self.compiled
        in_force = placement.current()
        if in_force is not None:
            self.distribute(in_force)
        if kind in self._ready_for and model.built:
            return
        x, y, _ = unpack(batch)
        # A second thread waits until the model is built.
        with (
            progress.waiting("compiling"),
            self.lock,
            explaining(compiled.jit),
            placement.within(self.distribution),
        ):
            if kind in self._ready_for and model.built:
                return
            build(model, compiled, x, y, kind)
            optimizer = getattr(model, "optimizer", None)
            if kind == "train" and optimizer is not None and not optimizer.built:
                optimizer.build(model.trainable_variables)
            if kind != "predict" and self._makes_variables_late(kind):
                # The first run may make metrics and optimizer slots: let it make them now.
                with self.reading(kind) as state:
                    pass  # the arrays stay whole: this thread holds the lock until the trial has ended
                self.program(kind).trial(state, batch)
                self.forget()
            self._adopt(kind)
            self._ready_for.add(kind)

    def traces_early(self, kind: str) -> bool:
        """Return whether a step may be traced before it is needed: on one device, if it runs no steps of users."""
        own = (f"{kind}_step", "compute_loss", "compute_metrics")
        return (
            self.compiled.jit
            and self.distribution is None
            and placement.current() is None
            and not any(overrides(self.model, name) for name in own)
            and not self._makes_variables_late(kind)
        )

    def _makes_variables_late(self, kind: str) -> bool:
        """Return whether the first step may make variables: the step is user code, or layers have metrics."""
        model, compiled = self.model, self.compiled
        if overrides(model, f"{kind}_step") or (compiled.loss is not None and compiled.loss.parts is None):
            return True
        resolved = compiled.own_metrics
        return any(m not in resolved and type(m) is not metrics.Mean for m in model.metrics)

    def watch_labels(self, feed: Feed, kind: str) -> None:
        """Make a feed check its labels on the host: the device would not notice wrong labels."""
        check = label_check(self.model, self.compiled.loss, kind)
        if check is not None:
            feed.watch(check)

    # Variables and programs -------------------------------------------------------------------------------------------

    def doors(self, kind: str) -> Doors:
        """Return the doors to the variables of a kind of step."""
        return self.programs.doors(kind)

    def variables(self, kind: str) -> StateVariables:
        """Return the variables of a kind of step, in their fixed order."""
        return self.doors(kind).variables

    def reading(self, kind: str) -> Reading:
        """Return a context that gives the state of a kind of step for reading. No step donates these arrays meanwhile.

        Example:
            >>> import kernelkit as kk
            >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
            >>> with Training(model).reading("predict") as state:
            ...     [v.shape for v in state.trainable]
            [(2, 1), (1,)]
        """
        return self.doors(kind).reading()

    def stepping(self, kind: str) -> Stepping:
        """Return a context in which a step may donate the state. Put the new state into ``.state``; the end stores it.

        Neither the stop button nor another thread can interrupt it.
        """
        return self.doors(kind).stepping()

    def program(self, kind: str) -> Program:
        """Return the program of a kind of step. A change of trainable layers makes a new program."""
        return self.programs.program(kind, self.compiled.jit, self.distribution)

    def compiled_texts(self, kind: str) -> list[str]:
        """Return the optimized HLO of each executable of a kind of step, without compiling anything."""
        return self.programs.texts(kind, self.compiled.jit)

    def pace(self, kind: str, one_by_one: bool) -> Pace:
        """Return the pace of a kind of step."""
        return self.programs.pace(kind, self.compiled, one_by_one)

    def optimizers(self) -> list:
        """Return the model's optimizer, and optimizers that a subclass keeps as attributes."""
        return optimizers_of(self.model)

    def as_list(self, logs: dict) -> Any:
        """Return logs as a list, in Keras's order. Return a single log as it is.

        The order: the logs that have the name of a metric, in the order of the metrics; then the others by name.
        """
        key = (changes.structure.count, *logs)
        if self._log_order is None or self._log_order[0] != key:
            names = [metric.name for metric in flat_metrics(self.model)]
            order = [*dict.fromkeys(n for n in names if n in logs), *sorted(set(logs) - set(names))]
            self._log_order = (key, order)
        values = [logs[name] for name in self._log_order[1]]
        return values[0] if len(values) == 1 else values
