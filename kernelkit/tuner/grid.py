"""A sampler of Optuna that takes all combinations of values in order. The value of the last name changes fastest."""

from __future__ import annotations

from typing import Any

from kernelkit.tuner.study import BY_HAND, load_optuna

Place = tuple[str, int, int]
"""A name, the index of its value in its list, and the length of the list."""


def following(path: list[Place]) -> list[Place] | None:
    """Return the beginning of the next combination. The names after it have their first values.

    Names that occur only in some combinations need no special case: a path holds only requested names.

    Args:
        path: Combination, in the order in which the names were requested.

    Returns:
        Beginning of the next combination, ``None`` after the last one.

    Example:
        >>> following([("layers", 0, 2), ("units", 0, 3)])
        [('layers', 0, 2), ('units', 1, 3)]
        >>> following([("layers", 0, 2), ("units", 2, 3)])
        [('layers', 1, 2)]
        >>> following([("layers", 1, 2), ("units", 2, 3)]) is None
        True
    """
    for depth in reversed(range(len(path))):
        name, place, count = path[depth]
        if place + 1 < count:
            return [*path[:depth], (name, place + 1, count)]
    return None


def path_of(trial: Any) -> list[Place]:
    """Return the combination of a trial of Optuna."""
    lists = trial.distributions
    return [(n, int(lists[n].to_internal_repr(v)), len(lists[n].choices)) for n, v in trial.params.items()]


def is_exhausted(study: Any) -> bool:
    """Return whether the last combination was tried."""
    before = _before(study)
    return before is not None and following(path_of(before)) is None


def make_grid_sampler() -> Any:
    """Return the sampler."""
    base: Any = load_optuna().samplers.BaseSampler

    class InOrder(base):
        """Takes the values of a trial from the combination that follows the one of the previous trial."""

        def __init__(self) -> None:
            self._places: dict[str, int] = {}

        def before_trial(self, study: Any, trial: Any) -> None:
            before = _before(study)
            path = [] if before is None else following(path_of(before)) or []
            self._places = {name: place for name, place, _ in path}

        def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
            place = self._places.get(name, 0)
            return distribution.choices[place if place < len(distribution.choices) else 0]

    return InOrder()


def _before(study: Any) -> Any:
    """Return the newest ended trial that the user did not enqueue."""
    ended = (t for t in reversed(study.get_trials(deepcopy=False)) if t.state.is_finished())
    return next((t for t in ended if BY_HAND not in t.user_attrs), None)
