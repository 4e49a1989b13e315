"""Breakpoints: the conditions at which a run stops."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from kernelkit.serialize import suggest
from kernelkit.viz.debugger.counting import nth

KINDS = {
    "nan": None,
    "loss spike": 3.0,
    "gradient norm": 100.0,
    "dead units": 0.5,
}
"""Kinds of breakpoints, each with its default threshold."""

WATCHED = ("gradient norm", "dead units")
"""Kinds that need more than a step's logs. While such a breakpoint is set, each step runs twice."""

WINDOW = 50
"""Number of steps over which the mean loss is computed."""


class NotWatched(Exception):
    """A condition read a value that only a watched step has (``gradient_norm``, ``dead_units``)."""


class Moment:
    """The step that was just done, as conditions read it.

    Attributes:
        step: Its number, from 0 over the whole training.
        epoch: The number of its epoch, from 0.
        step_in_epoch: Its number in the epoch, from 0.
        logs: The step's logs. As in `fit`, they are means over the epoch so far.
        loss: The batch's own loss.
        mean_loss: The mean loss of the 50 batches before it. At the first batch: the loss of that batch.
    """

    def __init__(
        self, step: int, place: tuple[int, int], losses: np.ndarray, logs: Callable[[], dict], watched: Any = None
    ) -> None:
        self.step = step
        self.epoch, self.step_in_epoch = place
        self._losses = losses  # the last losses, up to this step
        self._logs = logs
        self._watched = watched

    @functools.cached_property
    def logs(self) -> dict[str, float]:
        return self._logs()

    @property
    def loss(self) -> float:
        return float(self._losses[-1])

    @property
    def mean_loss(self) -> float:
        before = self._losses[-1 - WINDOW : -1]
        return float(np.mean(before)) if len(before) else self.loss

    @property
    def gradient_norm(self) -> float:
        """The norm of all gradients together."""
        return float(self._value("gradient_norm"))

    @property
    def dead_units(self) -> dict[str, float]:
        """For each layer with ReLU: the share of units that are zero for the whole batch."""
        return dict(zip(self._value("layers"), self._value("dead").tolist(), strict=True))

    def _value(self, name: str) -> Any:
        if self._watched is None:
            raise NotWatched(name)
        return self._watched[name]


class Breakpoint:
    """A condition at which a run stops.

    Args:
        kind: One of `KINDS`, or a function ``(moment) -> bool``.
        above: The threshold; the default is in `KINDS`. For ``"loss spike"`` a multiple of the mean loss, for
            ``"dead units"`` a share from 0 to 1.
        number: The breakpoint's number.

    Attributes:
        enabled: Whether runs stop at this breakpoint.
        hits: How many times a run stopped here.

    Raises:
        ValueError: If the kind is unknown, or if ``above`` is given for a kind without a threshold.

    Example:
        >>> spike = Breakpoint("loss spike", above=2)
        >>> moment = Moment(2, (0, 2), np.array([1.0, 1.2, 2.6]), dict)
        >>> spike.check(moment)
        'The loss of step 3 is 2.6, 2.4 times the mean of the steps before it (1.1).'
    """

    _numbers = itertools.count(1)

    def __init__(self, kind: Any, above: float | None = None, number: int | None = None) -> None:
        if not callable(kind) and kind not in KINDS:
            raise ValueError(
                f"Unknown kind of breakpoint {kind!r}; there are {list(KINDS)}.{suggest(str(kind), KINDS)}"
            )
        if above is not None and (callable(kind) or KINDS[kind] is None):
            raise ValueError(f"A breakpoint on {kind!r} has no threshold: leave out above={above!r}.")
        self.kind = kind
        self.above = above if above is not None or callable(kind) else KINDS[kind]
        self.number = next(self._numbers) if number is None else number
        self.enabled = True
        self.hits = 0

    @property
    def watches(self) -> bool:
        """Whether the breakpoint needs more than a step's logs."""
        return self.kind in WATCHED

    def check(self, moment: Moment) -> str | None:
        """Return why the run stops after a step, or ``None`` if it goes on."""
        if callable(self.kind):
            return f"{self} after step {nth(moment.step)}." if self.kind(moment) else None
        return {"nan": _nan, "loss spike": _spike, "gradient norm": _gradient, "dead units": _dead}[self.kind](
            moment, self.above
        )

    def state(self) -> dict[str, Any]:
        """Return the breakpoint as plain values that JSON can hold."""
        return {
            "number": self.number,
            "kind": str(self),
            "above": self.above,
            "enabled": self.enabled,
            "hits": self.hits,
        }

    def __str__(self) -> str:
        if not callable(self.kind):
            return self.kind
        name = getattr(self.kind, "__name__", "condition")
        return "condition" if name == "<lambda>" else name

    def __repr__(self) -> str:
        above = "" if self.above is None else f" above {self.above:g}"
        return f"<Breakpoint {self.number}: {self}{above}, {self.hits} hits{'' if self.enabled else ', off'}>"


def _nan(moment: Moment, _: float | None) -> str | None:
    bad = [name for name, value in moment.logs.items() if not math.isfinite(value)]
    if not bad:
        return None
    return f"{bad[0]} became {moment.logs[bad[0]]:g} in step {nth(moment.step)}."


def _spike(moment: Moment, above: float | None) -> str | None:
    loss, mean = moment.loss, moment.mean_loss
    if above is None or not mean > 0 or not loss > above * mean:
        return None
    return (
        f"The loss of step {nth(moment.step)} is {loss:.4g}, {loss / mean:.1f} times the mean of the steps before it "
        f"({mean:.4g})."
    )


def _gradient(moment: Moment, above: float | None) -> str | None:
    norm = moment.gradient_norm
    if above is None or norm <= above:
        return None
    return f"The norm of the gradients is {norm:.4g} in step {nth(moment.step)}."


def _dead(moment: Moment, above: float | None) -> str | None:
    for layer, share in moment.dead_units.items():
        if above is not None and share > above:
            return (
                f"{share:.0%} of the units of layer {layer!r} are zero for the whole batch of step {nth(moment.step)}."
            )
    return None
