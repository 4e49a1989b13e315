"""Finder for NaN and infinity in the logs or the weights: it names the operation that made the first one."""

from __future__ import annotations

import numpy as np

from kernelkit.layers.base.parts import walk
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.finders import advice, spikes, updates
from kernelkit.viz.debugger.finding import Finding
from kernelkit.viz.debugger.origin import Origin, find_origin
from kernelkit.viz.debugger.view import View, first_step, is_finite

HUGE = 1e10
"""Larger magnitudes do not come from data: the training has diverged."""


def find(view: View) -> Finding | None:
    """Return the origin of the first NaN or infinity."""
    step = _first_bad_step(view)
    if step is None:
        return None
    origin = find_origin(view.taps, view.entered(step), view.batch(step))
    epoch = view.epoch(step)
    if origin is None:
        names = [name for name in view.records.names if not np.isfinite(view.records.logs(step).get(name, 0.0))]
        what = f"The {names[0]}" if names else "A metric"
        return Finding("nan", f"{what} at step {nth(step)} is NaN or infinite.", step, epoch)
    if origin.part == "weights":
        title = f"Weights hold NaN or infinity before step {nth(step)}, the first step that is known."
        return Finding("nan", title, step, epoch, advice=advice.WEIGHTS)
    if origin.largest > HUGE and origin.part != "data":
        before = view.until(step)
        run_away = spikes.find(before) or updates.find_largest(before)
        if run_away is not None:
            dtype = view.model.compute_dtype
            run_away.evidence.append(
                f"In step {nth(step)} numbers grew too large for {dtype}, in {_place_of(view, origin)}."
            )
            return run_away
    rows = view.rows(step, _samples(view, step, origin))
    return Finding(
        "nan",
        f"Step {nth(step)}: {_place_of(view, origin)} made the first NaN or infinity.",
        step,
        epoch,
        _layer_name(view, origin),
        origin.op,
        "update" if origin.part == "optimizer" else "backward" if origin.backward else "forward",
        origin.where,
        rows,
        _evidence(origin, rows),
        advice.for_operation(origin),
    )


def _first_bad_step(view: View) -> int | None:
    """Return the first step whose logs, or the weights after it, hold NaN or infinity."""
    records = view.records
    columns = [
        records.column(name)[view.begin - records.begin : view.position - records.begin] for name in records.names
    ]
    bad = np.flatnonzero(~np.isfinite(np.stack(columns)).all(0)) if columns else np.array([], int)
    if len(bad):
        step = view.begin + int(bad[0])
        if step > view.begin and not is_finite(view.state(step)):
            # NaN weights stay NaN: bisect for the update that made them NaN.
            step = first_step(view.begin, step, lambda at: not is_finite(view.state(at + 1)))
        return step
    return None if is_finite(view.state(view.position)) else view.position - 1


def _samples(view: View, step: int, origin: Origin) -> np.ndarray:
    if len(origin.samples):
        return origin.samples
    return np.flatnonzero(~np.isfinite(view.sample_losses(step)))


def _evidence(origin: Origin, rows: list[int]) -> list[str]:
    lines = []
    if rows:
        lines.append(f"samples: {', '.join(map(str, rows[:10]))}{' ...' if len(rows) > 10 else ''}")
    if origin.op and np.isfinite(origin.largest):
        lines.append(f"magnitudes of its inputs: {origin.smallest:.4g} to {origin.largest:.4g}")
    return lines


def _place_of(view: View, origin: Origin) -> str:
    if origin.part == "data":
        return "the data"
    way = "the gradient of " if origin.backward else ""
    name = {"layer": "layer", "loss": "loss", "optimizer": "the optimizer", "metrics": "a metric"}.get(origin.part, "")
    layer = _layer_name(view, origin)
    where = f"{name} {layer!r}" if origin.part in ("layer", "loss") and layer else name or "the step"
    return f"{origin.op} in {way}{where}"


def _layer_name(view: View, origin: Origin) -> str:
    if origin.part == "layer":
        names = {layer.name for layer in walk(view.model)}
        return next((part for part in reversed(origin.layer.split("/")) if part in names), view.model.name)
    if origin.part == "loss":
        compiled = view.timeline.steps.training.compiled.loss
        losses = [loss for loss, _, _ in (compiled.parts or ()) if loss is not None] if compiled else []
        return losses[0].name if len(losses) == 1 else "loss"
    return {"data": "x", "optimizer": "optimizer", "metrics": "metrics"}.get(origin.part, "")
