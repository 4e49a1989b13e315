"""Run until a breakpoint, a condition or a limit is reached."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from kernelkit.viz.debugger.conditions import WINDOW, Breakpoint, Moment, NotWatched
from kernelkit.viz.debugger.taps import ROWS
from kernelkit.viz.debugger.view import is_finite

if TYPE_CHECKING:
    from kernelkit.viz.debugger.debugger import StepDebugger


def running(dbg: StepDebugger, until: Callable | None, epochs: int | None, steps: int | None) -> Iterator[int]:
    """Run and yield the position after each dispatch, so that a display can draw and the user can stop.

    The run ends at a breakpoint, when ``until`` holds, after the given epochs or steps, when the data end, or after
    ``dbg.stop()``. ``dbg.stopped`` then says why.

    Args:
        dbg: The debugger.
        until: Function ``(moment) -> bool``.
        epochs: Number of epochs to finish, the current one included.
        steps: Maximum number of steps.
    """
    points = [p for p in dbg.breakpoints if p.enabled]
    points += [Breakpoint(until, number=0)] if until is not None else []
    watch = any(p.watches for p in points)
    end = None if steps is None else dbg.position + steps
    while True:
        reason, n = _next_slice(dbg, end, epochs)
        if reason is not None:
            dbg.stopped = reason
            return
        first = dbg.position
        watched = _watch(dbg, n) if watch else None
        epochs = _epochs_left(dbg, n, epochs)
        dbg._forward(n)
        try:
            hit = _first_hit(dbg, points, first, watched)
        except NotWatched:
            # The condition needs more than the logs: run these steps again, watched.
            watch = True
            dbg._jump(first)
            hit = _first_hit(dbg, points, first, _watch(dbg, n))
        if hit is not None:
            point, index, why = hit
            point.hits += 1
            index, why = _blame(dbg, index, why) if point.kind == "nan" else (index, why)
            if index + 1 != dbg.position:
                dbg._jump(index + 1)
            dbg.stopped = why
            yield dbg.position
            return
        yield dbg.position


def _next_slice(dbg: StepDebugger, end: int | None, epochs: int | None) -> tuple[str | None, int]:
    """Return the reason to stop (or ``None``) and the number of steps to do next."""
    if dbg._stop_asked:
        return "Stopped.", 0
    if end is not None and dbg.position >= end:
        return "The steps asked for are done.", 0
    if epochs == 0:
        return "The epochs asked for are done.", 0
    place = dbg.timeline.place(dbg.position)
    if place is None:
        return "The data have ended.", 0
    chunk = dbg.timeline.source.chunk(*place)
    n = min(chunk.count, ROWS, dbg.timeline.pace(dbg.position))
    return None, n if end is None else min(n, end - dbg.position)


def _epochs_left(dbg: StepDebugger, n: int, epochs: int | None) -> int | None:
    """Return the number of epochs left to finish after the next ``n`` steps."""
    if epochs is None:
        return None
    here, there = dbg.timeline.place(dbg.position), dbg.timeline.place(dbg.position + n)
    return epochs - (there is None or there.epoch != here.epoch)  # type: ignore[union-attr]


def _watch(dbg: StepDebugger, n: int) -> dict[str, Any]:
    place = dbg.timeline.place(dbg.position)
    assert place is not None
    chunk = dbg.timeline.source.chunk(*place)
    state = dbg.timeline.entered(dbg._own_state(), place)
    layers = dbg.taps.watched_layers(state, dbg.timeline.batch(dbg.position))
    values = dbg.taps.watch(state, chunk.data, chunk.order, chunk.batch_size, chunk.first, n)
    return {**values, "layers": layers}


def _first_hit(
    dbg: StepDebugger, points: list[Breakpoint], first: int, watched: dict | None
) -> tuple[Breakpoint, int, str] | None:
    if not points:
        return None
    records = dbg.timeline.records
    losses = records.losses()
    epochs, steps = records.column("epoch"), records.column("step")
    for index in range(first, dbg.position):
        at = index - records.begin
        values = None
        if watched is not None:
            row = {name: rows[index - first] for name, rows in watched.items() if name != "layers"}
            values = row | {"layers": watched["layers"]}
        moment = Moment(
            index,
            (int(epochs[at]), int(steps[at])),
            losses[max(0, at - WINDOW) : at + 1],
            functools.partial(records.logs, index),
            values,
        )
        for point in points:
            why = point.check(moment)
            if why is not None:
                return point, index, why
    return None


def _blame(dbg: StepDebugger, index: int, why: str) -> tuple[int, str]:
    """Return the step that made a NaN. It is the step before, if that step's update made the weights NaN."""
    if index <= dbg.timeline.begin or is_finite(dbg.timeline.state_at(index)):
        return index, why
    return index - 1, f"The update of step {index - 1} made weights NaN or infinite. {why}"
