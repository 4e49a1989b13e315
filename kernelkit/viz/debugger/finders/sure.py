"""Finder for saturated outputs: a softmax or sigmoid that is certain of wrong answers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

SURE = 1e-4
"""An answer is certain if the total probability of all others is below this number."""
MOSTLY = 0.9
"""Minimum share of sure answers."""
WRONG = 0.05
"""Minimum share of wrong answers among the sure ones: a model that has learned its data is sure and right."""
NONE = 1e-7
"""If no layer has a gradient above this, one certain wrong answer counts, because it can no longer be unlearned."""


class Answers(NamedTuple):
    """The answers of one output: whether each is certain, and whether it is right. Arrays (answers,)."""

    sure: np.ndarray
    right: np.ndarray


def find(view: View) -> Finding | None:
    """Return the first output with certain and often wrong answers, which have almost no gradient."""
    makers = facts.makers_of(view, view.shown)
    for used in facts.used_losses(view, view.shown):
        answers = answers_of(used)
        if answers is None or answers.sure.mean() < MOSTLY:
            continue
        wrong = float(np.mean(~answers.right[answers.sure]))
        if not (wrong >= WRONG or (wrong > 0 and _stuck(view))):
            continue
        layer = makers[used.place]
        name = layer.name if layer is not None else ""
        of = f" of layer {name!r}" if name else ""
        evidence = [f"{answers.sure.mean():.0%} of the answers have a probability of 0 or 1 to four digits"]
        evidence.append(f"{wrong:.0%} of these are wrong")
        if not getattr(used.loss, "from_logits", False):
            evidence.append("the gradient is 0 there, so these answers cannot be corrected")
        title = f"Step {nth(view.shown)}: the outputs{of} are saturated: certain of wrong answers."
        return Finding(
            "saturated outputs",
            title,
            view.shown,
            view.epoch(view.shown),
            name,
            direction="forward",
            evidence=evidence,
            advice=advice.SURE,
        )
    return None


def _stuck(view: View) -> bool:
    return not any(row["grad"] is not None and row["grad"] > NONE for row in view.table(view.shown).rows)


def answers_of(used: facts.Used) -> Answers | None:
    """Return the answers of an output, None if its loss is not a cross-entropy or its targets have another shape.

    Args:
        used: A loss with its targets and outputs.
    """
    kind, p = used.kind.lower(), used.p.astype("float64")
    if "crossentropy" not in kind or not p.size or not np.isfinite(p).all():
        return None
    is_logits = bool(getattr(used.loss, "from_logits", False))
    with np.errstate(over="ignore"):
        if kind.startswith("binary"):
            p = 1 / (1 + np.exp(-p)) if is_logits else p
            if used.y.size != p.size:
                return None
            found = p.ravel()
            return Answers(np.minimum(found, 1 - found) < SURE, (found > 0.5) == (used.y.ravel() > 0.5))
        if is_logits:
            p = np.exp(p - p.max(-1, keepdims=True))
            p /= p.sum(-1, keepdims=True)
    found = p.reshape(-1, p.shape[-1])
    y = used.y if kind.startswith("sparse") else used.y.argmax(-1)
    if y.size != len(found) or found.shape[1] < 2:
        return None
    return Answers(found.max(1) > 1 - SURE, found.argmax(1) == y.ravel())
