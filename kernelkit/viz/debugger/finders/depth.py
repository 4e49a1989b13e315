"""Finder for gradients that vanish or explode with depth: they shrink or grow from layer to layer."""

from __future__ import annotations

import numpy as np

from kernelkit.viz.debugger.finders import advice
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

LAYERS = 5
"""Minimum number of layers with gradients."""
DECADES = 3.0
"""Minimum number of decades between the first and the last layers."""


def find(view: View) -> Finding | None:
    """Return the change of the gradients' norms from the last layer to the first one, if it is large and steady."""
    rows = [row for row in view.table(view.shown).rows if row["grad"] is not None and np.isfinite(row["grad"])]
    rows = [
        row for row in rows if row["type"] not in ("BatchNormalization", "LayerNormalization", "GroupNormalization")
    ]
    if len(rows) < LAYERS:
        return None
    sizes = np.log10(np.maximum([row["grad"] for row in rows], 1e-30))
    slope, _ = np.polyfit(np.arange(len(sizes)), sizes, 1)
    third = max(1, len(sizes) // 3)
    change = float(np.median(sizes[-third:]) - np.median(sizes[:third]))
    steady = float(np.mean(np.sign(np.diff(sizes)) == np.sign(slope))) if len(sizes) > 1 else 0.0
    if abs(change) < DECADES or steady < 0.7:
        return None
    first, last = rows[0], rows[-1]
    factor = 10.0**-slope
    vanishes = slope > 0
    way = "shrink" if vanishes else "grow"
    return Finding(
        "vanishing gradients" if vanishes else "exploding gradients",
        f"Step {view.shown}: gradients {way} from layer to layer, by a factor of about {factor:.2g}.",
        view.shown,
        view.epoch(view.shown),
        str(first["layer"]),
        direction="backward",
        evidence=[
            f"the gradient of {first['layer']!r}, the first layer, has the norm {first['grad']:.2g}",
            f"that of {last['layer']!r}, {len(rows) - 1} layers later, has {last['grad']:.2g}",
        ],
        advice=advice.VANISHING if vanishes else advice.EXPLODING_BY_DEPTH,
    )
