"""The searches with their own names: random, grid, Bayesian, Hyperband."""

from __future__ import annotations

import functools
import math
from typing import Any

from kernelkit.tuner.hypermodel import Objective
from kernelkit.tuner.samplers import make_hyperband, make_sampler_of_points
from kernelkit.tuner.tuner import Tuner


class RandomSearch(Tuner):
    """Search among random values.

    Args:
        hypermodel: As in :class:`Tuner`.
        objective: As in :class:`Tuner`.
        max_trials: Number of trials.
        **options: Further arguments of :class:`Tuner`. Trials are not pruned unless ``pruner`` is given.

    Example:
        >>> import kernelkit as kk
        >>> tuner = kk.tuner.RandomSearch(lambda hp: hp.Float("x", 0, 1), "loss", max_trials=3, seed=0)
        >>> tuner.search(verbose=0)
        >>> len(tuner.results), tuner.best.value == min(result.value for result in tuner.results)
        (3, True)
    """

    def __init__(
        self, hypermodel: Any = None, objective: str | Objective = "val_loss", max_trials: int = 10, **options: Any
    ) -> None:
        options.setdefault("pruner", "none")
        super().__init__(hypermodel, objective, max_trials, sampler="random", **options)


class GridSearch(Tuner):
    """Search through all combinations of values in order. The value of the last name changes fastest.

    A range of floats without a step has ten values.

    Args:
        hypermodel: As in :class:`Tuner`.
        objective: As in :class:`Tuner`.
        max_trials: Number of trials; ``None`` for all combinations.
        **options: Further arguments of :class:`Tuner`. Trials are not pruned unless ``pruner`` is given.

    Example:
        >>> import kernelkit as kk
        >>> def product(hp):
        ...     return hp.Int("a", 1, 2) * hp.Choice("b", [3, 4])
        >>> tuner = kk.tuner.GridSearch(product, "loss")
        >>> tuner.search(verbose=0)
        >>> [(*result.values.values(), result.value) for result in tuner.results]
        [(1, 3, 3.0), (1, 4, 4.0), (2, 3, 6.0), (2, 4, 8.0)]
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: str | Objective = "val_loss",
        max_trials: int | None = None,
        **options: Any,
    ) -> None:
        options.setdefault("pruner", "none")
        super().__init__(hypermodel, objective, max_trials, sampler="grid", **options)


class BayesianOptimization(Tuner):
    """Search near the best earlier trials, with Optuna's tree-structured Parzen estimator.

    Source: Bergstra et al., 2011, https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization

    Args:
        hypermodel: As in :class:`Tuner`.
        objective: As in :class:`Tuner`.
        max_trials: Number of trials.
        num_initial_points: Number of random trials at the beginning, by default 10.
        **options: Further arguments of :class:`Tuner`. Trials are not pruned unless ``pruner`` is given.

    Example:
        >>> import kernelkit as kk
        >>> def distance(hp):
        ...     return abs(hp.Float("x", 0, 1) - 0.3)
        >>> tuner = kk.tuner.BayesianOptimization(distance, "loss", max_trials=20, num_initial_points=5, seed=0)
        >>> tuner.search(verbose=0)
        >>> tuner.best.value < 0.05
        True
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: str | Objective = "val_loss",
        max_trials: int = 10,
        num_initial_points: int | None = None,
        **options: Any,
    ) -> None:
        sampler = functools.partial(make_sampler_of_points, points=num_initial_points)
        options.setdefault("pruner", "none")
        super().__init__(hypermodel, objective, max_trials, sampler=sampler, **options)


class Hyperband(Tuner):
    """Start many trials, and continue only the best of them after 1, 3, 9 ... epochs.

    Source: Li et al., 2018, https://jmlr.org/papers/v18/16-558.html; Optuna's version, in which no trial waits for
        another.

    Args:
        hypermodel: As in :class:`Tuner`.
        objective: As in :class:`Tuner`.
        max_epochs: Epochs of a trial that is not pruned, instead of ``epochs`` of `search`.
        factor: One of ``factor`` trials continues.
        hyperband_iterations: Number of runs of the whole scheme; may be a fraction.
        **options: Further arguments of :class:`Tuner`; ``max_trials`` follows from the scheme if it is not given.

    Example:
        >>> import kernelkit as kk
        >>> kk.tuner.Hyperband(lambda hp: hp.Float("x", 0, 1), "loss", max_epochs=9).max_trials
        17
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: str | Objective = "val_loss",
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: float = 1,
        **options: Any,
    ) -> None:
        for what, value, least in (("max_epochs", max_epochs, 1), ("factor", factor, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"Hyperband needs an integer of at least {least} for {what}, got {value!r}.")
        if not hyperband_iterations > 0:
            raise ValueError(f"Hyperband needs a positive hyperband_iterations, got {hyperband_iterations!r}.")
        self.max_epochs = max_epochs
        trials = math.ceil(trials_of(max_epochs, factor) * hyperband_iterations)
        pruner = make_hyperband(max_epochs, factor)
        options.setdefault("max_trials", trials)
        options.setdefault("sampler", "random")
        super().__init__(hypermodel, objective, pruner=pruner, **options)

    def _fit_arguments(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return kwargs | {"epochs": self.max_epochs}


def trials_of(max_epochs: int, factor: int) -> int:
    """Return the number of trials in one iteration of Hyperband.

    Bracket ``s`` of ``S + 1`` begins with ``ceil((S + 1) / (s + 1) * factor**s)`` trials.

    Example:
        >>> trials_of(1, 3), trials_of(9, 3), trials_of(81, 3)
        (1, 17, 143)
    """
    highest = 0
    while factor ** (highest + 1) <= max_epochs:
        highest += 1
    return sum(math.ceil((highest + 1) / (s + 1) * factor**s) for s in range(highest + 1))
