"""The possible values of a hyperparameter: a range of numbers, or a list."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Value = bool | int | float | str | None
GRID = 10
"""Number of values that a grid takes from a range without a step."""


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included."""

    low: float
    high: float
    step: float | None
    log: bool
    is_int: bool

    def __str__(self) -> str:
        step = "" if self.step is None else f", step {self.step:g}"
        return f"{self.low:g} to {self.high:g}{step}{', logarithmic' * self.log}{', integers' * self.is_int}"


@dataclass(frozen=True)
class Options:
    """A list of values."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ", ".join(map(repr, self.values))


Space = Range | Options


@dataclass(frozen=True)
class Limits:
    """The limits of a search's hyperparameters.

    Attributes:
        spaces: Possible values of some names, instead of those that the function requests.
        tune_new: Whether the search chooses values of other names. If not, they have their defaults.
        allow_new: Whether other names are allowed.
    """

    spaces: Mapping[str, Space] = field(default_factory=dict)
    tune_new: bool = True
    allow_new: bool = True


def number_range(name: str, low: Any, high: Any, step: Any, sampling: str | None, is_int: bool) -> Space:
    """Return the values between two bounds.

    Args:
        name: Name of the hyperparameter, for messages.
        low: Smallest value.
        high: Largest value.
        step: Difference between neighboring values, or the factor between them.
        sampling: ``"linear"`` or ``"log"``.
        is_int: Whether the values are integers.

    Raises:
        ValueError: If the bounds are invalid.

    Example:
        >>> print(number_range("rate", 1e-4, 1.0, 10, "log", False))
        0.0001, 0.001, 0.01, 0.1, 1.0
        >>> print(number_range("units", 8, 60, 16, "linear", True))
        8 to 56, step 16, integers
    """
    low, high, step = (
        _number(name, what, value, is_int) for what, value in (("min_value", low), ("max_value", high), ("step", step))
    )
    if sampling not in (None, "linear", "log"):
        raise ValueError(f"Hyperparameter {name!r}: sampling must be 'linear' or 'log', got {sampling!r}.")
    if low is None or high is None or low > high:
        raise ValueError(f"Hyperparameter {name!r}: min_value {low!r} is larger than max_value {high!r}.")
    log = sampling == "log"
    if log and low <= 0:
        raise ValueError(f"Hyperparameter {name!r}: sampling='log' needs a positive min_value, got {low!r}.")
    if step is None:
        return Range(low, high, None, log, is_int)
    if step <= log:
        least = "a factor above 1" if log else "positive"
        raise ValueError(f"Hyperparameter {name!r}: step must be {least}, got {step!r}.")
    if log:
        count = int(math.log(high / low) / math.log(step) + 1e-9) + 1
        powers = [low * step**i for i in range(count)]
        return Options(tuple(powers if is_int else (min(high, float(f"{v:.12g}")) for v in powers)))
    last = low + int((high - low) / step + 1e-9) * step
    return Range(low, last if is_int else min(high, float(f"{last:.12g}")), step, False, is_int)


def _number(name: str, what: str, value: Any, is_int: bool) -> Any:
    kind: Any
    if value is None and what == "step":
        return None
    kind, words = (numbers.Integral, "an integer") if is_int else (numbers.Real, "a finite number")
    if isinstance(value, bool) or not isinstance(value, kind) or not math.isfinite(value):
        raise ValueError(f"Hyperparameter {name!r}: {what} must be {words}, got {value!r}.")
    return int(value) if is_int else float(value)


def choice(name: str, values: Iterable[Any]) -> Options:
    """Return a list of values.

    Args:
        name: Name of the hyperparameter, for messages.
        values: Strings, numbers, booleans or ``None``.

    Raises:
        ValueError: If there is no value, a value of another type, or two equal values of different types.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ValueError(f"Hyperparameter {name!r}: Choice needs a list of values, got {values!r}.")
    options: list[Value] = []
    for value in (v.item() if isinstance(v, np.generic) else v for v in values):
        if (value is not None and not isinstance(value, (bool, int, float, str))) or value != value:
            raise ValueError(
                f"Hyperparameter {name!r}: {value!r} cannot be stored in a study. Choose among names, and look up the "
                "object by its name: {'small': f, 'large': g}[hp.Choice(...)]."
            )
        if value not in options:
            options.append(value)
        elif type(twin := options[options.index(value)]) is not type(value):
            raise ValueError(f"Hyperparameter {name!r}: {twin!r} and {value!r} are equal and cannot be told apart.")
    if not options:
        raise ValueError(f"Hyperparameter {name!r}: Choice needs at least one value.")
    return Options(tuple(options))


def lies_in(value: Any, space: Space) -> bool:
    """Return whether a hyperparameter may have a value.

    Example:
        >>> lies_in(3, Range(1, 4, None, False, True)), lies_in(3.5, Range(1, 4, None, False, True))
        (True, False)
    """
    if isinstance(space, Options):
        return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in space.values)
    kind: Any = numbers.Integral if space.is_int else numbers.Real
    return isinstance(value, kind) and not isinstance(value, bool) and space.low <= value <= space.high


def default_of(space: Space) -> Value:
    """Return the first value."""
    if isinstance(space, Options):
        return space.values[0]
    return int(space.low) if space.is_int else float(space.low)


def grid_of(space: Space) -> tuple[Value, ...]:
    """Return the values for a grid: all values, or ten of a range of numbers without a step.

    Example:
        >>> grid_of(Range(1, 7, 2, False, True)), grid_of(Range(0.0, 0.9, None, False, False))[:3]
        ((1, 3, 5, 7), (0.0, 0.1, 0.2))
    """
    if isinstance(space, Options):
        return space.values
    if space.is_int and not space.log:
        return tuple(range(int(space.low), int(space.high) + 1, int(space.step or 1)))
    if space.step is not None:
        count = int((space.high - space.low) / space.step + 1e-9) + 1
        found = [space.low + i * space.step for i in range(count)]
    else:
        found = (np.geomspace if space.log else np.linspace)(space.low, space.high, GRID).tolist()
    return tuple(dict.fromkeys(round(v) if space.is_int else float(f"{v:.12g}") for v in found))
