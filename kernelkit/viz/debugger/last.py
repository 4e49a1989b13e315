"""`debug_last`: the debugger at the batch at which the last `fit` failed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from kernelkit.feeds.arrays import ArrayFeed
from kernelkit.feeds.feed import Chunk
from kernelkit.feeds.streams import StreamFeed
from kernelkit.models.model import Model
from kernelkit.tracebacks import users_level
from kernelkit.training.last_fit import LastFit
from kernelkit.viz.curves.facts import metric_names
from kernelkit.viz.debugger.counting import nth
from kernelkit.viz.debugger.debugger import StepDebugger, reports_means
from kernelkit.viz.debugger.records import Records
from kernelkit.viz.debugger.snapshots import Snapshots, copied
from kernelkit.viz.debugger.source import Drop, source_of
from kernelkit.viz.debugger.timeline import EVERY, Steps, Timeline
from kernelkit.viz.debugger.view import first_step, is_finite


def debug_last(model: Model, memory: int | str = "512MB", snapshot_every: int = EVERY) -> StepDebugger:
    """Open the debugger at the batch where the last `fit` ended with an error, a NaN or an interrupt.

    The steps of the last epoch are run again, bit for bit. The step shown is the one that made the NaN, the one that
    failed with an error, or after an interrupt the last completed one.

    Args:
        model: The model.
        memory: Memory limit for snapshots, as in :class:`StepDebugger`.
        snapshot_every: Steps between two snapshots.

    Raises:
        ValueError: If no `fit` ran yet, or the last one ended without a failure.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile(kk.optimizers.SGD(1e30), "mse")
        >>> stop = kk.callbacks.TerminateOnNaN(raise_error=True)
        >>> try:
        ...     history = model.fit(np.ones((8, 2)), np.ones((8, 1)), batch_size=2, verbose=0, callbacks=[stop])
        ... except RuntimeError:
        ...     dbg = model.debug_last()
        >>> dbg.explain().kind, dbg.explain().step
        ('exploding', 0)
    """
    training = model._training
    training.require_idle("debug_last")
    last: LastFit | None = training.last_fit
    if last is None:
        raise ValueError(
            "debug_last(): no fit ran yet, or the last one ended without a failure. To step through a training from "
            "its beginning, use model.debug(x, y, batch_size=...)."
        )
    steps = Steps.of(model)
    snapshots = Snapshots(memory)
    again = _again(last.feed)
    if last.state is None or (again is None and not isinstance(last.feed, ArrayFeed)):
        return _at_the_end(last, steps, snapshots, snapshot_every)
    source = source_of(again() if again is not None else last.feed, snapshots.budget // 4, again)
    records = Records(last.begin, reports_means(model), lambda: metric_names(model))
    timeline = Timeline(
        "main",
        steps,
        source,
        snapshots,
        last.begin,
        [last.begin],
        last.epoch,
        copied(last.state),
        records,
        snapshot_every,
    )
    dbg = StepDebugger.of(timeline)
    _replay(dbg, last)
    return dbg


def _replay(dbg: StepDebugger, last: LastFit) -> None:
    """Go to the last step of the fit, or to the step that made a NaN."""
    for _ in dbg.running(steps=last.steps) if last.steps else ():
        pass
    dbg.stopped = ""
    losses = dbg.timeline.records.column("loss") if "loss" in dbg.timeline.records.names else np.array([])
    _compare(losses, last)
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        step = last.begin + int(bad[0])
        if step > last.begin and not is_finite(dbg.timeline.state_at(step)):
            step = first_step(last.begin, step, lambda at: not is_finite(dbg.timeline.state_at(at + 1)))
        dbg.goto(step + 1)
    elif isinstance(last.error, Exception):
        _fail_again(dbg, last.error)


def _fail_again(dbg: StepDebugger, error: Exception) -> None:
    """Run the failed step again. If it runs well, a callback caused the error."""
    try:
        before = dbg.position
        dbg.step()
        dbg.goto(before)
        dbg.stopped = f"fit ended with {type(error).__name__}: {error}; the next step itself runs without an error."
    except Exception as again:
        dbg.error = error if type(again) is type(error) else again


def _compare(losses: np.ndarray, last: LastFit) -> None:
    reported = last.history.batches.get("loss", np.array([]))[last.begin :]
    n = min(len(reported), len(losses))
    if not np.array_equal(reported[:n], losses[:n], equal_nan=True):
        first = int(
            np.flatnonzero(~((reported[:n] == losses[:n]) | (np.isnan(reported[:n]) & np.isnan(losses[:n]))))[0]
        )
        warnings.warn(
            f"debug_last(): from batch {nth(first)} of epoch {nth(last.epoch)} on, the replayed steps differ from "
            "those of fit. Either something changed the training between batches (a callback, a learning rate set by "
            "hand), or the data source gave different batches the second time.",
            stacklevel=users_level(),
        )


def _again(feed: Any) -> Any:
    """Return a function that restarts a stream's epoch, ``None`` if the stream can be read only once."""
    if not isinstance(feed, StreamFeed) or not feed.rereads:
        return None
    return feed.anew


class _OneBatch:
    """A source that holds only the current batch, because its stream can be read only once."""

    rewinds = "The source can be read only once: only its last batch is left."
    drops: tuple[Drop, ...] = ()

    def __init__(self, chunk: Chunk, epoch: int, step: int) -> None:
        self._chunk = chunk
        self._place = epoch, step

    def steps(self, epoch: int) -> int | None:
        return None

    def has(self, epoch: int, step: int) -> bool:
        return (epoch, step) == self._place

    def chunk(self, epoch: int, step: int) -> Chunk:
        return self._chunk

    def indices(self, epoch: int, step: int) -> None:
        return


def _at_the_end(last: LastFit, steps: Steps, snapshots: Snapshots, every: int) -> StepDebugger:
    """Open the debugger at the model's current state: the earlier states cannot be computed again."""
    position = last.begin + last.steps
    with steps.training.reading("train") as own:
        state = copied(own)
    if isinstance(last.feed, ArrayFeed):
        source: Any = source_of(last.feed, 0)
    else:
        assert last.chunk is not None
        source = _OneBatch(last.chunk, last.epoch, last.steps)
    records = Records(position, reports_means(steps.model), lambda: metric_names(steps.model))
    timeline = Timeline("main", steps, source, snapshots, position, [last.begin], last.epoch, state, records, every)
    dbg = StepDebugger.of(timeline, None, state)
    if isinstance(last.error, Exception):
        _fail_again(dbg, last.error)
    why = (
        "its data can be read only once"
        if last.state is not None
        else "the weights at its beginning were too large to be kept"
    )
    dbg.stopped = f"The epoch cannot be run again: {why}. The weights and the batch are those at the end of fit."
    return dbg
