"""The trials of a study as plain data, as a text table, and as a frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from kernelkit.tuner.spaces import Value

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "RUNNING": "running", "WAITING": "waiting"}
_MOST_TEXT = 300


@dataclass(frozen=True)
class TrialResult:
    """One trial.

    Attributes:
        number: Number, counted from 0.
        state: ``"complete"``, ``"pruned"``, ``"failed"``, ``"cut off"`` (by an interrupt, or because its process
            ended), ``"running"`` or ``"waiting"``.
        value: The objective at its best epoch, the mean over its executions; of a pruned trial at its last epoch;
            ``None`` without a value.
        values: The hyperparameters.
        epochs: Number of epochs of all executions.
        seconds: Duration in seconds.
        ended: Reason why it ended early or failed, in words; ``""`` otherwise.
        curve: The objective after each epoch of its first execution, floats.
        traceback: Traceback of a failed trial; ``""`` otherwise.

    Example:
        >>> import kernelkit as kk
        >>> kk.tuner.TrialResult(3, "complete", 0.25, {"units": 8}, 5, 2.0).value
        0.25
    """

    number: int
    state: str
    value: float | None
    values: dict[str, Value]
    epochs: int
    seconds: float
    ended: str = ""
    curve: tuple[float, ...] = field(default=(), repr=False)
    traceback: str = field(default="", repr=False)


def result_of(trial: Any) -> TrialResult:
    """Return a trial of Optuna as plain data. Attributes of a wrong type are ignored."""
    facts = trial.user_attrs
    state = "failed" if "error" in facts else _STATES.get(trial.state.name, "cut off")
    is_worth = state != "failed" and trial.value is not None and math.isfinite(trial.value)
    value = trial.value if is_worth else None
    ended = facts.get("error") or facts.get("ended", "")
    reported = trial.intermediate_values
    return TrialResult(
        trial.number,
        state,
        value,
        dict(trial.params),
        int(_number(facts.get("epochs")) or len(reported)),
        _number(facts.get("seconds")),
        ended if isinstance(ended, str) else "",
        _curve(facts.get("curve"), reported),
        str(facts.get("traceback", "")),
    )


def _curve(noted: Any, reported: dict[int, float]) -> tuple[float, ...]:
    """Return the curve stored at the end of the trial, or the values reported so far by a running trial."""
    values = noted if isinstance(noted, list) else [reported[step] for step in sorted(reported)]
    numbers = (v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool))
    return tuple(float(v) for v in numbers if -1e308 < v < 1e308)


def _number(value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15
    return float(value) if is_number else 0.0


def is_done(result: TrialResult) -> bool:
    """Return whether a trial counts: it ended by itself."""
    return result.state in ("complete", "pruned", "failed")


def best_first(results: list[TrialResult], way: str) -> list[TrialResult]:
    """Return the complete trials, the best first; of equal trials the earlier one.

    Example:
        >>> trials = [TrialResult(i, "complete", v, {}, 1, 0.1) for i, v in enumerate([0.3, 0.1, 0.2])]
        >>> [trial.number for trial in best_first(trials, "min")]
        [1, 2, 0]
    """
    complete = [r for r in results if r.state == "complete" and r.value is not None]
    return sorted(complete, key=lambda r: ((r.value or 0.0) * (1 if way == "min" else -1), r.number))


def line(result: TrialResult, objective: str) -> str:
    """Return a trial as one line.

    Example:
        >>> line(TrialResult(3, "complete", 0.25, {"units": 8, "rate": 0.001}, 5, 2.04), "val_loss")
        'trial 3: val_loss 0.25 · 5 epochs, 2.0 s · units 8, rate 0.001'
    """
    value = f"{objective} {result.value:.4g}" if result.value is not None else result.state
    parts = [
        f"trial {result.number}: {value}",
        f"{result.epochs} epoch{'s' * (result.epochs != 1)}, {result.seconds:.1f} s",
        ", ".join(f"{name} {shown(v)}" for name, v in result.values.items()),
        _short(result.ended),
    ]
    return " · ".join(part for part in parts if part)


def rows(results: list[TrialResult], objective: str) -> list[list[str]]:
    """Return trials as the rows of a table; the first row has the titles.

    Example:
        >>> rows([TrialResult(3, "complete", 0.25, {"units": 8}, 5, 2.04)], "val_loss")
        [['trial', 'val_loss', 'state', 'epochs', 'seconds', 'units'], ['3', '0.25', 'complete', '5', '2.0', '8']]
    """
    names = list({name: None for result in results for name in result.values})
    has_notes = any(result.ended for result in results)
    found = [["trial", objective, "state", "epochs", "seconds", *names, *["note"] * has_notes]]
    for r in results:
        value = "" if r.value is None else f"{r.value:.4g}"
        chosen = [shown(r.values[name]) if name in r.values else "" for name in names]
        note = [_short(r.ended)] * has_notes
        found.append([str(r.number), value, r.state, str(r.epochs), f"{r.seconds:.1f}", *chosen, *note])
    return found


def table(results: list[TrialResult], objective: str) -> str:
    """Return trials as a text table.

    Example:
        >>> print(table([TrialResult(3, "complete", 0.25, {"units": 8}, 5, 2.04)], "val_loss"))
        trial  val_loss  state     epochs  seconds  units
            3      0.25  complete       5      2.0      8
    """
    lines = rows(results, objective)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    words = {"state", "note"}
    aligned = [
        [c.ljust(w) if title in words else c.rjust(w) for c, w, title in zip(row, widths, lines[0], strict=True)]
        for row in lines
    ]
    return "\n".join("  ".join(row).rstrip() for row in aligned)


def frame(results: list[TrialResult]) -> Any:
    """Return trials as a pandas frame, a column for each hyperparameter."""
    import pandas

    facts = ("state", "value", "epochs", "seconds", "ended")
    found = [{**{f: getattr(r, f) for f in facts}, **{f"hp.{n}": v for n, v in r.values.items()}} for r in results]
    return pandas.DataFrame(found, index=pandas.Index([r.number for r in results], name="trial"))


def shown(value: Value) -> str:
    """Return a hyperparameter's value as text: four digits of a float, the beginning of a long string."""
    return f"{value:.4g}" if isinstance(value, float) else _short(str(value), 40)


def _short(text: str, most: int = _MOST_TEXT) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1] + "…"
