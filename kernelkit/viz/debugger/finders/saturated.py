"""Finder for saturated units: the values of a hidden sigmoid or tanh are nearly all extreme."""

from __future__ import annotations

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.observer import value_name
from kernelkit.viz.debugger.view import View

LIMITS = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
}
"""The extreme values of activations that saturate."""
SHARE = 0.8
"""Minimum share of saturated values."""
EDGE = 0.01


def find(view: View) -> Finding | None:
    """Return the first hidden layer with a saturated sigmoid, tanh or similar activation. Output layers don't count."""
    look = view.look(view.shown)
    seen = [one for one in look.observer.layers if one.layer is not view.model]
    for one in seen[:-1]:
        name = facts.activation_of(one.layer)
        key = value_name(one.keys[0]) if one.keys else ""
        if name not in LIMITS or key not in look.values:
            continue
        values = np.asarray(look.values[key], "float32")
        low, high = LIMITS[name]
        share = float(np.mean((values < low + EDGE * (high - low)) | (values > high - EDGE * (high - low))))
        if share >= SHARE:
            title = f"Step {nth(view.shown)}: the units of layer {one.name!r} are saturated."
            evidence = [
                f"{share:.0%} of its {name} values lie within 1% of {low:g} or {high:g}, where the gradient is almost 0"
            ]
            return Finding(
                "saturated units",
                title,
                view.shown,
                view.epoch(view.shown),
                one.name,
                name,
                "forward",
                evidence=evidence,
                advice=advice.SATURATED,
            )
    return None
