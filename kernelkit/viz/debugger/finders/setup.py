"""Finder for parts of a model that cannot work: a frozen output, BatchNormalization of one value, lost masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.layers.base.parts import own_variables, walk
from kernelkit.layers.layer import Layer
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View


def find(view: View) -> Finding | None:
    """Return the first such part."""
    return _frozen(view) or _one_value(view) or _lost_mask(view)


def _frozen(view: View) -> Finding | None:
    layers = [layer for layer in facts.layers_of(view, view.shown) if own_variables(layer)]
    weighted = [layer for layer in layers if getattr(layer, "kernel", None) is not None]
    makers = facts.makers_of(view, view.shown)
    last = weighted[-1:] if len(makers) == 1 else [layer for layer in weighted if any(layer is one for one in makers)]
    held = [layer for layer in last if not layer.trainable]
    if not held:
        return None
    frozen = sum(not layer.trainable for layer in weighted)
    name = held[0].name
    title = f"Layer {name!r}, which makes the outputs, is frozen: trainable is False."
    return _found(
        view,
        "frozen layer",
        title,
        [f"{frozen} of {len(weighted)} layers with a kernel are frozen"],
        advice.FROZEN,
        name,
    )


def _one_value(view: View) -> Finding | None:
    rows = len(facts.arrays_of(view, view.shown)[0][0])
    for row in view.table(view.shown).rows:
        positions = int(np.prod(row["shape"][:-1])) if row["shape"] else 0
        if row["type"] == "BatchNormalization" and positions == 1:
            title = f"BatchNormalization {row['layer']!r} sees one value for each feature: it makes all of them 0."
            evidence = [f"the batch of step {nth(view.shown)} holds {rows} sample"]
            return _found(view, "batch of one", title, evidence, advice.BATCH_OF_ONE, str(row["layer"]))
    return None


def _lost_mask(view: View) -> Finding | None:
    masking = next((layer for layer in walk(view.model) if _masks(layer)), None)
    used = facts.used_losses(view, view.shown)
    seen = view.look(view.shown).observer.losses
    x = facts.arrays_of(view, view.shown)[0]
    if masking is None or len(used) != 1 or len(seen) != 1 or seen[0].mask is not None or len(x) != 1:
        return None
    empty = _padding(x[0], masking)
    per_step = used[0].p.ndim >= 3 and x[0].ndim > 1 and used[0].p.shape[1] == x[0].shape[1]
    if not per_step or seen[0].weights is not None or empty is None or not empty.any():
        return None
    title = f"The loss counts padding: the mask of {masking.name!r} does not reach it."
    evidence = [f"{float(empty.mean()):.0%} of the steps of this batch are padding"]
    return _found(view, "lost mask", title, evidence, advice.MASK, masking.name)


def _padding(x: np.ndarray, masking: Any) -> np.ndarray | None:
    """Return the mask of padding steps of an input (samples, steps, ...), None if it has no steps."""
    if x.ndim == 2:
        return x == 0
    return np.all(x == getattr(masking, "mask_value", 0.0), -1) if x.ndim == 3 else None


def _masks(layer: Layer) -> bool:
    return bool(getattr(layer, "mask_zero", False)) or type(layer).__name__ == "Masking"


def _found(view: View, kind: str, title: str, evidence: list[str], cure: list[str], layer: str) -> Finding:
    return Finding(
        kind, title, view.shown, view.epoch(view.shown), layer, direction="forward", evidence=evidence, advice=cure
    )
