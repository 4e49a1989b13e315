"""`HyperModel`, which builds the models of a search, and `Objective`, the metric that decides which is best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kernelkit.callbacks.monitor import direction as direction_of
from kernelkit.models import Model
from kernelkit.tuner.hyperparameters import HyperParameters


@dataclass(frozen=True)
class Objective:
    """A metric, and whether it should become smaller or larger.

    Args:
        name: Name of the metric in the logs of training.
        direction: ``"min"`` or ``"max"``.

    Raises:
        ValueError: If the direction has another value.

    Example:
        >>> import kernelkit as kk
        >>> kk.tuner.Objective("val_f1", "max")
        Objective(name='val_f1', direction='max')
    """

    name: str
    direction: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"An objective is the name of a metric, got {self.name!r}.")
        if self.direction not in ("min", "max"):
            raise ValueError(f"Objective({self.name!r}): direction must be 'min' or 'max', got {self.direction!r}.")


def as_objective(objective: Any) -> Objective:
    """Return an objective; the direction of a name follows from the name.

    Raises:
        ValueError: If the direction of the name is not known.

    Example:
        >>> as_objective("val_accuracy").direction
        'max'
    """
    if isinstance(objective, Objective):
        return objective
    if not isinstance(objective, str):
        raise ValueError(f"objective must be the name of one metric or an Objective, got {objective!r}.")
    try:
        return Objective(objective, direction_of(objective, "auto", None, "Tuner"))
    except ValueError as error:
        raise ValueError(
            f"It is unknown whether {objective!r} should become smaller or larger: pass "
            f"Objective({objective!r}, 'min') or 'max'."
        ) from error


class HyperModel:
    """The base class of models whose hyperparameters are searched, if a function that builds them is not enough.

    Example:
        >>> import kernelkit as kk
        >>> class Line(kk.tuner.HyperModel):
        ...     def build(self, hp):
        ...         model = kk.Sequential([kk.layers.Dense(1)])
        ...         model.compile("sgd", "mse")
        ...         return model
        ...     def fit(self, hp, model, *args, **kwargs):
        ...         return model.fit(*args, batch_size=hp.Choice("batch_size", [16, 32]), **kwargs)
        >>> tuner = kk.tuner.Tuner(Line(), "loss", max_trials=2, seed=0)
        >>> tuner.search(kk.ops.ones((8, 2)), kk.ops.ones((8, 1)), epochs=2, verbose=0)
        >>> [result.state for result in tuner.results]
        ['complete', 'complete']
    """

    def build(self, hp: HyperParameters) -> Any:
        """Return a compiled model for the values of hyperparameters.

        Args:
            hp: Hyperparameters.
        """
        raise NotImplementedError(f"{type(self).__name__}.build(hp) must return a compiled model.")

    def fit(self, hp: HyperParameters, model: Model, *args: Any, **kwargs: Any) -> Any:
        """Train a model.

        A custom training loop calls ``on_epoch_end(epoch, logs)`` of each callback in ``callbacks``.

        Args:
            hp: Hyperparameters.
            model: The result of `build`.
            *args: Data arguments of `search`.
            **kwargs: More arguments of `search`, and ``callbacks``.

        Returns:
            The result of `Model.fit`; or the objective: a number, or a dict with the objective's name.
        """
        return model.fit(*args, **kwargs)


class _Function(HyperModel):
    """A function that builds a model, as a `HyperModel`."""

    def __init__(self, function: Callable[[HyperParameters], Any]) -> None:
        self._function = function

    def build(self, hp: HyperParameters) -> Any:
        return self._function(hp)


def as_hypermodel(thing: Any) -> Any:
    """Return an object with ``build`` and ``fit``.

    Raises:
        ValueError: If the object is not a function and has no ``build``.
    """
    if isinstance(thing, HyperModel):
        return thing
    if isinstance(thing, (type, Model)):
        raise ValueError(f"A search needs a function of hyperparameters that builds a new model, got {thing!r}.")
    if hasattr(thing, "build") and hasattr(thing, "fit"):
        return thing
    if not callable(thing):
        raise ValueError(f"A search needs a function of hyperparameters that builds a new model, got {thing!r}.")
    return _Function(thing)
