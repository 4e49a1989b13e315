"""Finder for gradients that vanish or explode with depth: they shrink or grow from layer to layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

LAYERS = 5
"""Minimum number of layers with gradients."""
DECADES = 3.0
"""Minimum number of decades between the first and the last layers."""
STEADY = 0.7
"""Minimum share of the layers that change in the same direction."""
NORMS = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization")


def find(view: View) -> Finding | None:
    """Return gradients that vanish or explode steadily from the last layer to the first one.

    Layers stop learning if the gradients of their weights vanish. Weights diverge if the gradients of the layers'
    outputs explode. The gradients of the weights can hide this, because they are products with shrinking inputs.
    """
    return _steady(view, "grad", vanishing=True) or _steady(view, "activation_grad", vanishing=False)


def _steady(view: View, column: str, vanishing: bool) -> Finding | None:
    found: list[dict[str, Any]] = list(view.table(view.shown).rows)
    rows = [r for r in found if r["grad"] is not None and r["type"] not in NORMS]
    rows = [r for r in rows if r[column] is not None and np.isfinite(r[column])]
    if len(rows) < LAYERS:
        return None
    sizes = np.log10(np.maximum([r[column] for r in rows], 1e-30))
    slope, _ = np.polyfit(np.arange(len(sizes)), sizes, 1)  # powers of ten per layer, in forward order
    third = max(1, len(sizes) // 3)
    change = float(np.median(sizes[-third:]) - np.median(sizes[:third]))
    steady = float(np.mean(np.sign(np.diff(sizes)) == np.sign(slope)))
    if (change if vanishing else -change) < DECADES or steady < STEADY:
        return None
    first, last = rows[0], rows[-1]
    what = "of the weights" if vanishing else "of the outputs"
    return Finding(
        "vanishing gradients" if vanishing else "exploding gradients",
        f"Step {nth(view.shown)}: gradients {'shrink' if vanishing else 'grow'} from layer to layer, by a factor of "
        f"about {10.0**-slope:.2g}.",
        view.shown,
        view.epoch(view.shown),
        str(first["layer"]),
        direction="backward",
        evidence=[
            f"the gradient {what} of {first['layer']!r}, the first layer, has the norm {first[column]:.2g}",
            f"that of {last['layer']!r}, {len(rows) - 1} layers later, has {last[column]:.2g}",
        ],
        advice=advice.VANISHING if vanishing else advice.EXPLODING_BY_DEPTH,
    )
