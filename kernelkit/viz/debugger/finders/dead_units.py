"""Finder for dead units: a layer gives zero for every sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.naming import layer_named
from kernelkit.viz.debugger.view import View, first_step

DEAD = 0.9
"""A layer counts as dead if at least this share of its units is zero for the whole batch."""


def find(view: View) -> Finding | None:
    """Return the first layer with dead units, and the first step in which they were dead."""
    row = _dead_row(view, view.shown)
    if row is None:
        return None
    name = row["layer"]
    step = first_step(view.begin, view.shown, lambda at: _dead_row(view, at, name) is not None)
    evidence = [
        f"{row['dead']:.0%} of its units give 0 for the whole batch, so no gradient reaches the layers before it"
    ]
    bias = _bias_of(view, name, step)
    if bias is not None:
        evidence.append(f"its bias lies between {bias.min():.4g} and {bias.max():.4g}")
    since = "from the beginning" if step == view.begin else f"since step {nth(step)}"
    return Finding(
        "dead units",
        f"The units of layer {name!r} are dead {since}.",
        step,
        view.epoch(step),
        name,
        "max",
        "forward",
        samples=view.all_rows(step),
        evidence=evidence,
        advice=advice.DEAD_UNITS,
    )


def _dead_row(view: View, step: int, layer: str | None = None) -> dict[str, Any] | None:
    for row in view.table(step).rows:
        if row["dead"] is not None and row["dead"] >= DEAD and layer in (None, row["layer"]):
            return row
    return None


def _bias_of(view: View, name: str, step: int) -> np.ndarray | None:
    bias = getattr(layer_named(view.model, name), "bias", None)
    pairs = zip(view.timeline.steps.variables.trainable, view.state(step).trainable, strict=True)
    return next((np.asarray(value) for variable, value in pairs if variable is bias), None)
