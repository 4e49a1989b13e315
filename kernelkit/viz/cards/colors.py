"""`Colors`: the measures that color a graph's layers, for the inspected steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MEASURES = ("grad", "dead", "update_ratio", "time")
"""Norm of a layer's gradients, share of dead units, |update| / |weight|, milliseconds of its calls and gradients."""

MOST_STEPS = 64
"""Maximum number of steps that are kept. If there are more, every second one is dropped; the last one stays."""
MOST_VALUES = 24_000
"""Maximum number of values in a saved notebook, about 150 KB."""

Row = Sequence[float | None]


class Colors:
    """Measures of a graph's layers at some steps of a training.

    Args:
        rows: The nodes that have measures, by number.

    Attributes:
        steps: The inspected steps, ascending.

    Example:
        >>> colors = Colors([1, 3])
        >>> colors.add(0, {"grad": [0.5, None], "dead": [None, 0.25]})
        >>> colors.as_json()
        {'rows': [1, 3], 'steps': [0], 'grad': [[0.5, None]], 'dead': [[None, 0.25]]}
    """

    def __init__(self, rows: Sequence[int]) -> None:
        self.rows = list(rows)
        self.steps: list[int] = []
        self._values: list[dict[str, list[float | str | None]]] = []
        self._time: list[float | str | None] | None = None

    def add(self, step: int, measures: Mapping[str, Row]) -> None:
        """Store the measures of a step, and drop those of later steps, which belong to another branch after a fork.

        Args:
            step: The number of the step.
            measures: A value for each of `rows`, by the names of `MEASURES`.

        Raises:
            ValueError: If a measure has another number of values than there are rows, or a name is unknown.
        """
        for name, values in measures.items():
            if name not in MEASURES or len(values) != len(self.rows):
                raise ValueError(
                    f"{name!r} has {len(values)} values; expected one of {MEASURES} with {len(self.rows)}."
                )
        at = sum(one < step for one in self.steps)
        if at < len(self.steps) and self.steps[at] == step:
            self._values[at] = {name: _plain(values) for name, values in measures.items()}
            return
        self.steps.insert(at, step)
        self._values.insert(at, {name: _plain(values) for name, values in measures.items()})
        if len(self.steps) > MOST_STEPS:
            self._thin()

    def until(self, end: int) -> Colors:
        """Return a copy with the steps before ``end``.

        Args:
            end: The index of the first step to leave out.
        """
        twin = Colors(self.rows)
        kept = sum(one < end for one in self.steps)
        twin.steps, twin._values, twin._time = self.steps[:kept], [dict(v) for v in self._values[:kept]], self._time
        return twin

    def cut(self, step: int) -> None:
        """Drop the measures after a step."""
        kept = sum(one <= step for one in self.steps)
        del self.steps[kept:], self._values[kept:]

    def set_time(self, milliseconds: Row) -> None:
        """Set the milliseconds of each of `rows`. They apply to all steps.

        Args:
            milliseconds: A value for each of `rows`.
        """
        self._time = _plain(milliseconds)

    def as_json(self, last: bool = False, most: int | None = None) -> dict[str, Any]:
        """Return the measures as columns that JSON can hold; NaN and infinity become texts.

        Args:
            last: Whether to return only the last step.
            most: Maximum number of values. If there are more, steps between the first and the last one are left out.
        """
        chosen = list(range(len(self.steps)))[-1 if last else 0 :]
        while most is not None and len(chosen) > 2 and 3 * len(chosen) * len(self.rows) > most:
            chosen = chosen[::2] if len(chosen) % 2 else [*chosen[:-1:2], chosen[-1]]
        names = [n for n in MEASURES if any(v is not None for i in chosen for v in self._values[i].get(n, ()))]
        nothing: list[None] = [None] * len(self.rows)
        found: dict[str, Any] = {"rows": self.rows, "steps": [self.steps[i] for i in chosen]}
        found |= {name: [self._values[i].get(name, nothing) for i in chosen] for name in names}
        return found if self._time is None else found | {"time": self._time}

    def __len__(self) -> int:
        return len(self.steps)

    def _thin(self) -> None:
        self.steps = [*self.steps[:-1:2], self.steps[-1]]
        self._values = [*self._values[:-1:2], self._values[-1]]


def _plain(values: Row) -> list[float | str | None]:
    """Return numbers with three digits, which are enough for colors."""
    return [v if v is None else float(f"{v:.3g}") if math.isfinite(v) else str(float(v)) for v in values]
