"""Finder for a learning rate that is too small or too large: the loss does not fall, and the updates say why."""

from __future__ import annotations

from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

STEPS = 20
"""Minimum number of steps before a loss is said to stand still."""
TINY = 1e-6
"""Updates below this fraction of the weights change nothing within a training."""
WILD = 0.1
"""Updates above this fraction of the weights throw them about."""
GROWN = 5
"""Weights that grew by this factor, while the loss did not fall, were thrown about by earlier updates."""


def find(view: View) -> Finding | None:
    """Return the rate's fault if the loss has not fallen for `STEPS` steps."""
    if len(view.losses) < STEPS or not np.isfinite(view.losses).all() or facts.fell(view, 0.98):
        return None
    rows: list[dict[str, Any]] = [row for row in view.table(view.shown).rows if row["update_ratio"] is not None]
    ratios = [float(row["update_ratio"]) for row in rows]
    if not ratios:
        return None
    largest, usual = max(ratios), float(np.median(ratios))
    gradient = any(row["grad"] is not None and row["grad"] > 1e-7 for row in rows)
    row = rows[int(np.argmax(ratios))]
    if largest < TINY and gradient and not have_moved(view):
        kind, title = "small learning rate", f"The loss has not moved in {len(view.losses)} steps: updates are tiny."
        evidence, cure = (
            f"the largest update, of {row['layer']!r}, is {largest:.1g} of the weights; 1e-3 is usual",
            advice.SMALL_RATE,
        )
    elif usual > WILD:
        kind, title = "large learning rate", "The loss does not fall: updates throw the weights about."
        evidence, cure = f"updates are {usual:.1g} of the weights in the median layer; 1e-3 is usual", advice.LARGE_RATE
    elif (grown := _growth(view)) > GROWN:
        kind, title = "large learning rate", "The loss does not fall: updates have thrown the weights about."
        evidence = f"the weights are {grown:.3g} times as large as in the first step"
        cure = advice.LARGE_RATE
    else:
        return None
    begin, now = float(view.losses[0]), float(view.losses[-1])
    told = [f"the loss was {begin:.4g} in the first step and is {now:.4g} now", evidence]
    return Finding(
        kind,
        title,
        view.shown,
        view.epoch(view.shown),
        str(row["layer"]),
        direction="update",
        evidence=told,
        advice=cure,
    )


def have_moved(view: View) -> bool:
    """Return whether earlier steps changed the weights far more than tiny updates could.

    FTRL's first steps, for one, shrink small weights to zero: later updates are tiny at any learning rate.
    """
    before, after = _weights(view, view.begin), _weights(view, view.shown)
    change = _squares([b - a for a, b in zip(before, after, strict=True)])
    return change > (10 * TINY * (view.shown - view.begin)) ** 2 * _squares(before)


def _growth(view: View) -> float:
    """Return the norm of all weights as a multiple of that in the first step."""
    before, after = (_squares(_weights(view, step)) for step in (view.begin, view.shown))
    return float(np.sqrt(after / before)) if before else 1.0


def _weights(view: View, step: int) -> list[np.ndarray]:
    return [np.asarray(w, "float64") for w in jtu.tree_leaves(view.state(step).trainable)]


def _squares(arrays: list[np.ndarray]) -> float:
    return float(sum(np.sum(np.square(a)) for a in arrays))
