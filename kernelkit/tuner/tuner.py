"""`Tuner`: a search for good hyperparameters, trial by trial."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jax

from kernelkit.callbacks.monitor import is_better
from kernelkit.models import Model
from kernelkit.training.display import say
from kernelkit.tuner import results as tables
from kernelkit.tuner import samplers
from kernelkit.tuner import study as studies
from kernelkit.tuner.board import Board, Snapshot, page
from kernelkit.tuner.hypermodel import Objective, as_hypermodel, as_objective
from kernelkit.tuner.hyperparameters import HyperParameters, recalled
from kernelkit.tuner.panel import choose
from kernelkit.tuner.project import Project
from kernelkit.tuner.results import TrialResult
from kernelkit.tuner.running import Outcome, Recipe, run_trial
from kernelkit.tuner.spaces import Limits, Space, Value
from kernelkit.tuner.watching import Watcher


class Tuner:
    """Search for good hyperparameters. Optuna chooses them and prunes bad trials.

    With ``directory`` or ``project_name`` the search is stored in a folder, and continues from there after an
    interrupt, in another process too.

    Args:
        hypermodel: Function of :class:`HyperParameters` that returns a compiled model; the tuner calls `fit`. Or a
            function that trains by itself and returns the objective: a number, a History, or a dict with the
            objective's name. Or a :class:`HyperModel`.
        objective: Name of the metric in the logs of training, or an :class:`Objective`. The value of a trial is that
            of its best epoch.
        max_trials: Number of trials of the whole search, including those before an interrupt; ``None`` for no
            limit.
        executions_per_trial: Number of trainings of each trial. Its value is their mean.
        sampler: Choice of the values: ``"tpe"``, ``"random"``, ``"grid"``, or a sampler of Optuna.
        pruner: Choice of trials to end early: ``"median"``, ``"hyperband"``, ``"none"``, or a pruner of Optuna.
        seed: Seed of the search, and of the weights and batches of each trial.
        hyperparameters: Hyperparameters that replace those of ``hypermodel`` with the same names.
        tune_new_entries: Whether other hyperparameters are searched too. If not, they have their defaults.
        allow_new_entries: Whether other hyperparameters are allowed.
        directory: Folder of projects.
        project_name: Name of the project's folder, by default ``"search"``.
        overwrite: Whether to start a new search in a project's folder. The files of an earlier search are removed.
        keep: Number of best trials whose weights are kept.
        max_consecutive_failed_trials: Number of errors in a row that ends the search; ``None`` for no limit.
        storage: Address for SQLAlchemy or a storage of Optuna, instead of the project's file, for several computers.

    Attributes:
        hypermodel: Object with ``build(hp)`` and ``fit``.
        objective: The :class:`Objective`.
        max_trials: As above; it may be increased before another `search`.
        study: Optuna's study.

    Raises:
        ImportError: If Optuna is not installed.
        ValueError: If an argument has another value, or the project belongs to another search.

    Example:
        >>> import kernelkit as kk
        >>> def distance(hp):
        ...     x = hp.Float("x", -1.0, 1.0)
        ...     return (x - 0.5) ** 2
        >>> tuner = kk.tuner.Tuner(distance, "loss", max_trials=20, seed=0)
        >>> tuner.search(verbose=0)
        >>> tuner.best.value < 0.1, len(tuner.results)
        (True, 20)
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: str | Objective = "val_loss",
        max_trials: int | None = 10,
        *,
        executions_per_trial: int = 1,
        sampler: Any = "tpe",
        pruner: Any = "median",
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        directory: str | os.PathLike | None = None,
        project_name: str | None = None,
        overwrite: bool = False,
        keep: int = 1,
        max_consecutive_failed_trials: int | None = 3,
        storage: Any = None,
    ) -> None:
        who = type(self).__name__
        for what, count in (("max_trials", max_trials), ("executions_per_trial", executions_per_trial)):
            if count is not None or what != "max_trials":
                _check_count(who, what, count)
        self.hypermodel = as_hypermodel(hypermodel)
        self.objective = as_objective(objective)
        self.max_trials = max_trials
        self.executions_per_trial = executions_per_trial
        self.seed = seed
        self.keep = keep
        self.max_consecutive_failed_trials = max_consecutive_failed_trials
        self._limits = Limits(
            {} if hyperparameters is None else {**hyperparameters.inactive, **hyperparameters.space},
            tune_new_entries,
            allow_new_entries,
        )
        self._is_grid = sampler == "grid"
        self._sampler = sampler
        optuna_sampler = samplers.make_sampler(sampler, seed, 0)  # before a folder is made: Optuna may be missing
        self._project = Project(directory, project_name, overwrite, storage)
        self.study = studies.open_study(
            self._project.study_name,
            self._project.database,
            storage,
            self.objective.name,
            self.objective.direction,
            optuna_sampler,
            samplers.make_pruner(pruner),
        )
        self._has_pruner = samplers.prunes(self.study)
        self._lock = threading.Lock()
        self._watchers: dict[int, Watcher] = {}
        self._claimed: set[int] = set()
        self._stopping = threading.Event()
        self._failures = 0
        self._space: dict[str, Space] = {}

    # Searching --------------------------------------------------------------------------------------------------------

    def search(
        self,
        *args: Any,
        timeout: float | None = None,
        parallel: int = 1,
        callbacks: Any = None,
        verbose: Any = "auto",
        **kwargs: Any,
    ) -> None:
        """Run trials until there are ``max_trials``. Another call continues the search.

        A notebook shows the running trials, with buttons that stop a trial or the search. The notebook's own
        stop button ends the search after a whole step; the next search runs the interrupted trial again. A trial
        that fails is stored with its error, and the search continues.

        Args:
            *args: Data for `fit`.
            timeout: Seconds after which no further trial begins.
            parallel: Number of trials at a time, each in a thread, on the devices in turn. Above 1, equal seeds do not
                give equal searches.
            callbacks: Callbacks, copied for each trial; or a function of the hyperparameters that makes them.
            verbose: ``"auto"`` or 1: a panel in a notebook, a line for each trial elsewhere. 2: a line for each epoch
                too. 0: silent.
            **kwargs: More arguments of `fit`.

        Raises:
            ValueError: If the data can be read only once, or no trial can succeed: the logs don't have the objective,
                or a hyperparameter has other values than before.
            RuntimeError: If ``max_consecutive_failed_trials`` trials fail in a row; its cause is the last error.
        """
        _check_count("search()", "parallel", parallel)
        if parallel > 1 and self._is_grid:
            raise ValueError("A grid is searched one trial at a time: search(parallel=...) must be 1.")
        for value in (*args, *kwargs.values()):
            if hasattr(value, "__next__"):
                raise ValueError(
                    f"search() reads its data once for each trial, but a {type(value).__name__} can be read only once. "
                    "Give arrays, or a Dataset: Dataset.from_generator(function)."
                )
        board = choose(verbose, self._receive)
        recipe = Recipe(
            self.hypermodel,
            self.objective,
            self.executions_per_trial,
            args,
            self._fit_arguments(kwargs),
            callbacks,
            2 if verbose == 2 else 0,
        )
        self._stopping.clear()
        self._failures = 0
        identity, began = uuid.uuid4().hex, time.monotonic()

        def look(state: str = "", note: str = "") -> Snapshot:
            return self._snapshot(state or ("stopping" if self._stopping.is_set() else "running"), began, note)

        with studies.searching(identity):
            studies.give_up_dead(self.study)
            samplers.renew(self.study, self._sampler, self.seed)
            board.begin(look())
            try:
                self._search(_Session(recipe, board, look, identity, parallel, began, timeout))
            except BaseException as error:
                is_press = isinstance(error, KeyboardInterrupt)
                note = "" if is_press else f"{type(error).__name__}: {error}"
                board.end(look("interrupted" if is_press else "failed", note))
                raise
            board.end(look("stopped" if self._stopping.is_set() else "done"))

    def stop(self) -> None:
        """Stop the search, from another thread or a callback. The next search runs the interrupted trials again."""
        self._stopping.set()
        for watcher in list(self._watchers.values()):
            watcher.halt(ends_search=True)

    def stop_trial(self, number: int | None = None) -> None:
        """Stop a running trial, from another thread or a callback. Its value is that of its best epoch so far.

        Args:
            number: Number of the trial; all running trials by default.
        """
        for running, watcher in list(self._watchers.items()):
            if number is None or running == number:
                watcher.halt(ends_search=False)

    def enqueue(self, values: Mapping[str, Value]) -> None:
        """Queue values for the next trial. Other hyperparameters are chosen as usual.

        Args:
            values: Values by name.
        """
        with studies.quiet():
            self.study.enqueue_trial(dict(values), user_attrs={studies.BY_HAND: True})

    def _fit_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return kwargs

    def _receive(self, content: Any) -> None:
        """Handle a message from a page, valid or not."""
        if not isinstance(content, dict):
            return
        if content.get("kind") == "stop":
            self.stop()
        elif content.get("kind") == "stop_trial" and isinstance(number := content.get("trial"), int):
            self.stop_trial(number)

    def _snapshot(self, state: str, began: float, note: str = "") -> Snapshot:
        planned = []
        results = self.results
        for number, watcher in sorted(self._watchers.items()):
            epochs = (watcher.params or {}).get("epochs")
            results[number] = replace(results[number], epochs=watcher.epochs, curve=tuple(watcher.curve))
            planned.append((number, epochs if isinstance(epochs, int) else 0))
        seconds = time.monotonic() - began
        name, way = self.objective.name, self.objective.direction
        return Snapshot(name, way, results, self.max_trials, state, seconds, tuple(planned), note)

    def _search(self, session: _Session) -> None:
        until = math.inf if session.timeout is None else session.began + session.timeout

        def work(device: Any) -> None:
            with jax.default_device(device) if device is not None else contextlib.nullcontext():
                while time.monotonic() < until and (trial := self._next(session.identity)) is not None:
                    self._run(trial, session)

        if session.parallel == 1:
            work(None)
            return
        devices = jax.local_devices()
        with ThreadPoolExecutor(session.parallel, "trial") as pool:
            workers = [pool.submit(work, devices[i % len(devices)]) for i in range(session.parallel)]
            try:
                for worker in workers:
                    worker.result()
            except BaseException:
                self.stop()
                raise

    def _next(self, identity: str) -> Any:
        """Return a new trial, ``None`` if the search has enough."""
        with self._lock, studies.quiet():
            if self._stopping.is_set():
                return None
            results = self.results
            done = sum(map(tables.is_done, results))
            if self.max_trials is not None and done + len(self._claimed) >= self.max_trials:
                return None
            is_waiting = any(r.state == "waiting" for r in results)
            if self._is_grid and not is_waiting and samplers.is_exhausted(self.study):
                return None
            trial = self.study.ask()
            self._claimed.add(trial.number)
        studies.claim(trial, identity)
        return trial

    def _run(self, trial: Any, session: _Session) -> None:
        look, board, number = session.look, session.board, trial.number
        watcher = Watcher(
            trial,
            self.objective.name,
            self.objective.direction,
            self._keeper(number),
            lambda: board.trial_begins(look),
            lambda: board.epoch(look),
            self._has_pruner,
        )
        hp = studies.TrialHyperParameters(trial, watcher, self._limits, self._is_grid)
        self._watchers[number] = watcher
        if self._stopping.is_set():
            watcher.halt(ends_search=True)
        board.trial_begins(look)
        began = time.perf_counter()
        seed = None
        if self.seed is not None and session.parallel == 1:
            seed = self.seed + number * self.executions_per_trial
        wrong: BaseException | None = None
        try:
            with _no_warnings_of_nan() if session.parallel == 1 else contextlib.nullcontext():
                outcome = run_trial(session.recipe, hp, watcher, seed, trial.set_user_attr)
        except BaseException as error:  # the stop button, or a mistake that every trial would make
            note = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"[:2000]
            wrong, outcome = error, Outcome("cut off", note=note)
            self.stop()
        finally:
            self._space |= {**hp.inactive, **hp.space}
            self._watchers.pop(number, None)
        trial.set_user_attr("epochs", watcher.epochs)
        if watcher.curve:
            trial.set_user_attr("curve", list(watcher.curve))
        trial.set_user_attr("seconds", time.perf_counter() - began)
        with studies.quiet():
            self._tell(trial, outcome)
        self._claimed.discard(number)
        self._drop_weights()
        board.trial_ended(self.results[number], look)
        if wrong is not None:
            raise wrong
        self._judge(outcome.failure)

    def _tell(self, trial: Any, outcome: Outcome) -> None:
        """Store the outcome of a trial in the study."""
        states = studies.load_optuna().trial.TrialState
        if outcome.note:
            trial.set_user_attr("error" if outcome.state == "failed" else "ended", outcome.note)
        if outcome.state == "cut off":
            studies.put_back(self.study, self.study.get_trials(deepcopy=False)[trial.number])
        elif outcome.state == "complete":
            self.study.tell(trial, outcome.value)
        else:  # Optuna ignores failed trials, but a NaN shows which values to avoid
            is_error = outcome.failure is not None
            self.study.tell(trial, state=states.FAIL if is_error else states.PRUNED)

    def _judge(self, failure: Exception | None) -> None:
        """Raise an error if too many trials have failed in a row."""
        self._failures = 0 if failure is None else self._failures + 1
        most = self.max_consecutive_failed_trials
        if failure is not None and most is not None and self._failures >= most:
            self.stop()
            raise RuntimeError(
                f"{self._failures} trials failed in a row, the last one with {type(failure).__name__}: {failure} All "
                "trials are stored: fix the cause and call search() again. "
                "Tuner(max_consecutive_failed_trials=None) has no limit."
            ) from failure

    def _keeper(self, number: int) -> Callable[[Any, float], None]:
        """Return a function that saves a model's weights if its value is among the best so far."""
        rivals = self._best_first()[: self.keep]
        bar = rivals[-1].value if len(rivals) == self.keep and rivals else None

        def keep(model: Model, value: float) -> None:
            if self.keep > 0 and is_better(value, bar, self.objective.direction):
                self._project.weights.save(number, model)

        return keep

    def _drop_weights(self) -> None:
        with self._lock:
            kept = {r.number for r in self._best_first()[: self.keep]} | self._claimed
            kept |= {r.number for r in self.results if r.state == "running"}
            self._project.weights.keep_only(kept)

    # Results ----------------------------------------------------------------------------------------------------------

    @property
    def results(self) -> list[TrialResult]:
        """The trials so far, in order."""
        return [tables.result_of(trial) for trial in self.study.get_trials(deepcopy=False)]

    @property
    def best(self) -> TrialResult | None:
        """The best complete trial, ``None`` before there is one."""
        return next(iter(self._best_first()), None)

    def _best_first(self) -> list[TrialResult]:
        return tables.best_first(self.results, self.objective.direction)

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """Return the hyperparameters of the best trials, the best first.

        ``tuner.hypermodel.build(hp)`` makes a new model with them.

        Args:
            num_trials: Number of trials.
        """
        return [recalled(result.values, self._limits) for result in self._best_first()[:num_trials]]

    def get_best_models(self, num_models: int = 1) -> list[Model]:
        """Return the best trials' models with the weights of their best epochs, the best first.

        Args:
            num_models: Number of models, up to ``keep``.

        Raises:
            ValueError: If weights were not kept, or ``build`` returns no models.
        """
        models = []
        for result in self._best_first()[:num_models]:
            if not self._project.weights.has(result.number):
                raise ValueError(
                    f"The weights of trial {result.number} were not kept in {self._project.weights.path!r}: "
                    f"Tuner(keep={max(num_models, self.keep)}) keeps those of so many best trials, of models that the "
                    "tuner trains. get_best_hyperparameters() returns the values to train such a model anew."
                )
            model = self.hypermodel.build(recalled(result.values, self._limits))
            if not isinstance(model, Model):
                raise ValueError(f"build(hp) returned {type(model).__name__}, not a model.")
            facts = self.study.get_trials(deepcopy=False)[result.number].user_attrs
            self._project.weights.load(result.number, model, facts.get("build_config"))
            models.append(model)
        return models

    def results_summary(self, num_trials: int = 10) -> None:
        """Print a table of the best trials.

        Args:
            num_trials: Number of trials.
        """
        say(tables.table(self._best_first()[:num_trials], self.objective.name))

    def search_space_summary(self) -> None:
        """Print the possible values of each hyperparameter. Before the first trial this calls ``build`` once."""
        space = dict(self._space)
        if not space:
            hp = recalled({}, self._limits)
            self.hypermodel.build(hp)
            space = {**hp.inactive, **hp.space}
        width = max(map(len, space), default=0)
        say("\n".join(f"{name.ljust(width)}  {values}" for name, values in space.items()) or "no hyperparameters")

    def frame(self) -> Any:
        """Return all trials as a pandas frame, with a column ``hp.NAME`` for each hyperparameter."""
        return tables.frame(self.results)

    def _repr_html_(self) -> str:
        return page(Snapshot(self.objective.name, self.objective.direction, self.results, self.max_trials))

    def __repr__(self) -> str:
        done = sum(map(tables.is_done, self.results))
        best = self.best
        details = f", best {best.value:.4g} (trial {best.number})" if best is not None else ""
        return f"<{type(self).__name__} for {self.objective.name} ({self.objective.direction}): {done} trials{details}>"


class _Session:
    """The state of one call of `search`."""

    def __init__(
        self,
        recipe: Recipe,
        board: Board,
        look: Callable[[], Snapshot],
        identity: str,
        parallel: int,
        began: float,
        timeout: float | None,
    ) -> None:
        self.recipe, self.board, self.look, self.identity = recipe, board, look, identity
        self.parallel, self.began, self.timeout = parallel, began, timeout


@contextlib.contextmanager
def _no_warnings_of_nan() -> Iterator[None]:
    """Hide the warning of `fit` about a NaN loss, which the trial reports. Warning filters apply to all threads."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The loss became NaN", RuntimeWarning)
        yield


def _check_count(who: str, what: str, count: Any) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"{who} needs a positive integer for {what}, got {count!r}.")
