"""Finders: each file looks for one kind of mistake in a training. This file sets their order.

A finder is a function ``find(view) -> Finding | None``. The first finding wins: causes are looked for before their
consequences.
"""

from __future__ import annotations

from collections.abc import Callable

from kernelkit.viz.debugger.finders import dead_units, errors, gradients, labels, nan, spikes, updates
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

FINDERS: tuple[Callable[[View], Finding | None], ...] = (
    errors.find,
    nan.find,
    spikes.find,
    updates.find,
    dead_units.find,
    labels.find,
    gradients.find,
)
BEFORE_A_STEP: tuple[Callable[[View], Finding | None], ...] = (errors.find, dead_units.find)
"""Finders that work before the first step."""


def find_first(view: View) -> Finding:
    """Return the first mistake up to the step shown."""
    is_new = view.position == view.begin and not view.records.end
    for find in BEFORE_A_STEP if is_new else FINDERS:
        found = find(view)
        if found is not None:
            return found
    if is_new:
        return Finding("nothing", "No step was done yet.", view.shown)
    return Finding("nothing", f"Nothing looks wrong up to step {view.shown}.", view.shown, view.epoch(view.shown))
