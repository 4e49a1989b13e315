"""Optuna's studies in memory or in a project's file. Trials of dead processes are marked as failed."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

from kernelkit.training.callback import Callback
from kernelkit.tuner.checked import check_database
from kernelkit.tuner.hyperparameters import HyperParameters
from kernelkit.tuner.spaces import Limits, Options, Space, Value, grid_of, lies_in

_WHERE = "kernelkit_process"
_OBJECTIVE = "kernelkit_objective"
BY_HAND = "kernelkit_by_hand"
"""The attribute of trials with values from the user."""

_searches: set[str] = set()


class WrongSearch(ValueError):
    """The error for a mistake that every other trial would make too, so that the search ends at once."""


def load_optuna() -> Any:
    """Import Optuna.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError("kernelkit.tuner needs Optuna: pip install 'kernelkit[tuner]'.") from error
    return optuna


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from logging each step to stderr while the block runs."""
    logging = load_optuna().logging
    before = logging.get_verbosity()
    logging.set_verbosity(max(before, logging.WARNING))
    try:
        yield
    finally:
        logging.set_verbosity(before)


def open_study(name: str, path: str | None, storage: Any, objective: str, way: str, sampler: Any, pruner: Any) -> Any:
    """Return a study, an old one if the storage has one of this name.

    Args:
        name: Name of the study.
        path: Path of an SQLite file; ``None`` for memory or the storage.
        storage: Address for SQLAlchemy or a storage of Optuna, if there is no path.
        objective: Name of the metric.
        way: ``"min"`` or ``"max"``.
        sampler: Sampler of Optuna.
        pruner: Pruner of Optuna.

    Raises:
        ValueError: If the file is not a database of Optuna, or the old study is for another objective.
    """
    optuna = load_optuna()
    if path is not None:
        check_database(path)
        storage = _address(path)
    with quiet():
        try:
            study = optuna.create_study(
                storage=storage,
                sampler=sampler,
                pruner=pruner,
                study_name=name,
                direction=f"{way}imize",
                load_if_exists=True,
            )
            study.get_trials(deepcopy=False)
        except Exception as error:
            if path is None:
                raise
            raise ValueError(f"{path!r} cannot be used as a study of Optuna: {error}") from error
    before = study.user_attrs.get(_OBJECTIVE, objective)
    if (before, study.direction.name) != (objective, f"{way}imize".upper()):
        raise ValueError(
            f"The search {name!r} in {path or storage!r} was made for {before!r} ({study.direction.name.lower()}), not "
            f"for {objective!r} ({way}imize). Give this one another project_name, or overwrite=True."
        )
    study.set_user_attr(_OBJECTIVE, objective)
    return study


def _address(path: str) -> str:
    """Return the address of an SQLite file, whatever characters its path has."""
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=path).render_as_string()


class TrialHyperParameters(HyperParameters):
    """Hyperparameters whose values a trial of Optuna chooses.

    Args:
        trial: Trial of Optuna.
        watcher: Callback that reports epochs.
        limits: The limits of the search.
        is_grid: Whether the search is a grid.
    """

    def __init__(self, trial: Any, watcher: Callback, limits: Limits, is_grid: bool) -> None:
        super().__init__()
        self._trial, self._watcher, self._limits, self._is_grid = trial, watcher, limits, is_grid
        self._queued = queued_values(trial)

    def callback(self) -> Callback:
        """Return the callback that reports the trial's epochs to the search."""
        return self._watcher

    def _choose(self, name: str, space: Space, default: Value) -> Value:
        if name in self._queued and not lies_in(self._queued[name], space):
            raise ValueError(f"Hyperparameter {name!r}: {self._queued[name]!r} is not one of its values: {space}.")
        if self._is_grid:
            space = Options(grid_of(space))
        try:
            return self._suggested(name, space)
        except ValueError as error:
            raise WrongSearch(
                f"Hyperparameter {name!r} had other values in an earlier trial of this search ({error}) Rename "
                "it, or give the search another project_name."
            ) from error

    def _suggested(self, name: str, space: Space) -> Any:
        if isinstance(space, Options):
            return self._trial.suggest_categorical(name, list(space.values))
        if space.is_int:
            step = 1 if space.step is None else int(space.step)
            return self._trial.suggest_int(name, int(space.low), int(space.high), step=step, log=space.log)
        return self._trial.suggest_float(name, space.low, space.high, step=space.step, log=space.log)


def queued_values(trial: Any) -> dict[str, Any]:
    """Return the values with which a trial was queued. Optuna accepts them even if they are out of range."""
    values = trial.study.get_trials(deepcopy=False)[trial.number].system_attrs.get("fixed_params")
    return values if isinstance(values, dict) else {}


# Who runs a trial -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def searching(identity: str) -> Iterator[None]:
    """Protect the trials that a search has claimed from :func:`give_up_dead` while the block runs."""
    _searches.add(identity)
    try:
        yield
    finally:
        _searches.discard(identity)


def claim(trial: Any, identity: str) -> None:
    """Record the process and the search that run a trial."""
    trial.set_user_attr(_WHERE, [socket.gethostname(), os.getpid(), identity])


def give_up_dead(study: Any) -> int:
    """Mark trials of dead searches on this computer as failed, and queue their values. Return their number."""
    optuna = load_optuna()
    dead = [
        trial
        for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        if _is_dead(trial.user_attrs.get(_WHERE))
    ]
    for trial in dead:
        put_back(study, trial)
    return len(dead)


def put_back(study: Any, trial: Any) -> None:
    """End an interrupted trial, and queue its values for a new trial."""
    optuna = load_optuna()
    marks = {BY_HAND: True} if BY_HAND in trial.user_attrs else None
    with quiet():
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        if trial.params:
            study.enqueue_trial(trial.params, user_attrs=marks)


def _is_dead(where: Any) -> bool:
    """Return whether the process and search recorded by :func:`claim` no longer run."""
    if not isinstance(where, list) or len(where) != 3:
        return False
    host, process, identity = where
    if host != socket.gethostname() or not isinstance(process, int) or process <= 0:
        return False
    if process == os.getpid():  # in a restarted container an earlier process may have had the same number
        return identity not in _searches
    if os.name == "nt":  # os.kill would end the process
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
