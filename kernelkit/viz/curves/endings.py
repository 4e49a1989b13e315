"""The end of a training, in one word and one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Ending(NamedTuple):
    """The end of a training.

    Attributes:
        kind: ``"nan"``, ``"early"``, ``"stopped"``, ``"interrupted"`` or ``"failed"``; ``""`` if all epochs were done.
        word: The kind as a short label.
        text: What happened and where to look, in a sentence.
    """

    kind: str
    word: str
    text: str = ""


def ending_of(
    outcome: str,
    error: BaseException | None,
    run: Any,
    epochs: int,
    steps: int,
    broken: Mapping[str, int],
    cut: bool = False,
) -> Ending:
    """Return how a training ended.

    Args:
        outcome: ``"done"``, ``"stopped"``, ``"interrupted"`` or ``"failed"``.
        error: The error that ended it.
        run: The run; its ``reason`` is a callback's reason for the end, its ``epochs`` is the number of the last epoch.
        epochs: The number of the last completed epoch, counted from 1.
        steps: Number of steps done.
        broken: Dict from metric name to the first step, counted from 1, at which it was NaN or infinite.
        cut: Whether the next epoch was begun and cut short.

    Example:
        >>> from types import SimpleNamespace
        >>> run = SimpleNamespace(epochs=60, reason="val_loss did not improve for 3 epochs")
        >>> ending_of("done", None, run, 20, 400, {}).text
        'Stopped early after epoch 20 of 60: val_loss did not improve for 3 epochs.'
    """
    reason = getattr(run, "reason", "")
    where = f"after {steps:,} step{'s' * (steps != 1)}"
    if outcome == "failed":
        what = "" if error is None else f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return Ending(
            "failed", "failed", f"{what} {'' if what.endswith('.') else '· '}model.debug_last() shows the step."
        )
    if broken and (so_far := ending_so_far(broken)).kind:
        stopped = f" Training stopped {where}." if reason or outcome != "done" else ""
        return so_far._replace(text=so_far.text + stopped)
    if outcome == "interrupted":
        return Ending(
            "interrupted", "interrupted", f"Interrupted {where}; the weights are those of the last whole step."
        )
    if outcome == "stopped":
        return Ending(
            "stopped", "stopped", f"Stopped by the user {where}, in epoch {max(epochs + cut, 1)} of {run.epochs}."
        )
    if reason:
        return Ending(
            "early",
            "stopped early",
            f"Stopped early {'in' if cut else 'after'} epoch {epochs + cut} of {run.epochs}: {reason}.",
        )
    return Ending("", "")


def ending_so_far(broken: Mapping[str, int]) -> Ending:
    """Return the problem of a running training with a NaN or infinite metric, an empty `Ending` if all are finite."""
    if "loss" not in broken:
        return Ending("", "")
    step = broken["loss"]
    return Ending(
        "nan",
        "NaN",
        f"The loss is NaN or infinite since step {step:,}. model.debug(x, y) shows the operation that made it.",
    )
