"""Finder for a jump of the loss: one odd sample causes it, or the update before it was too large."""

from __future__ import annotations

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finders.updates import largest_update
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

SPIKE = 5.0
"""A loss above this multiple of the median of the losses before it counts as a jump."""
OUTLIER = 20.0
"""A sample stands out if its loss is above this multiple of the median of the others."""


def find(view: View) -> Finding | None:
    """Return the cause of a jump. Without a jump, return a sample with odd inputs that makes most of the last loss."""
    begin, losses = view.records.begin, view.losses
    for i in range(max(1, view.begin - begin), len(losses)):
        usual = np.median(np.abs(losses[max(0, i - 50) : i]))
        if np.isfinite(losses[i]) and losses[i] > SPIKE * usual and usual > 0:
            return _one_sample(view, begin + i, losses[i], usual) or _too_large_update(
                view, begin + i, losses[i], usual
            )
    return _one_sample(view, begin + len(losses) - 1, None, None) if len(losses) else None


def _one_sample(view: View, step: int, loss: float | None, usual: float | None) -> Finding | None:
    losses = view.sample_losses(step)
    if len(losses) < 3 or not np.isfinite(losses).all():
        return None
    worst = int(np.argmax(losses))
    others = float(np.median(np.delete(losses, worst)))
    if losses[worst] < 0.5 * losses.sum() or losses[worst] < OUTLIER * max(others, 1e-6):
        return None
    inputs = jtu.tree_leaves(unpack(view.batch(step))[0])
    size = np.max([np.abs(np.asarray(v, "float64")).reshape(len(losses), -1).max(1) for v in inputs], axis=0)
    odd = size[worst] > 5 * np.median(size)
    if not odd and (loss is None or facts.growth(view, step) > facts.GROWN):
        return None  # after too large updates any sample can stand out
    rows = view.rows(step, np.array([worst]))
    evidence = [f"its loss is {losses[worst]:.4g}, the median of the others {others:.4g}"]
    if odd:
        evidence.append(f"its largest input is {size[worst]:.4g}, that of the others mostly {np.median(size):.4g}")
    if loss is not None:
        evidence.append(f"the batch's loss is {loss:.4g}, after {usual:.4g} in the steps before")
    layers = view.look(step).observer.layers
    return Finding(
        "corrupted sample",
        f"Step {nth(step)}: sample {rows[0]} alone makes most of the loss.",
        step,
        view.epoch(step),
        layers[0].name if odd and layers else "",
        direction="forward",
        samples=rows,
        evidence=evidence,
        advice=advice.SAMPLE,
    )


def _too_large_update(view: View, step: int, loss: float, usual: float) -> Finding | None:
    if step - 1 < view.begin:
        return None
    row = largest_update(view.table(step - 1))
    if row is None:
        return None
    return Finding(
        "exploding",
        f"Step {nth(step - 1)}: the update of layer {row['layer']!r} was too large, and the loss exploded.",
        step - 1,
        view.epoch(step - 1),
        row["layer"],
        direction="update",
        evidence=[
            f"it changed the layer's weights by {row['update_ratio']:.3g} of their norm",
            f"the loss went from {usual:.4g} to {loss:.4g} in the step after it",
        ],
        advice=advice.EXPLODING,
    )
