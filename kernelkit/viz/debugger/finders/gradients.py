"""Finder for missing gradients: a layer's weights get no gradient."""

from __future__ import annotations

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View


def find(view: View) -> Finding | None:
    """Return the first layer whose weights get no gradient. If no layer has a gradient, the training has converged."""
    rows = view.table(view.shown).rows
    if not any(row["grad"] is not None and row["grad"] > 1e-6 for row in rows) and len(view.losses) > 1:
        losses = view.losses
        if abs(losses[-1]) < 1e-6 or losses[-1] < 0.5 * losses[0]:
            return None
    for row in view.table(view.shown).rows:
        if row["trouble"] == "no gradient":
            return Finding(
                "no gradient",
                f"Step {nth(view.shown)}: layer {row['layer']!r} gets no gradient.",
                view.shown,
                view.epoch(view.shown),
                str(row["layer"]),
                direction="backward",
                evidence=[f"the norm of its weights' gradients is {row['grad']:.3g}"],
                advice=advice.NO_GRADIENT,
            )
    return None
