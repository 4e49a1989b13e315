"""Finder for updates that are as large as the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.table import Table
from kernelkit.viz.debugger.view import View

LARGE_UPDATE = 0.5
"""An update is too large if its norm is above this share of the weights' norm."""


def find(view: View) -> Finding | None:
    """Return the layer with the largest update, if the update is too large and the loss has grown."""
    losses = view.losses
    return find_largest(view) if len(losses) > 1 and losses[-1] > 2 * losses[0] else None


def find_largest(view: View) -> Finding | None:
    """Return the layer with the largest update, if the update is too large."""
    step = view.shown
    row = largest_update(view.table(step))
    if row is None or not row["update_ratio"] > LARGE_UPDATE:
        return None
    return Finding(
        "exploding",
        f"Step {nth(step)}: the update of layer {row['layer']!r} is as large as its weights.",
        step,
        view.epoch(step),
        row["layer"],
        direction="update",
        evidence=[f"it changed them by {row['update_ratio']:.3g} of their norm"],
        advice=advice.EXPLODING,
    )


def largest_update(table: Table) -> dict[str, Any] | None:
    """Return the row of the layer with the largest update relative to its weights; NaN counts as infinite."""
    rows: list[dict[str, Any]] = [row for row in table.rows if row["update_ratio"] is not None]
    return max(rows, key=lambda row: float(np.nan_to_num(row["update_ratio"], nan=np.inf)), default=None)
