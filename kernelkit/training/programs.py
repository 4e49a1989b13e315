"""`Programs`: a model's variables in a fixed order, and the compiled programs of its steps.

Both depend on the parts of the model: its layers, their trainability, its metrics and its optimizers. They
are kept until these parts change (:class:`Structure`).
"""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import jax
import numpy as np

from kernelkit import changes, optimizers, placement
from kernelkit.layers.base.parts import parts, unique, walk
from kernelkit.training.compiled import Compiled
from kernelkit.training.overriding import overrides
from kernelkit.training.pace import Pace
from kernelkit.training.state import Doors, StateVariables
from kernelkit.training.step import MAX_STEPS, Program
from kernelkit.training.step_forms import step_of
from kernelkit.variable import StateLock, Variable, claim


class Dropped:
    """Bytes of models that were dropped since the last garbage collection.

    The graph of a functional model is a circle of tensors and layers, so ``del model`` alone does not free its weights:
    Python's garbage collector does, when it runs. It runs here before a new program is made, if much would be freed.
    """

    LIMIT = 64 * 2**20

    def __init__(self) -> None:
        self.nbytes = 0

    def collect(self) -> None:
        """Run the garbage collector if dropped models held much memory."""
        if self.nbytes >= self.LIMIT:
            self.nbytes = 0
            gc.collect()


dropped = Dropped()


class Structure:
    """The parts that determine a model's variables and programs. Equal structures have the same variables, in order.

    The parts are held, and the variables by weak references that are compared by identity, not by ids: Python may give
    the id of a deleted object to a new one.
    """

    def __init__(self, model: Any) -> None:
        layers = list(walk(model))
        self._own_trainable = model._trainable  # the model itself is not held
        self._parts: list[tuple[Any, tuple]] = [(layer, (layer._trainable,)) for layer in layers]
        self._parts += [(metric, (len(metric.variables),)) for metric in model.metrics]
        self._parts += [(o, (len(o.variables), o.settings_version)) for o in optimizers_of(model)]
        self._variables = [weakref.ref(v) for layer in layers for v in layer._own_variables]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Structure)
            and self._own_trainable == other._own_trainable
            and len(self._parts) == len(other._parts)
            and len(self._variables) == len(other._variables)
            and all(a is b and x == y for (a, x), (b, y) in zip(self._parts, other._parts, strict=True))
            and all(a is b for a, b in zip(self._variables, other._variables, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]


class _Kept:
    """The doors to the variables of one kind of step, and the structure that they belong to."""

    def __init__(self, structure: Structure, doors: Doors) -> None:
        self.structure = structure
        self.doors = doors
        self.checked_at = -1
        """The value of `changes.structure.count` at which the structure was the model's last."""


class Programs:
    """The variables and programs of a model's steps: ``"train"``, ``"test"`` and ``"predict"``.

    Args:
        model: The model. It is not kept alive.
        lock: Guards the model's variables, and this cache.

    Attributes:
        functions: The results of `make_train_function` and its siblings.
    """

    def __init__(self, model: Any, lock: StateLock) -> None:
        self._model = weakref.ref(model)
        self.lock = lock
        self.functions: dict[str, Any] = {}
        self._doors: dict[str, _Kept] = {}
        self._programs: dict[tuple[str, bool], Program] = {}
        self._paces: dict[str, Pace] = {}
        self._fresh: dict[str, tuple[StateVariables, tuple]] = {}
        self._optimizer_served = False
        self._nbytes = 0

    def __del__(self) -> None:
        if dropped is not None:  # it is None when Python ends
            dropped.nbytes += self._nbytes

    @property
    def model(self) -> Any:
        return self._model()

    def forget(self, recompiled: bool = False) -> None:
        """Drop everything, because the model has changed.

        Args:
            recompiled: Whether `compile` was called.
        """
        self._programs.clear()
        self._doors.clear()
        self._fresh.clear()
        self.functions.clear()
        if recompiled:
            self._optimizer_served = False

    # Variables --------------------------------------------------------------------------------------------------------

    def doors(self, kind: str) -> Doors:
        """Return the doors to the variables of a kind of step."""
        with self.lock:
            now = changes.structure.count
            kept = self._doors.get(kind)
            if kept is not None and kept.checked_at == now:
                return kept.doors
            structure = Structure(self.model)
            if kept is None or kept.structure != structure:
                if kept is not None:
                    self._programs = {key: p for key, p in self._programs.items() if key[0] != kind}
                kept = self._doors[kind] = _Kept(structure, self._find_doors(kind))
            kept.checked_at = now
            return kept.doors

    def _find_doors(self, kind: str) -> Doors:
        model = self.model
        trainable, rest = tuple(model.trainable_variables), tuple(model.non_trainable_variables)
        slots: tuple = ()
        watched: tuple = ()
        if kind == "train":
            self._require_optimizer_for(trainable)
            known = {id(v) for v in (*trainable, *rest)}
            slots = tuple(v for o in optimizers_of(model) for v in o.variables if id(v) not in known)
        if kind != "predict":
            watched = tuple(model.metrics_variables)
            own = {id(v) for v in watched}
            rest = tuple(v for v in rest if id(v) not in own)
        variables = StateVariables(trainable, rest, slots, watched)
        sizes = (math.prod(v.shape) * jax.numpy.dtype(v.dtype).itemsize for group in variables for v in group)
        self._nbytes = max(self._nbytes, sum(sizes))
        return Doors(variables, claim((v for group in variables for v in group), self.lock))

    def _require_optimizer_for(self, trainable: tuple[Variable, ...]) -> None:
        """Raise if the optimizer was built for other weights than the current trainable ones."""
        optimizer = getattr(self.model, "optimizer", None)
        if overrides(self.model, "train_step"):
            return
        if optimizer is None:
            raise ValueError(
                f"Model {self.model.name!r} was compiled without an optimizer, so it can only evaluate and predict. "
                "Give compile() one: model.compile(optimizer='adam', loss=...)."
            )
        if not optimizer.built:
            return
        if optimizer.serves(trainable):
            self._optimizer_served = True
            return
        if self._optimizer_served:
            raise ValueError(
                f"model.trainable changed since compile(): the state of optimizer {optimizer.name!r} belongs to other "
                f"weights than the {len(trainable)} that model {self.model.name!r} trains now. Call compile() again "
                "with a new optimizer. [K08]"
            )
        raise ValueError(
            f"Optimizer {optimizer.name!r} was used for other weights than the {len(trainable)} that model "
            f"{self.model.name!r} trains. Make a new optimizer and give it to compile()."
        )

    # Metrics ----------------------------------------------------------------------------------------------------------

    def fresh_metrics(self, kind: str) -> tuple:
        """Return the initial values of the metric variables. They are cached: resetting takes as long as a step."""
        with self.lock:
            doors = self.doors(kind)
            known = self._fresh.get(kind)
            if known is not None and known[0] is doors.variables:
                return known[1]
            self.model.reset_metrics()
            with doors.reading() as state:
                values = tuple(np.array(v) for v in state.metrics)
            # A custom reset_state may do more than set variables, so it runs each time.
            metrics_of_users = any(overrides(m, "reset_state") for m in flat_metrics(self.model))
            if not metrics_of_users and not overrides(self.model, "reset_metrics"):
                self._fresh[kind] = (doors.variables, values)
            return values

    def reset_metrics(self, kind: str) -> None:
        """Reset the metrics of a kind of step."""
        fresh = self.fresh_metrics(kind)
        for variable, value in zip(self.doors(kind).variables.metrics, fresh, strict=True):
            variable.assign(jax.device_put(value, may_alias=False))  # a copy, since steps overwrite it

    # Programs ---------------------------------------------------------------------------------------------------------

    def program(self, kind: str, jit: bool, distribution: Any = None) -> Program:
        """Return the program of a kind of step. A change of the model's structure makes a new program.

        Args:
            kind: The kind of step.
            jit: Whether steps are compiled.
            distribution: The distribution of the model. If it changes, :meth:`forget` is called.
        """
        with self.lock:
            variables = self.doors(kind).variables
            if (kind, jit) not in self._programs:
                dropped.collect()
                step = placement.traced_within(distribution, step_of(self.model, kind, variables))
                self._programs[kind, jit] = Program(step, kind, jit)
            return self._programs[kind, jit]

    def texts(self, kind: str, jit: bool) -> list[str]:
        """Return the optimized HLO of each executable of a kind of step, without compiling anything."""
        with self.lock:
            program = self._programs.get((kind, jit))
            return [] if program is None else program.texts()

    @property
    def made(self) -> list[Program]:
        """The programs made so far."""
        return list(self._programs.values())

    def pace(self, kind: str, compiled: Compiled, one_by_one: bool) -> Pace:
        """Return the pace of a kind of step. Its measured step time is kept from fit to fit."""
        steps = compiled.steps_per_execution
        if one_by_one or not compiled.jit or steps == "single":
            return Pace(1, MAX_STEPS)
        if steps not in ("auto", 1):
            return Pace(int(steps), MAX_STEPS)
        return self._paces.setdefault(kind, Pace(None, MAX_STEPS))


def optimizers_of(model: Any) -> list:
    """Return a model's optimizer, and optimizers that a subclass keeps as attributes."""
    optimizer = getattr(model, "optimizer", None)  # the model may not be compiled
    own = [] if optimizer is None else [optimizer]
    return unique([*own, *parts(model, optimizers.Optimizer)])


def flat_metrics(model: Any) -> list:
    """Return a model's metrics as a flat list. ``CompiledMetrics`` is replaced by the metrics it holds."""
    return [m for metric in model.metrics for m in getattr(metric, "metrics", [metric])]
