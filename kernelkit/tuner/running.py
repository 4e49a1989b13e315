"""One trial: build a model, train it once or several times, and compute the objective."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kernelkit.callbacks.monitor import is_better
from kernelkit.models import Model
from kernelkit.random import set_random_seed
from kernelkit.training.callback import Callback
from kernelkit.training.history import History
from kernelkit.tuner.hypermodel import Objective
from kernelkit.tuner.hyperparameters import HyperParameters
from kernelkit.tuner.study import WrongSearch
from kernelkit.tuner.watching import Watcher


@dataclass(frozen=True)
class Outcome:
    """The outcome of a trial.

    Attributes:
        state: ``"complete"``, ``"pruned"``, ``"failed"`` or ``"cut off"``.
        value: The objective of a complete trial.
        note: Reason why it ended early or failed.
        failure: The error of a failed trial.
    """

    state: str
    value: float | None = None
    note: str = ""
    failure: Exception | None = None


@dataclass
class Recipe:
    """The common settings of a search's trials.

    Attributes:
        hypermodel: Object with ``build`` and ``fit``.
        objective: The objective.
        executions: Number of trainings of each trial.
        args: Data for `fit`.
        kwargs: More arguments of `fit`.
        callbacks: Callbacks, copied for each trial, or a function of the hyperparameters that makes them.
        verbose: The ``verbose`` of `fit`.
    """

    hypermodel: Any
    objective: Objective
    executions: int = 1
    args: tuple = ()
    kwargs: dict = field(default_factory=dict)
    callbacks: Any = None
    verbose: Any = 0


def run_trial(
    recipe: Recipe, hp: HyperParameters, watcher: Watcher, seed: int | None, note: Callable[[str, Any], None]
) -> Outcome:
    """Run a trial.

    Args:
        recipe: The settings of the trials.
        hp: The trial's hyperparameters.
        watcher: The trial's watcher.
        seed: Random seed of its first execution.
        note: Function that stores an attribute of the trial.

    Raises:
        WrongSearch: If no trial of the search can succeed.
    """
    values: list[float] = []
    try:
        for execution in range(recipe.executions):
            if seed is not None:
                set_random_seed((seed + execution) % 2**32)
            watcher.begin_execution()
            value = _value(recipe, _trained(recipe, hp, watcher, note), watcher)
            values += [] if value is None else [value]
            is_whole = value is not None and not watcher.epochs  # a function that does not check for stops
            if watcher.cut_off and not is_whole:
                return Outcome("cut off", note=watcher.stop_reason)
            if watcher.pruned:
                return Outcome("pruned", note=watcher.stop_reason)
            if watcher.by_hand:
                break
            if value is None:
                return Outcome("failed", note=watcher.stop_reason or f"{recipe.objective.name} is never finite")
    except WrongSearch:
        raise
    except Exception as error:
        note("traceback", "".join(traceback.format_exception(error))[-8000:])
        if watcher.cut_off:
            return Outcome("cut off", note=watcher.stop_reason)
        return Outcome("failed", note=f"{type(error).__name__}: {error}"[:2000], failure=error)
    if not values:
        return Outcome("pruned", note=watcher.stop_reason)
    return Outcome("complete", math.fsum(values) / len(values), str(watcher.stop_reason or ""))


def _trained(recipe: Recipe, hp: HyperParameters, watcher: Watcher, note: Callable[[str, Any], None]) -> Any:
    """Build a model and fit it, or call a function that trains by itself. Return the result."""
    model = recipe.hypermodel.build(hp)
    if not isinstance(model, Model):
        if recipe.args or set(recipe.kwargs) - {"epochs"}:
            raise WrongSearch(
                f"search() was given data, but build(hp) returned {_described(model)}, not a compiled model. A "
                "function that trains by itself returns the objective, and search() takes no data."
            )
        return model
    own = _callbacks(recipe.callbacks, hp)
    fit = recipe.hypermodel.fit
    takes = inspect.signature(fit).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in takes.values())
    verbose = {"verbose": recipe.verbose} if takes_all or "verbose" in takes else {}
    outcome = fit(hp, model, *recipe.args, callbacks=[*own, watcher], **verbose, **recipe.kwargs)
    if not watcher.stop_reason:
        watcher.stop_reason = next((c.stop_reason for c in own if getattr(c, "stop_reason", "")), "")
    with contextlib.suppress(
        TypeError, ValueError
    ):  # shapes that JSON cannot hold: the model can be built without them
        note("build_config", model.get_build_config())
    return outcome


def _described(thing: Any) -> str:
    return "None" if thing is None else f"a {type(thing).__name__}"


def _callbacks(callbacks: Any, hp: HyperParameters) -> list[Callback]:
    """Return the callbacks of one execution."""
    if callable(callbacks) and not isinstance(callbacks, Callback):
        callbacks = callbacks(hp)
        return [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
    given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
    try:
        return copy.deepcopy(given)
    except Exception as error:
        raise WrongSearch(
            f"Each trial needs its own callbacks, and these cannot be copied ({error}). Give a function that makes "
            "them: callbacks=lambda hp: [...]."
        ) from error


def _value(recipe: Recipe, outcome: Any, watcher: Watcher) -> float | None:
    """Return the objective of an execution, ``None`` if it was never finite or the trial was stopped before its end."""
    name = recipe.objective.name
    if outcome is None or isinstance(outcome, History):
        if watcher.epochs or watcher.is_halted:
            return watcher.best
        outcome = outcome.history if isinstance(outcome, History) else [None]
    if isinstance(outcome, Mapping):
        if name not in outcome:
            raise WrongSearch(f"The objective {name!r} is not in the returned logs: {list(outcome)}.")
        outcome = outcome[name]
    best = None
    for value in outcome if isinstance(outcome, (list, tuple)) else [outcome]:
        if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
            raise WrongSearch(
                "build(hp) must return a compiled model, or the objective: a number, a History, or a dict with "
                f"{name!r}. It returned {_described(value)}."
            )
        number = float(value)
        if math.isfinite(number) and is_better(number, best, recipe.objective.direction):
            best = number
    return best
