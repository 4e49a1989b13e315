"""What went wrong in a training, in words."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jax.tree_util as jtu
import numpy as np

from kernelkit.feeds.batch import unpack
from kernelkit.layers.base.parts import walk
from kernelkit.viz.debugger import advice, looking
from kernelkit.viz.debugger.labels import find_shift
from kernelkit.viz.debugger.origin import Origin, find_origin
from kernelkit.viz.debugger.running import is_finite
from kernelkit.viz.debugger.source import ArraySource

if TYPE_CHECKING:
    from kernelkit.viz.debugger.debugger import StepDebugger

HUGE = 1e10
"""Numbers of this size don't come from data: a training has run away."""
SPIKE = 5.0
DEAD = 0.9
LARGE_UPDATE = 0.5
OUTLIER = 20.0


@dataclass
class Explanation:
    """What went wrong first.

    Attributes:
        kind: ``"nan"``, ``"exploding"``, ``"corrupted sample"``, ``"dead units"``, ``"shifted labels"``,
            ``"no gradient"``, ``"error"`` or ``"nothing"``.
        title: The finding in one sentence.
        step: Number of the step, from 0; ``goto(step + 1)`` shows it.
        epoch: Number of its epoch, from 0.
        layer: Name of the layer, loss or part of the step; ``""`` if none stands out.
        op: The operation, such as ``"log"``; ``""`` if none stands out.
        direction: ``"forward"``, ``"backward"``, ``"update"`` or ``""``.
        where: ``"file:line in function"`` of the source, if a line is to blame.
        samples: Rows in the data of the samples to blame (places in the batch, if rows are not known).
        evidence: What was seen.
        advice: What usually helps, the likeliest first.
    """

    kind: str
    title: str
    step: int
    epoch: int = 0
    layer: str = ""
    op: str = ""
    direction: str = ""
    where: str = ""
    samples: list[int] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [self.title, *(f"  {line}" for line in self.evidence)]
        lines += [f"  written in {self.where}"] if self.where else []
        lines += ["What usually helps:", *(f"  - {line}" for line in self.advice)] if self.advice else []
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        lines = [f"**{self.title}**", "", *(f"- {line}" for line in self.evidence)]
        lines += [f"- written in `{self.where}`"] if self.where else []
        lines += ["", "What usually helps:", "", *(f"1. {line}" for line in self.advice)] if self.advice else []
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        listed = lambda tag, rows: f"<{tag}>" + "".join(f"<li>{html.escape(r)}</li>" for r in rows) + f"</{tag}>"  # noqa: E731
        seen = self.evidence + ([f"written in {self.where}"] if self.where else [])
        helps = f"<p>What usually helps:</p>{listed('ol', self.advice)}" if self.advice else ""
        return f"<p><b>{html.escape(self.title)}</b></p>{listed('ul', seen)}{helps}"


def explain(dbg: StepDebugger) -> Explanation:
    """Return what went wrong first, up to the step that a debugger shows."""
    if dbg.error is not None:
        return _of_error(dbg, dbg.error)
    if dbg.position == dbg.timeline.begin and not dbg.timeline.records.end:
        return _dead(dbg) or Explanation("nothing", "No step was done yet.", dbg.shown)
    bad = _first_bad_step(dbg)
    if bad is not None:
        return _of_nan(dbg, bad)
    return (
        _spike(dbg)
        or _large_updates(dbg)
        or _dead(dbg)
        or _shifted(dbg)
        or _no_gradient(dbg)
        or Explanation("nothing", f"Nothing looks wrong up to step {dbg.shown}.", dbg.shown, dbg.epoch)
    )


# NaN and infinity -----------------------------------------------------------------------------------------------------


def _first_bad_step(dbg: StepDebugger) -> int | None:
    """Return the first step that made a number that is none, of the logs or of the weights."""
    timeline = dbg.timeline
    records = timeline.records
    columns = [
        records.column(name)[timeline.begin - records.begin : dbg.position - records.begin] for name in records.names
    ]
    bad = np.flatnonzero(~np.isfinite(np.stack(columns)).all(0)) if columns else np.array([], int)
    if len(bad):
        step = timeline.begin + int(bad[0])
        while step > timeline.begin and not is_finite(timeline.state_at(step)):
            step -= 1
        return step
    return None if is_finite(dbg._own_state()) else dbg.position - 1


def _of_nan(dbg: StepDebugger, step: int) -> Explanation:
    timeline = dbg.timeline
    place = timeline.place(step)
    assert place is not None
    state, batch = timeline.entered(timeline.state_at(step), place), timeline.batch(step)
    origin = find_origin(dbg.taps, state, batch)
    if origin is None:
        return Explanation("nan", f"A number in the logs of step {step} is none.", step, place.epoch)
    if origin.part == "weights":
        title = f"Weights hold NaN or infinity before step {step}, the first one that is known."
        return Explanation("nan", title, step, place.epoch, advice=advice.WEIGHTS)
    if origin.largest > HUGE and origin.part != "data":
        run_away = _spike(dbg, step) or _large_updates(dbg, step)
        if run_away is not None:
            run_away.evidence.append(
                f"In step {step} numbers grew beyond what {_dtype(dbg)} can hold, in {_place_of(dbg, origin)}."
            )
            return run_away
    rows = _rows(dbg, step, _samples(dbg, step, origin, state, batch))
    layer = _layer_name(dbg, origin)
    return Explanation(
        "nan",
        f"Step {step}: {_place_of(dbg, origin)} made the first NaN or infinity.",
        step,
        place.epoch,
        layer,
        origin.op,
        "update" if origin.part == "optimizer" else "backward" if origin.backward else "forward",
        origin.where,
        rows,
        _evidence(origin, rows),
        advice.for_operation(origin),
    )


def _samples(dbg: StepDebugger, step: int, origin: Origin, state: Any, batch: Any) -> np.ndarray:
    if len(origin.samples):
        return origin.samples
    losses = looking.sample_losses(dbg.taps.look(state, batch), dbg.timeline.steps, dbg.taps, state, batch)
    return np.flatnonzero(~np.isfinite(losses))


def _evidence(origin: Origin, rows: list[int]) -> list[str]:
    lines = []
    if rows:
        lines.append(f"samples: {', '.join(map(str, rows[:10]))}{' ...' if len(rows) > 10 else ''}")
    if origin.op and np.isfinite(origin.largest):
        lines.append(f"magnitudes of what it was given: {origin.smallest:.4g} to {origin.largest:.4g}")
    return lines


def _place_of(dbg: StepDebugger, origin: Origin) -> str:
    if origin.part == "data":
        return "the data"
    way = "the gradient of " if origin.backward else ""
    name = {"layer": "layer", "loss": "loss", "optimizer": "the optimizer", "metrics": "a metric"}.get(origin.part, "")
    layer = _layer_name(dbg, origin)
    where = f"{name} {layer!r}" if origin.part in ("layer", "loss") and layer else name or "the step"
    return f"{origin.op} in {way}{where}"


def _layer_name(dbg: StepDebugger, origin: Origin) -> str:
    model = dbg.timeline.steps.training.model
    if origin.part == "layer":
        names = {layer.name for layer in walk(model)}
        return next((part for part in reversed(origin.layer.split("/")) if part in names), model.name)
    if origin.part == "loss":
        compiled = dbg.timeline.steps.training.loss
        losses = [loss for loss, _, _ in (compiled.parts or ()) if loss is not None] if compiled else []
        return losses[0].name if len(losses) == 1 else "loss"
    return {"data": "x", "optimizer": "optimizer", "metrics": "metrics"}.get(origin.part, "")


# Finite, but wrong ----------------------------------------------------------------------------------------------------


def _spike(dbg: StepDebugger, end: int | None = None) -> Explanation | None:
    """A loss that jumps: one sample's doing, or that of the updates before it."""
    timeline = dbg.timeline
    records = timeline.records
    losses = records.losses()[: (dbg.position if end is None else end) - records.begin]
    for i in range(max(1, timeline.begin - records.begin), len(losses)):
        usual = np.median(np.abs(losses[max(0, i - 50) : i]))
        if not np.isfinite(losses[i]) or losses[i] <= SPIKE * usual or usual <= 0:
            continue
        step = records.begin + i
        return _one_sample(dbg, step, losses[i], usual) or _run_away(dbg, step, losses[i], usual)
    return _one_sample(dbg, records.begin + len(losses) - 1, None, None) if len(losses) else None


def _one_sample(dbg: StepDebugger, step: int, loss: float | None, usual: float | None) -> Explanation | None:
    """A batch of whose loss one sample makes the most."""
    place, before, batch, look = _looked(dbg, step)
    losses = looking.sample_losses(look, dbg.timeline.steps, dbg.taps, before, batch)
    if len(losses) < 3 or not np.isfinite(losses).all():
        return None
    worst = int(np.argmax(losses))
    others = float(np.median(np.delete(losses, worst)))
    if losses[worst] < 0.5 * losses.sum() or losses[worst] < OUTLIER * max(others, 1e-6):
        return None
    x = [np.abs(np.asarray(v, "float64")).reshape(len(losses), -1).max(1) for v in jtu.tree_leaves(unpack(batch)[0])]
    size = np.max(x, axis=0)
    odd = size[worst] > 5 * np.median(size)
    if loss is None and not odd:
        return None
    rows = _rows(dbg, step, np.array([worst]))
    evidence = [f"its loss is {losses[worst]:.4g}, the median of the others {others:.4g}"]
    if odd:
        evidence.append(f"its largest input is {size[worst]:.4g}, that of the others mostly {np.median(size):.4g}")
    if loss is not None:
        evidence.append(f"the batch's loss is {loss:.4g}, after {usual:.4g} in the steps before")
    title = f"Step {step}: sample {rows[0]} alone makes most of the loss."
    layer = look.observer.layers[0].name if odd and look.observer.layers else ""
    return Explanation(
        "corrupted sample", title, step, place.epoch, layer, "", "forward", "", rows, evidence, advice.SAMPLE
    )


def _run_away(dbg: StepDebugger, step: int, loss: float, usual: float) -> Explanation | None:
    """A loss that jumped because the update before it was too large."""
    if step - 1 < dbg.timeline.begin:
        return None
    place, before, _, look = _looked(dbg, step - 1)
    row = _largest_update(looking.table(look, dbg.timeline.steps, before))
    if row is None:
        return None
    title = f"Step {step - 1}: the update of layer {row['layer']!r} was too large, and the loss ran away."
    evidence = [
        f"it changed the layer's weights by {row['update_ratio']:.3g} of their norm",
        f"the loss went from {usual:.4g} to {loss:.4g} in the step after it",
    ]
    return Explanation(
        "exploding", title, step - 1, place.epoch, row["layer"], "", "update", "", [], evidence, advice.EXPLODING
    )


def _large_updates(dbg: StepDebugger, end: int | None = None) -> Explanation | None:
    step = dbg.shown if end is None else max(dbg.timeline.begin, end - 1)
    place, before, _, look = _looked(dbg, step)
    row = _largest_update(looking.table(look, dbg.timeline.steps, before))
    if row is None or not row["update_ratio"] > LARGE_UPDATE:
        return None
    if end is None and not _is_worse(dbg):
        return None
    title = f"Step {step}: the update of layer {row['layer']!r} is as large as its weights."
    evidence = [f"it changed them by {row['update_ratio']:.3g} of their norm"]
    return Explanation(
        "exploding", title, step, place.epoch, row["layer"], "", "update", "", [], evidence, advice.EXPLODING
    )


def _is_worse(dbg: StepDebugger) -> bool:
    losses = dbg.losses
    return len(losses) > 1 and losses[-1] > 2 * losses[0]


def _largest_update(table: Any) -> dict | None:
    rows = [row for row in table.rows if row["update_ratio"] is not None]
    return max(rows, key=lambda row: np.nan_to_num(row["update_ratio"], nan=np.inf), default=None)


def _dead(dbg: StepDebugger) -> Explanation | None:
    """A layer whose units give zero for every sample."""
    row = _dead_row(dbg, dbg.shown)
    if row is None:
        return None
    low, high = dbg.timeline.begin, dbg.shown
    while low < high:  # units that have died stay dead
        middle = (low + high) // 2
        found = _dead_row(dbg, middle, row["layer"])
        low, high = (low, middle) if found is not None else (middle + 1, high)
    place = dbg.timeline.place(low)
    evidence = [
        f"{row['dead']:.0%} of its units give 0 for the whole batch, so no gradient reaches what lies before them"
    ]
    bias = _bias_of(dbg, row["layer"], low)
    if bias is not None:
        evidence.append(f"its bias lies between {bias.min():.4g} and {bias.max():.4g}")
    since = "from the beginning" if low == dbg.timeline.begin else f"since step {low}"
    rows = _rows(dbg, low, np.arange(len(jtu.tree_leaves(dbg.timeline.batch(low))[0])))
    title = f"The units of layer {row['layer']!r} are dead {since}."
    epoch = 0 if place is None else place.epoch
    return Explanation(
        "dead units", title, low, epoch, row["layer"], "max", "forward", "", rows, evidence, advice.DEAD_UNITS
    )


def _dead_row(dbg: StepDebugger, step: int, layer: str | None = None) -> dict | None:
    _, before, _, look = _looked(dbg, step)
    for row in looking.table(look, dbg.timeline.steps, before).rows:
        if row["dead"] is not None and row["dead"] >= DEAD and layer in (None, row["layer"]):
            return row
    return None


def _bias_of(dbg: StepDebugger, name: str, step: int) -> np.ndarray | None:
    variables = dbg.timeline.steps.variables.trainable
    layer = next(part for part in walk(dbg.timeline.steps.training.model) if part.name == name.split("#")[0])
    bias = getattr(layer, "bias", None)
    values = dbg.timeline.state_at(step).trainable
    return next((np.asarray(v) for variable, v in zip(variables, values, strict=True) if variable is bias), None)


def _shifted(dbg: StepDebugger) -> Explanation | None:
    """Labels that stand beside the wrong rows."""
    source = dbg.timeline.source
    if not isinstance(source, ArraySource):
        return None
    x, y, _ = unpack(source.feed.whole())
    x, y = jtu.tree_leaves(x), jtu.tree_leaves(y)
    if len(x) != 1 or len(y) != 1 or (np.asarray(y[0][:1]).dtype.kind not in "iub" and np.ndim(y[0]) < 2):
        return None
    shift = find_shift(x[0], np.asarray(y[0]))
    if shift is None:
        return None
    step = dbg.timeline.begin
    while step < dbg.timeline.head:
        place = dbg.timeline.place(step)
        if place is None or (source.indices(*place) >= shift.first).any():
            break
        step += 1
    way = "behind" if shift.by > 0 else "before"
    rows = "row" if abs(shift.by) == 1 else "rows"
    return Explanation(
        "shifted labels",
        f"From row {shift.first} on, each label stands {abs(shift.by)} {rows} {way} the input that it belongs to.",
        step,
        dbg.timeline.place(step).epoch,  # type: ignore[union-attr]
        "y",
        "",
        "forward",
        "",
        [shift.first],
        [
            f"{shift.agreement:.0%} of the samples have the label of the sample most like them",
            f"with the labels moved back it would be {shift.mended:.0%}",
            f"step {step} is the first one that met such a sample",
        ],
        advice.SHIFTED,
    )


def _no_gradient(dbg: StepDebugger) -> Explanation | None:
    _, before, _, look = _looked(dbg, dbg.shown)
    for row in looking.table(look, dbg.timeline.steps, before).rows:
        if row["trouble"] == "no gradient":
            title = f"Step {dbg.shown}: layer {row['layer']!r} gets no gradient."
            evidence = [f"the norm of its weights' gradients is {row['grad']:.3g}"]
            where = dbg.shown, dbg.epoch, str(row["layer"]), "", "backward", ""
            return Explanation("no gradient", title, *where, [], evidence, advice.NO_GRADIENT)
    return None


# Helpers --------------------------------------------------------------------------------------------------------------


def _looked(dbg: StepDebugger, step: int) -> tuple[Any, Any, Any, Any]:
    place = dbg.timeline.place(step)
    assert place is not None
    batch = dbg.timeline.batch(step)
    before = dbg.state_before() if step == dbg.shown else dbg.timeline.state_at(step)
    look = dbg.look() if step == dbg.shown else dbg.taps.look(dbg.timeline.entered(before, place), batch)
    return place, before, batch, look


def _rows(dbg: StepDebugger, step: int, samples: np.ndarray) -> list[int]:
    place = dbg.timeline.place(step)
    assert place is not None
    indices = dbg.timeline.source.indices(*place)
    return [int(i) for i in (samples if indices is None else indices[samples])]


def _dtype(dbg: StepDebugger) -> str:
    return dbg.timeline.steps.training.model.compute_dtype


def _of_error(dbg: StepDebugger, error: BaseException) -> Explanation:
    notes = getattr(error, "__notes__", [])
    layer = next((note.split("'")[1] for note in notes if note.startswith("In layer '")), "")
    place = dbg.timeline.place(dbg.shown)
    rows = _rows(dbg, dbg.shown, np.arange(len(dbg.batch))) if place is not None else []
    return Explanation(
        "error",
        f"Step {dbg.shown} failed{f' in layer {layer!r}' if layer else ''}: {type(error).__name__}: {error}",
        dbg.shown,
        0 if place is None else place.epoch,
        layer.split("/")[-1],
        direction="forward" if layer else "",
        samples=rows,
        evidence=list(notes),
        advice=advice.ERROR,
    )
