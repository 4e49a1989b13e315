"""Finder for a learning rate that is too small or too large: the loss does not fall because of the updates' size."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.debugger.finders import advice, facts, sure
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

STEPS = 20
"""Minimum number of steps before a loss is said to stand still."""
TINY = 1e-6
"""Updates below this fraction of the weights are too small to change them within a training."""
WILD = 0.1
"""Updates above this fraction of the weights are too large."""


def find(view: View) -> Finding | None:
    """Return the learning rate's fault if the loss has not fallen for `STEPS` steps."""
    if len(view.losses) < STEPS or not np.isfinite(view.losses).all():
        return None
    stands = not facts.fell(view, 0.98)
    if not stands and _below_first(view):
        return None
    rows: list[dict[str, Any]] = [row for row in view.table(view.shown).rows if row["update_ratio"] is not None]
    ratios = [float(row["update_ratio"]) for row in rows]
    if not ratios:
        return None
    largest, usual = max(ratios), float(np.median(ratios))
    gradient = any(row["grad"] is not None and row["grad"] > 1e-7 for row in rows)
    row = rows[int(np.argmax(ratios))]
    if stands and largest < TINY and gradient and not have_moved(view) and sure.find(view) is None:
        kind, title = "small learning rate", f"The loss has not moved in {len(view.losses)} steps: updates are tiny."
        evidence, cure = (
            f"the largest update, of {row['layer']!r}, is {largest:.1g} of the weights; 1e-3 is usual",
            advice.SMALL_RATE,
        )
    elif usual > WILD:
        kind, title = "large learning rate", "The loss does not fall: updates are too large for the weights."
        evidence, cure = f"updates are {usual:.1g} of the weights in the median layer; 1e-3 is usual", advice.LARGE_RATE
    elif (grown := facts.growth(view, view.shown)) > facts.GROWN:
        kind, title = "large learning rate", "The loss does not fall: updates were too large for the weights."
        evidence = f"the weights are {grown:.3g} times as large as in the first step"
        cure = advice.LARGE_RATE
    else:
        return None
    begin, now = float(view.losses[0]), float(view.losses[-1])
    evidence_lines = [f"the loss was {begin:.4g} in the first step and is {now:.4g} now", evidence]
    return Finding(
        kind,
        title,
        view.shown,
        view.epoch(view.shown),
        str(row["layer"]),
        direction="update",
        evidence=evidence_lines,
        advice=cure,
    )


def _below_first(view: View) -> bool:
    """Return whether the mean loss of the last quarter is below the first loss, from before the first update.

    Updates that are too large increase the loss at once. Later it may return to its first value.
    """
    losses = view.losses
    return bool(losses[0] <= 0 or np.mean(losses[-max(1, len(losses) // 4) :]) < 0.98 * losses[0])


def have_moved(view: View) -> bool:
    """Return whether earlier steps changed the weights much more than tiny updates can.

    For example, the first steps of FTRL shrink small weights to zero. Its later updates are tiny at any learning rate.
    """
    before, after = facts.weights_of(view, view.begin), facts.weights_of(view, view.shown)
    change = facts.squares([b - a for a, b in zip(before, after, strict=True)])
    return change > (10 * TINY * (view.shown - view.begin)) ** 2 * facts.squares(before)
