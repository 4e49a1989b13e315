"""Finder for inputs or targets that are not scaled."""

from __future__ import annotations

import numpy as np

from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View

LARGE = 30.0
"""Inputs with a larger root mean square are not scaled."""
FAR = 10.0
"""Targets are not scaled if they are larger than this and the outputs stay far from them."""
_SCALERS: tuple[str, ...] = (
    "Rescaling",
    "Normalization",
    "BatchNormalization",
    "LayerNormalization",
    "Embedding",
    "Hashing",
)
_SCALERS += (
    "CategoryEncoding",
    "Discretization",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
    "UnitNormalization",
)


def find(view: View) -> Finding | None:
    """Return unscaled targets of a regression, or unscaled inputs."""
    return _targets(view) or _inputs(view)


def _targets(view: View) -> Finding | None:
    for used in facts.used_losses(view, view.shown):
        if used.kind not in facts.DISTANCES or used.y.dtype.kind not in "fiu":
            continue
        y = used.y.astype("float64")
        mean, spread, size = float(y.mean()), float(y.std()), float(np.sqrt(np.mean(y**2)))
        off = abs(float(used.p.mean()) - mean)
        if size < FAR or off < 0.5 * max(abs(mean), spread):
            continue
        outputs = (
            f"the outputs have the mean {float(used.p.mean()):.3g} and the standard deviation {float(used.p.std()):.3g}"
        )
        evidence = [f"the targets have the mean {mean:.3g} and the standard deviation {spread:.3g}", outputs]
        title = "The targets are not scaled: the outputs are far from them."
        return _found(view, "unscaled targets", title, "y", evidence, advice.TARGETS)
    return None


def _inputs(view: View) -> Finding | None:
    layers = [
        layer
        for layer in facts.layers_of(view, view.shown)
        if type(layer).__name__ not in ("InputLayer", "Flatten", "Reshape")
    ]
    if any(type(layer).__name__ in _SCALERS for layer in layers[:3]):
        return None
    for i, x in enumerate(facts.arrays_of(view, view.shown)[0]):
        if x.dtype.kind not in "fiu" or not x.size:
            continue
        values = x.astype("float64")
        # The median over samples: a single damaged sample is another kind of mistake.
        size = float(np.median(np.sqrt(np.mean(values.reshape(len(values), -1) ** 2, axis=1))))
        if np.isfinite(size) and size > LARGE:
            evidence = [
                f"input {i} lies from {values.min():.4g} to {values.max():.4g}, its root mean square is {size:.3g}"
            ]
            title = "The inputs are not scaled: layers are made for values of about 1."
            return _found(view, "unscaled inputs", title, "x", evidence, advice.INPUTS)
    return None


def _found(view: View, kind: str, title: str, where: str, evidence: list[str], helps: list[str]) -> Finding:
    step = view.shown
    return Finding(kind, title, step, view.epoch(step), where, direction="forward", evidence=evidence, advice=helps)
