"""Finder for saturated gates: the gates of an LSTM or a GRU are 0 or 1 nearly everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.observer import MASK, SeenLayer, value_name
from kernelkit.viz.debugger.view import View

SHARE = 0.8
"""Minimum share of saturated values."""
EDGE = 0.01
KEEPS = ("forget", "update")
"""Gates that keep the memory if they are 1. This may be intended: a large initial bias makes a long memory."""


def find(view: View) -> Finding | None:
    """Return the first LSTM or GRU with a saturated gate."""
    look = view.look(view.shown)
    if facts.growth(view, view.shown) > facts.GROWN:
        return None  # too large updates closed the gates: the finder for learning rates reports this
    for seen in look.observer.layers:
        for gate, key in (seen.gates or {}).items():
            if gate == MASK or value_name(key) not in look.values:
                continue
            values = _unmasked(np.asarray(look.values[value_name(key)], "float32"), seen, look)
            low, high = float(np.mean(values < EDGE)), float(np.mean(values > 1 - EDGE))
            if low + high < SHARE or (gate in KEEPS and high >= SHARE):
                continue
            title = f"Step {nth(view.shown)}: the {gate} gate of layer {seen.name!r} is saturated."
            return Finding(
                "saturated units",
                title,
                view.shown,
                view.epoch(view.shown),
                seen.name,
                f"{gate} gate",
                "forward",
                evidence=[
                    f"{low:.0%} of its values lie below {EDGE:g} (closed), {high:.0%} above {1 - EDGE:g} (open)",
                    "the gradient is almost 0 there: the gate does not learn when to open",
                ],
                advice=advice.GATES,
            )
    return None


def _unmasked(values: np.ndarray, seen: SeenLayer, look: Any) -> np.ndarray:
    """Return the values (steps, samples, ...) of unmasked steps, if there are any."""
    key = value_name((seen.gates or {}).get(MASK, ""))
    kept = values[np.asarray(look.values[key], bool)] if key in look.values else values
    return kept if kept.size else values
