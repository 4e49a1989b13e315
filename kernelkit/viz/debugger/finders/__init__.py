"""Finders: each file looks for one kind of mistake in a training. This file sets their order.

A finder is a function ``find(view) -> Finding | None``. The first finding wins: causes are looked for before their
consequences.
"""

from __future__ import annotations

from collections.abc import Callable

from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import (
    dead_units,
    depth,
    errors,
    gates,
    gradients,
    labels,
    nan,
    outputs,
    rate,
    saturated,
    scales,
    setup,
    spikes,
    sure,
    targets,
    updates,
)
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

FINDERS: tuple[Callable[[View], Finding | None], ...] = (
    errors.find,
    nan.find,
    outputs.find,
    targets.find,
    labels.find,
    scales.find,
    spikes.find,
    updates.find,
    setup.find,
    dead_units.find,
    depth.find,
    saturated.find,
    gates.find,
    rate.find,
    sure.find,
    gradients.find,
)
BEFORE_A_STEP: tuple[Callable[[View], Finding | None], ...] = (errors.find, outputs.find, setup.find, dead_units.find)
"""Finders that work before the first step."""
LOOKED_FOR = (
    "NaN and infinity, a jump of the loss and the sample behind it, exploding updates",
    "gradients that vanish or explode with depth, layers without a gradient, dead and saturated units and gates",
    "outputs that are certain of wrong answers",
    "a learning rate that is too small or too large",
    "probabilities taken for logits and the reverse, a softmax of one unit, inputs and targets that are not scaled",
    "labels that are shifted, shuffled, sorted or all the same, a target among the inputs",
    "a frozen output layer, BatchNormalization of a single value, padding that the loss counts",
)
"""The mistakes that the finders look for, in words. Other mistakes are not found."""


def find_first(view: View) -> Finding:
    """Return the first mistake up to the step shown."""
    is_new = view.position == view.begin and not view.records.end
    for find in BEFORE_A_STEP if is_new else FINDERS:
        found = find(view)
        if found is not None:
            return found
    if is_new:
        return Finding("nothing", "No step was done yet.", view.shown)
    looked = [f"looked for: {line}" for line in LOOKED_FOR]
    title = f"Found nothing wrong up to step {nth(view.shown)}."
    return Finding("nothing", title, view.shown, view.epoch(view.shown), evidence=looked)
