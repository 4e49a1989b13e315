"""Finder for outputs that do not match the loss (probabilities and logits are confused), or that are always 1."""

from __future__ import annotations

import numpy as np

from kernelkit.viz.debugger.finders import advice, facts
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.view import View


def find(view: View) -> Finding | None:
    """Return the first loss whose `from_logits` does not fit the model's outputs, or a softmax of a single unit."""
    step = view.shown
    layers, makers = facts.layers_of(view, step), facts.makers_of(view, step)
    for used in facts.used_losses(view, step):
        maker = makers[used.place] or (layers[-1] if len(makers) == 1 and layers else None)
        last = facts.activation_of(maker) if maker is not None else ""
        if (
            maker is not None
            and last == "softmax"
            and used.p.ndim > 1
            and used.p.shape[-1] == 1
            and np.all(used.p == 1)
        ):
            title = f"The softmax of layer {maker.name!r} has one unit, so its output is 1 for every input."
            seen = f"all {used.p.size} outputs of the batch are 1, so no gradient leads back from them"
            return _found(view, "softmax of one unit", title, seen, advice.ONE_UNIT, maker.name)
        # A loss given by name is a function, which takes probabilities.
        expects = getattr(used.loss, "from_logits", False if "crossentropy" in used.kind.lower() else None)
        if expects is None or not used.p.size or not np.isfinite(used.p).all():
            continue
        binary = used.kind.lower().startswith("binary")
        low, high, sums = float(used.p.min()), float(used.p.max()), used.p.sum(-1)
        shares = low >= 0 and (
            last == "sigmoid" if binary else used.p.shape[-1] > 1 and bool(np.allclose(sums, 1, atol=1e-3))
        )
        outside = low < -1e-6 or (high > 1 + 1e-6 if binary else not np.allclose(sums, 1, atol=0.05))
        name = maker.name if maker is not None else ""
        if expects and shares:
            seen = f"they lie from {low:.3g} to {high:.3g}" + ("" if binary else ", and those of a sample sum to 1")
            title = f"The outputs are probabilities already, but {used.kind}(from_logits=True) expects logits."
            return _found(view, "probabilities as logits", title, seen, advice.NOT_LOGITS, name)
        if not expects and outside and last not in ("softmax", "sigmoid"):
            seen = f"they lie from {low:.3g} to {high:.3g}" + (
                "" if binary else f", and the first sample's sum to {float(sums.ravel()[0]):.3g}"
            )
            title = f"The outputs are logits, but {used.kind} without from_logits=True expects probabilities."
            return _found(view, "logits as probabilities", title, seen, advice.LOGITS, name)
    return None


def _found(view: View, kind: str, title: str, seen: str, cure: list[str], layer: str) -> Finding:
    return Finding(
        kind, title, view.shown, view.epoch(view.shown), layer, direction="forward", evidence=[seen], advice=cure
    )
