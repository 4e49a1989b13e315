"""Run until a breakpoint, a condition or a limit is reached."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from kernelkit.viz.debugger.conditions import WINDOW, Breakpoint, Moment, NotWatched
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.cursor import Cursor
from kernelkit.viz.debugger.taps import ROWS, Taps
from kernelkit.viz.debugger.timeline import Timeline
from kernelkit.viz.debugger.view import is_finite


def running(at: Cursor, taps: Taps, points: list[Breakpoint], epochs: int | None, steps: int | None) -> Iterator[int]:
    """Run and yield the position after each dispatch, so that a display can draw and the user can stop.

    The run ends at a breakpoint, after the given epochs or steps, when the data end, or when a stop is asked for.
    ``at.stopped`` then says why.

    Args:
        at: The position, which moves.
        taps: The programs that look into the steps.
        points: The breakpoints.
        epochs: Number of epochs to finish, the current one included.
        steps: Maximum number of steps.
    """
    watch = any(p.watches for p in points)
    end = None if steps is None else at.position + steps
    while True:
        reason, n = _next_slice(at, end, epochs)
        if reason is not None:
            at.stopped = reason
            return
        first = at.position
        watched = _watch(at, taps, n) if watch else None
        left = _epochs_left(at, n, epochs)
        at.forward(n)
        try:
            hit = _first_hit(at, points, first, watched)
        except NotWatched:  # the condition needs more than the logs: run these steps again, watched
            watch = True
            at.jump(first)
            continue
        epochs = left
        if hit is not None:
            point, index, why = hit
            point.hits += 1
            index, why = _blame(at.timeline, index, why) if point.kind == "nan" else (index, why)
            if index + 1 != at.position:
                at.jump(index + 1)
            at.stopped = why
            yield at.position
            return
        yield at.position


def _next_slice(at: Cursor, end: int | None, epochs: int | None) -> tuple[str | None, int]:
    """Return the reason to stop (or ``None``) and the number of steps to do next."""
    if at.stop_asked:
        return "Stopped.", 0
    if end is not None and at.position >= end:
        return "The steps asked for are done.", 0
    if epochs == 0:
        return "The epochs asked for are done.", 0
    place = at.timeline.place(at.position)
    if place is None:
        return "The data have ended.", 0
    chunk = at.timeline.source.chunk(*place)
    n = min(chunk.count, ROWS, at.timeline.pace(at.position))
    return None, n if end is None else min(n, end - at.position)


def _epochs_left(at: Cursor, n: int, epochs: int | None) -> int | None:
    """Return the number of epochs left to finish after the next ``n`` steps."""
    if epochs is None:
        return None
    here, there = at.timeline.place(at.position), at.timeline.place(at.position + n)
    return epochs - (there is None or there.epoch != here.epoch)  # type: ignore[union-attr]


def _watch(at: Cursor, taps: Taps, n: int) -> dict[str, Any]:
    place = at.timeline.place(at.position)
    assert place is not None
    chunk = at.timeline.source.chunk(*place)
    state = at.timeline.entered(at.state(), place)
    layers = taps.watched_layers(state, at.timeline.batch(at.position))
    values = taps.watch(state, chunk.data, chunk.order, chunk.batch_size, chunk.first, n)
    return {**values, "layers": layers}


def _first_hit(
    at: Cursor, points: list[Breakpoint], first: int, watched: dict | None
) -> tuple[Breakpoint, int, str] | None:
    if not points:
        return None
    records = at.timeline.records
    losses = records.losses()
    epochs, steps = records.column("epoch"), records.column("step")
    for index in range(first, at.position):
        row_number = index - records.begin
        values = None
        if watched is not None:
            row = {name: rows[index - first] for name, rows in watched.items() if name != "layers"}
            values = row | {"layers": watched["layers"]}
        moment = Moment(
            index,
            (int(epochs[row_number]), int(steps[row_number])),
            losses[max(0, row_number - WINDOW) : row_number + 1],
            functools.partial(records.logs, index),
            values,
        )
        for point in points:
            why = point.check(moment)
            if why is not None:
                return point, index, why
    return None


def _blame(timeline: Timeline, index: int, why: str) -> tuple[int, str]:
    """Return the step that made a NaN. It is the step before, if that step's update made the weights NaN."""
    if index <= timeline.begin or is_finite(timeline.state_at(index)):
        return index, why
    return index - 1, f"The update of step {nth(index - 1)} made weights NaN or infinite. {why}"
