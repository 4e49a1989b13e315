"""`Training`: a model's `compile` settings, its variables in a fixed order, and its compiled programs."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from kernelkit import changes, interrupts, metrics, optimizers, placement, processes
from kernelkit.feeds.batch import batch_rows, unpack
from kernelkit.feeds.feed import Feed
from kernelkit.hints import explaining
from kernelkit.layers import Masking
from kernelkit.layers.base.parts import parts, unique, walk
from kernelkit.random import make_default_seed, times_seeded
from kernelkit.training.background import BackgroundFit
from kernelkit.training.building import build
from kernelkit.training.compile import CompiledLoss, CompiledMetrics
from kernelkit.training.labels import LabelCheck
from kernelkit.training.last_fit import LastFit
from kernelkit.training.overriding import overrides
from kernelkit.training.pace import Pace
from kernelkit.training.resume import Place
from kernelkit.training.state import Doors, Reading, StateVariables, Stepping
from kernelkit.training.step import MAX_STEPS, Program
from kernelkit.training.step_forms import step_of
from kernelkit.variable import StateLock, Variable, claim

# The attributes that a copy or a pickle keeps.
_SETTINGS = ("model", "compiled", "loss", "metrics", "loss_tracker", "steps_per_execution", "jit", "settings")


class Training:
    """The trainable side of a model: compiled loss, metrics, optimizer and executables.

    Args:
        model: The model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.compiled = False
        self.loss: CompiledLoss | None = None
        self.metrics: CompiledMetrics | None = None
        self.loss_tracker: metrics.Mean | None = None
        self.steps_per_execution: int | str = "auto"
        self.jit = True
        self.settings: dict[str, Any] = {}
        self.lock = StateLock()
        """Guards the model's variables and the caches of this object."""
        self._programs: dict[Any, Program] = {}
        self._paces: dict[Any, Pace] = {}
        self._variables: dict[str, tuple[int, Any, Doors]] = {}
        self._fresh: dict[str, tuple[StateVariables, tuple]] = {}
        self._ready_for: set[str] = set()
        self._log_order: tuple[tuple, list[str]] | None = None
        self._data_seed: tuple[int, int] | None = None  # the seed, and how many times the global seed was set
        self.functions: dict[str, Callable] = {}
        self._said_no_gradient = False
        self._optimizer_served = False
        self.background: BackgroundFit | None = None
        self.in_epoch = False
        """Whether an epoch is running. Its metrics must not be changed from outside."""
        self.feed: Feed | None = None
        """The feed of the running fit."""
        self.resume: Place | None = None
        """The place where the next fit starts, if a callback set one."""
        self._trained_by: threading.Thread | None = None
        self.last_fit: LastFit | None = None
        """The last fit, if it ended with an error, an interrupt or NaN."""
        self.distribution: Any = placement.current()
        """What spreads the model over several devices, ``None`` for one device."""

    def __getstate__(self) -> dict[str, Any]:
        # Programs, locks and threads belong to their process: a copy compiles its own programs.
        return {name: self.__dict__[name] for name in _SETTINGS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Training.__init__(self, state["model"])
        self.__dict__.update(state)

    def forget(self) -> None:
        """Drop the compiled programs, because the model has changed."""
        self._programs.clear()
        self._variables.clear()
        self._fresh.clear()
        self._ready_for.clear()
        self.functions.clear()

    def configure(self, settings: dict[str, Any]) -> None:
        """Store the arguments of `compile`."""
        self.forget()
        self.settings = settings
        self.loss = CompiledLoss(settings["loss"], settings["loss_weights"]) if settings["loss"] is not None else None
        watched = settings["metrics"] or settings["weighted_metrics"]
        self.metrics = (
            CompiledMetrics(settings["metrics"], settings["weighted_metrics"], settings["loss"]) if watched else None
        )
        self.loss_tracker = metrics.Mean(name="loss")
        self._said_no_gradient = self._optimizer_served = False
        self.steps_per_execution = settings["steps_per_execution"]
        self.jit = not settings["run_eagerly"] and settings["jit_compile"] is not False
        self.compiled = True

    def require_compiled(self, what: str) -> None:
        """Raise unless `compile` was called."""
        if not self.compiled:
            raise ValueError(
                f"You must call `compile()` before {what}(): model.compile(optimizer='adam', loss=..., metrics=[...]) "
                "names the loss and the optimizer."
            )

    def require_idle(self, what: str) -> None:
        """Raise if another thread trains the model: both would write the same weights and metrics."""
        if self.background is not None and self.background.is_training_elsewhere():
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
        for optimizer in self.optimizers():
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
        seed = make_default_seed()
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

    def spread_batch(self, batch: Any) -> Any:
        """Return one batch on the model's devices, unchanged if there is one device."""
        return batch if self.distribution is None else self.distribution.batches.one(batch, batch_rows(batch))

    def check_interrupts(self) -> None:
        """Raise KeyboardInterrupt if the stop button was pressed, in any process: all stop at the same step."""
        if processes.count() == 1:
            interrupts.check()
        elif processes.any_of(interrupts.pressed()):
            interrupts.check()
            raise KeyboardInterrupt("another process of this training was interrupted")

    def stops(self) -> bool:
        """Return whether training shall stop, in all processes if it shall in one."""
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

    def prepare(self, kind: str, batch: Any) -> None:
        """Build the model, the metrics and the optimizer for batches like the given one. Runs once per kind."""
        model = self.model
        in_force = placement.current()
        if in_force is not None:
            self.distribute(in_force)
        if kind in self._ready_for and model.built:
            return
        x, y, _ = unpack(batch)
        # A second thread waits until the model is built.
        with self.lock, explaining(self.jit), placement.within(self.distribution):
            if kind in self._ready_for and model.built:
                return
            build(self.model, self, x, y, kind)
            if kind == "train" and model.optimizer is not None and not model.optimizer.built:
                model.optimizer.build(model.trainable_variables)
            unbuilt = self.loss is not None and self.loss.parts is None
            if kind != "predict" and (overrides(model, f"{kind}_step") or unbuilt):
                # A custom step may create metrics and optimizer slots in its first run: let it create them now.
                self.program(kind).trial(self.variables(kind).peek(), batch)
                self.forget()
            self._adopt(kind)
            self._ready_for.add(kind)

    def label_check(self, kind: str) -> LabelCheck | None:
        """Return the label check for a kind of step, ``None`` if the valid labels are not known.

        They are not known for a custom step or loss. Masked positions may hold any label.
        """
        model = self.model
        own = overrides(model, f"{kind}_step") or overrides(model, "compute_loss")
        if own or self.loss is None or self.loss.parts is None:
            return None
        check = LabelCheck(self.loss)
        masked = any(getattr(layer, "mask_zero", False) or isinstance(layer, Masking) for layer in walk(model))
        return None if check.is_empty or masked else check

    def watch_labels(self, feed: Feed, kind: str) -> None:
        """Make a feed check its labels on the host: the device would not notice wrong labels."""
        check = self.label_check(kind)
        if check is not None:
            feed.watch(check)

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

    def doors(self, kind: str) -> Doors:
        """Return the doors to the variables of a kind of step."""
        with self.lock:
            return self._find_doors(kind)

    def _find_doors(self, kind: str) -> Doors:
        model = self.model
        now = changes.structure.count
        cached = self._variables.get(kind)
        if cached is not None and cached[0] == now:
            return cached[2]
        # Keep the parts themselves, not their ids: Python may reuse the id of a deleted part.
        signature: list[tuple] = [(layer, layer._trainable) for layer in [model, *walk(model)]]
        signature += [(part, len(part.variables)) for part in model.metrics]
        signature += [(part, len(part.variables), part.settings_version) for part in self.optimizers()]
        if cached is not None and cached[1] == signature:
            self._variables[kind] = (now, *cached[1:])
            return cached[2]
        trainable, rest = tuple(model.trainable_variables), tuple(model.non_trainable_variables)
        if kind == "train":
            self._require_optimizer_for(trainable)
        slots: tuple = ()
        watched: tuple = ()
        if kind == "train":
            known = {id(v) for v in (*trainable, *rest)}
            slots = tuple(v for o in self.optimizers() for v in o.variables if id(v) not in known)
        if kind != "predict":
            watched = tuple(model.metrics_variables)
            own = {id(v) for v in watched}
            rest = tuple(v for v in rest if id(v) not in own)
        variables = StateVariables(trainable, rest, slots, watched)
        found = Doors(variables, claim((v for group in variables for v in group), self.lock))
        self._variables[kind] = (now, signature, found)
        if cached is not None:
            self._programs = {k: p for k, p in self._programs.items() if k[0] != kind}
        return found

    def _require_optimizer_for(self, trainable: tuple[Variable, ...]) -> None:
        """Raise if the optimizer was built for other weights than the current trainable ones."""
        optimizer = self.model.optimizer
        if optimizer is None or not optimizer.built or overrides(self.model, "train_step"):
            return
        if optimizer.serves(trainable):
            self._optimizer_served = True
            return
        if self._optimizer_served:
            raise ValueError(
                f"model.trainable changed since compile(): the state of optimizer {optimizer.name!r} belongs to other "
                f"weights than the {len(trainable)} that model {self.model.name!r} trains now. Call compile() again "
                "with a new optimizer."
            )
        raise ValueError(
            f"Optimizer {optimizer.name!r} was used for other weights than the {len(trainable)} that model "
            f"{self.model.name!r} trains. Make a new optimizer and give it to compile()."
        )

    def say_no_gradient(self) -> None:
        """Warn that training changes no weight. Warns once after each `compile`."""
        if self._said_no_gradient:
            return
        self._said_no_gradient = True
        if not self.model.trainable_variables:
            what = "The model has no trainable variables, so fit() only measures"
        else:
            what = (
                "No trainable variable has a gradient, so the weights will not change: argmax, round, a cast to int, "
                "stop_gradient or NumPy lies between them and the loss, or the loss doesn't use the model's output"
            )
        warnings.warn(f"{what}.", stacklevel=2)

    def fresh_metrics(self, kind: str) -> tuple:
        """Return the initial values of the metric variables. They are cached: resetting takes as long as a step."""
        with self.lock:
            return self._find_fresh_metrics(kind)

    def _find_fresh_metrics(self, kind: str) -> tuple:
        variables = self.variables(kind)
        known = self._fresh.get(kind)
        if known is not None and known[0] is variables:
            return known[1]
        self.model.reset_metrics()
        values = tuple(np.array(v.peek()) for v in variables.metrics)
        # A custom reset_state may do more than set variables, so it runs each time.
        metrics_of_users = any(overrides(m, "reset_state") for m in _flat(self.model.metrics))
        if not metrics_of_users and not overrides(self.model, "reset_metrics"):
            self._fresh[kind] = (variables, values)
        return values

    def reset_metrics(self, kind: str) -> None:
        """Reset the metrics of a kind of step."""
        for variable, value in zip(self.variables(kind).metrics, self.fresh_metrics(kind), strict=True):
            variable.assign(jax.numpy.array(value))

    def optimizers(self) -> list:
        """Return the model's optimizer, and optimizers that a subclass keeps as attributes."""
        own = [self.model.optimizer] if self.model.optimizer is not None else []
        return unique([*own, *parts(self.model, optimizers.Optimizer)])

    def as_list(self, logs: dict) -> Any:
        """Return logs as a list in the order of the metrics (jax sorts them by name). Return a single log as it is."""
        key = (changes.structure.count, *logs)
        if self._log_order is None or self._log_order[0] != key:
            names = [name for metric in self.model.metrics for name in getattr(metric, "names", [metric.name])]
            order = sorted(logs, key=lambda n: names.index(n) if n in names else len(names))
            self._log_order = (key, order)
        values = [logs[name] for name in self._log_order[1]]
        return values[0] if len(values) == 1 else values

    # Programs ---------------------------------------------------------------------------------------------------------

    def program(self, kind: str) -> Program:
        """Return the program of a kind of step. A change of trainable layers makes a new program."""
        with self.lock:
            self.variables(kind)
            key = (kind, self.jit)
            if key not in self._programs:
                step = step_of(self.model, kind, self.variables(kind))
                self._programs[key] = Program(placement.traced_within(self.distribution, step), kind, self.jit)
            return self._programs[key]

    def compiled_texts(self, kind: str) -> list[str]:
        """Return the optimized HLO of each executable of a kind of step, without compiling anything."""
        with self.lock:
            program = self._programs.get((kind, self.jit))
            return [] if program is None else program.texts()

    @property
    def hook_stride(self) -> int:
        """Number of steps per call of the batch hooks: 1, unless `compile` was given ``steps_per_execution``."""
        return self.steps_per_execution if isinstance(self.steps_per_execution, int) else 1

    def pace(self, kind: str, one_by_one: bool) -> Pace:
        """Return the pace of a kind of step. Its measured step time is kept from fit to fit."""
        if one_by_one or not self.jit or self.steps_per_execution == "single":
            return Pace(1, MAX_STEPS)
        if self.steps_per_execution not in ("auto", 1):
            return Pace(int(self.steps_per_execution), MAX_STEPS)
        return self._paces.setdefault(kind, Pace(None, MAX_STEPS))


def _flat(found: list) -> list:
    """Return metrics as a flat list. ``CompiledMetrics`` is replaced by the metrics it holds."""
    return [m for metric in found for m in getattr(metric, "metrics", [metric])]
