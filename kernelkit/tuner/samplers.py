"""Samplers and pruners of Optuna, by name."""

from __future__ import annotations

from typing import Any

from kernelkit.tuner.grid import is_exhausted, make_grid_sampler
from kernelkit.tuner.study import load_optuna

__all__ = ["is_exhausted", "make_hyperband", "make_pruner", "make_sampler", "make_sampler_of_points", "prunes", "renew"]


def make_sampler(sampler: Any, seed: int | None, done: int) -> Any:
    """Return a sampler of Optuna.

    Args:
        sampler: ``"tpe"``, ``"random"``, ``"grid"``, a function of a seed, or a sampler of Optuna.
        seed: Seed of the search.
        done: Number of earlier trials: a continued study gets another seed than at its start.

    Raises:
        ValueError: If the name is unknown.
    """
    optuna = load_optuna()
    makers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    if isinstance(sampler, optuna.samplers.BaseSampler):
        return sampler
    if sampler == "grid":
        return make_grid_sampler()
    maker = makers.get(sampler) if isinstance(sampler, str) else sampler
    if not callable(maker):
        raise ValueError(f"sampler must be one of {[*makers, 'grid']} or a sampler of Optuna, got {sampler!r}.")
    return maker(seed=None if seed is None else (seed + done) % 2**32)


def renew(study: Any, sampler: Any, seed: int | None) -> None:
    """Give a continued study a sampler with a new seed, unless the user gave the sampler."""
    if not isinstance(sampler, load_optuna().samplers.BaseSampler):
        study.sampler = make_sampler(sampler, seed, len(study.get_trials(deepcopy=False)))


def make_pruner(pruner: Any) -> Any:
    """Return a pruner of Optuna.

    Args:
        pruner: ``"median"``, ``"hyperband"``, ``"none"``, ``None``, or a pruner of Optuna.

    Raises:
        ValueError: If the name is unknown.
    """
    pruners = load_optuna().pruners
    makers = {"median": pruners.MedianPruner, "hyperband": pruners.HyperbandPruner, "none": pruners.NopPruner}
    if isinstance(pruner, pruners.BasePruner):
        return pruner
    if pruner is not None and pruner not in makers:
        raise ValueError(f"pruner must be one of {list(makers)} or a pruner of Optuna, got {pruner!r}.")
    return makers[pruner or "none"]()


def prunes(study: Any) -> bool:
    """Return whether a study ends trials early."""
    return not isinstance(study.pruner, load_optuna().pruners.NopPruner)


def make_sampler_of_points(seed: int | None, points: int | None) -> Any:
    """Return Optuna's TPE.

    Args:
        seed: Seed.
        points: Number of random trials at the beginning; ``None`` for Optuna's default.
    """
    maker = load_optuna().samplers.TPESampler
    return maker(seed=seed) if points is None else maker(seed=seed, n_startup_trials=points)


def make_hyperband(max_epochs: int, factor: int) -> Any:
    """Return Optuna's Hyperband."""
    return load_optuna().pruners.HyperbandPruner(max_resource=max_epochs, reduction_factor=factor)
