"""`fit` as a loop over epochs, and over the dispatches of each epoch."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from kernelkit import config, interrupts, processes
from kernelkit.feeds.arrays import ArrayFeed
from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.tracebacks import users_level
from kernelkit.training.batch_hooks import BatchHooks
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.compile_ahead import Job, compile_in_thread, jobs_of
from kernelkit.training.display import Block, Display, Run
from kernelkit.training.last_fit import LastFit
from kernelkit.training.logs import last_logs
from kernelkit.training.pace import Pace
from kernelkit.training.resume import Place
from kernelkit.training.spans import Span, Spans, outcome_of
from kernelkit.training.state import Doors
from kernelkit.training.training import Training
from kernelkit.training.validation import Validation
from kernelkit.typing import Array, Tree


def fit(
    training: Training,
    feed: Feed,
    run: Run,
    callbacks: CallbackList,
    display: Display,
    validation: Validation | None,
) -> None:
    """Train for the epochs of a run.

    Args:
        training: The model's training.
        feed: The source of batches.
        run: Epochs, steps, history.
        callbacks: The callbacks.
        display: The display; its ``begin`` was called already.
        validation: Called after each epoch, but not after a request to stop at once.

    Raises:
        RuntimeError: If another thread trains the model.
    """
    with interrupts.guard():
        error: BaseException | None = None
        try:
            with training.alone("fit"), processes.lost_processes():
                _fit(training, feed, run, callbacks, display, validation)
        except BaseException as failure:
            error = failure
            raise
        finally:
            display.end(outcome_of(error, run.stopping), error)


def _fit(
    training: Training,
    feed: Feed,
    run: Run,
    callbacks: CallbackList,
    display: Display,
    validation: Validation | None,
) -> None:
    error: BaseException | None = None
    last = training.last_fit = LastFit(feed, run.history)
    fit = _Fit(training, feed, run, Spans(callbacks, lambda: run.stopping), display, last, validation)
    run.model.stop_training = False
    training.feed, training.resume = feed, None
    try:
        with fit.spans.train() as whole:
            fit.begin = _first_epoch(fit)
            for epoch in range(fit.begin, run.epochs):
                training.check_interrupts()
                if not _run_epoch(fit, epoch, whole):
                    break
                run.control.epoch_ended(run)
                if training.stops():
                    break
            training.check_interrupts()
            if fit.done:
                training.finish()
        # Callbacks restore weights when training ends, so they are asked after it.
        if run.model.stop_training and not run.stopping:
            run.reason = next(filter(None, (getattr(c, "stop_reason", "") for c in callbacks.callbacks)), "")
            run.reason = run.reason or "model.stop_training was set"
    except BaseException as failure:
        error = failure
        raise
    finally:
        fit.ended.set()
        for program in training.programs.made:
            program.forget_ahead()
        training.feed = None
        if last.ended_well(error, fit.logs):
            training.last_fit = None


@dataclasses.dataclass
class _Fit:
    """One call of :func:`fit`: its arguments, and its progress."""

    training: Training
    feed: Feed
    run: Run
    spans: Spans
    display: Display
    last: LastFit
    validation: Validation | None
    place: Place | None = None
    """Where a resumed training goes on, until its first epoch has begun."""
    begin: int = 0
    """Number of the first epoch."""
    done: int = 0
    """Steps of this fit in the epochs that have ended."""
    logs: dict = dataclasses.field(default_factory=dict)
    """Logs of the last epoch."""
    looked_ahead: bool = False
    """Whether the programs that follow the first one were traced."""
    ended: threading.Event = dataclasses.field(default_factory=threading.Event)
    """Set at the end of the fit."""


def _first_epoch(fit: _Fit) -> int:
    """Return the number of the first epoch. A callback may have restored the place where a training was interrupted."""
    begin = max(fit.run.initial_epoch, fit.run.model.__dict__.pop("_initial_epoch", 0))
    place = fit.training.resume
    if place is None or place.epoch < begin:
        return begin
    fit.place, fit.feed = place, place.feed(fit.feed)
    fit.last.feed = fit.training.feed = fit.feed
    return place.epoch


def _run_epoch(fit: _Fit, number: int, whole: Span) -> bool:
    """Train and validate for one epoch, and return whether the data had a batch for it."""
    training, run, display, last = fit.training, fit.run, fit.display, fit.last
    place, fit.place = fit.place, None
    training.programs.reset_metrics("train")
    if place is not None:
        place.restore_metrics(training.variables("train").metrics)
    training.in_epoch = True
    with fit.spans.epoch(number) as span:
        display.epoch_begin(number)
        last.epoch_begins(training.doors("train"), number, fit.done, fit.logs)
        start = 0 if place is None else place.step
        if start:
            last.state = None  # this state would belong to the epoch's first step
        chunks = fit.feed.epoch(number) if place is None else place.chunks(fit.feed)
        # Closed here, because an error keeps the frames of the loop, and with them a thread that reads.
        with contextlib.closing(chunks):
            steps = _train_epoch(fit, chunks, span, number, start)
        training.in_epoch = False
        if not steps:
            _say_no_batch(fit, number, span)
            return False
        fit.done += steps - start
        run.steps = steps
        if fit.validation is not None and not run.stopping:
            span.logs |= fit.validation(number, fit.done, display.validating)
        fit.logs = whole.logs = span.logs
    display.epoch_end(number, fit.logs)
    with interrupts.user_code():
        fit.feed.epoch_end()
    return True


def _say_no_batch(fit: _Fit, epoch: int, span: Span) -> None:
    """Raise if the data had no batch at all; warn if they ended after some epochs."""
    if epoch == fit.begin:
        raise ValueError("fit(): the data source gave no batch. A generator can be used only once: make a new one.")
    warnings.warn(f"The data ended before epoch {epoch + 1}; training stops.", stacklevel=users_level())
    span.cut_short(f"the data ended before epoch {epoch + 1}")


def _train_epoch(fit: _Fit, chunks: Iterator[Chunk], span: Span, number: int, start: int) -> int:
    """Run one epoch, store its logs in its span, and return its number of steps, 0 if the feed gave no batch.

    Args:
        fit: The fit.
        chunks: The batches of the epoch.
        span: The span of the epoch.
        number: The number of the epoch.
        start: Steps of the epoch that an earlier fit has done.
    """
    hooks = BatchHooks(fit.spans, fit.training.compiled.hook_stride)
    fit.run.one_by_one = fit.spans.callbacks.needs_model_between_batches
    pace = fit.training.pace("train", hooks.one_by_one)
    epoch = _Epoch(fit, number, fit.done - start, hooks, pace, config.max_steps_per_epoch(), start)
    with hooks:
        try:
            for chunk in chunks:
                if not epoch.train_on(chunk):
                    break
            pace.drain()
            hooks.close(epoch.last)
        except BaseException:
            if epoch.last is not None:
                _keep_logs(span, epoch.last)
            raise
    if epoch.last is None:
        return 0
    _warn_of_missing_steps(epoch)
    span.logs = last_logs(epoch.last.logs, epoch.last.count)
    if not np.all(np.isfinite(span.logs.get("loss", 0.0))):
        _say_nan(fit.run, number, epoch.step)
    return epoch.step


@dataclasses.dataclass
class _Epoch:
    """One epoch of a :class:`_Fit`, and its progress."""

    fit: _Fit
    number: int
    done: int
    """Steps of the fit before this epoch."""
    hooks: BatchHooks
    pace: Pace
    limit: int | None
    """The most steps of an epoch, from `config.set_max_steps_per_epoch`."""
    step: int
    """Steps done in this epoch."""
    last: Block | None = None
    """The last dispatch."""

    def train_on(self, chunk: Chunk) -> bool:
        """Train on the batches of a chunk, and return whether the epoch goes on."""
        training, run = self.fit.training, self.fit.run
        data, order, batch_size, first, count = self.fit.last.chunk = chunk
        training.check_batch(data)
        if self.limit is not None:
            count = min(count, self.limit - self.step)
        dispatch, doors = _prepared(training, run, data, order, batch_size)
        if not self.fit.looked_ahead:
            _compile_ahead(self.fit, self.number)
        end = first + count
        while first < end:
            training.check_interrupts()
            k = self.hooks.steps_at_once(self.step, self.pace.next(run.control.limit(end - first)))
            if self.hooks.begin(self.step) and training.doors("train") is not doors:  # a callback froze a layer
                dispatch, doors = _prepared(training, run, data, order, batch_size)
            self.hooks.end(self._dispatch(dispatch, doors, first, k))
            first += k
            run.control.checkpoint(run, self.done + self.step, self.pace.drain)
            if training.stops():
                break
        return not run.model.stop_training and (self.limit is None or self.step < self.limit)

    def _dispatch(self, dispatch: Callable, doors: Doors, first: int, count: int) -> Block:
        """Run some steps in one call of the compiled program, record and show them."""
        with doors.stepping() as taken:
            taken.state, logs = dispatch(taken.state, first, count)
            self.fit.last.did(self.step + count)
        block = self.last = Block(self.done + self.step, count, self.number, self.step, logs)
        self.fit.run.history.record(block)
        self.pace.dispatched(logs, count)
        self.fit.display.steps(block)
        self.step += count
        return block


def _warn_of_missing_steps(epoch: _Epoch) -> None:
    """Warn if the data ended before the steps of the epoch were done."""
    expected = epoch.fit.feed.steps
    if expected is None or epoch.fit.run.model.stop_training:
        return
    if epoch.step < min(expected, epoch.limit or expected):
        warnings.warn(
            f"The data ended after {epoch.step} of {expected} steps in epoch {epoch.number + 1}. They should hold "
            "steps_per_epoch * epochs batches, or a whole number of epochs. Training goes on with fewer steps. [K14]",
            stacklevel=users_level(),
        )


def _prepared(training: Training, run: Run, data: Tree, order: Array | None, batch_size: int) -> tuple[Callable, Doors]:
    """Return the compiled program for batches, and the doors to the variables that it trains."""
    doors = training.doors("train")
    # Lowering only reads the weights, because compilation may be interrupted.
    with run.preparing():
        return training.program("train").prepare(doors.variables.peek(), data, order, batch_size), doors


def _compile_ahead(fit: _Fit, epoch: int) -> None:
    """Compile the programs that an epoch needs besides that of its full batches, in a thread."""
    fit.looked_ahead = True
    if fit.spans.callbacks.runs_code_of_users:  # it may change what the programs are made of
        return
    traces = [lambda: _smaller_last_batch(fit)]
    if fit.validation is not None:
        validation = fit.validation
        traces.append(lambda: validation.ahead(epoch))
    with fit.run.preparing():
        compile_in_thread(traces, fit.ended)


def _smaller_last_batch(fit: _Fit) -> list[Job]:
    """Trace the program for a smaller last batch, if an epoch ends with one."""
    if not isinstance(fit.feed, ArrayFeed) or not fit.training.traces_early("train"):
        return []
    smaller = fit.feed.smaller_last_batch()
    return [] if smaller is None else jobs_of(fit.training, "train", [smaller])


def _keep_logs(span: Span, last: Block) -> None:
    """Store the logs of an epoch that an error ended, if the device still has them."""
    with contextlib.suppress(Exception):  # a failed computation has no logs; its error is being raised already
        span.logs = last_logs(last.logs, last.count)


def _say_nan(run: Run, epoch: int, steps: int) -> None:
    """Warn that the loss became NaN or infinite, and at which batch; once in a run."""
    if run.told_nan:
        return
    run.told_nan = True
    bad = np.flatnonzero(~np.isfinite(run.history.batches["loss"][-steps:]))
    where = f" in batch {int(bad[0]) + 1} of epoch {epoch + 1}" if len(bad) else ""
    warnings.warn(
        f"The loss became NaN or infinite{where}. Usual causes: a learning rate that is too high (lower it, or pass "
        "clipnorm=1.0 to the optimizer), NaN in the data, or a logarithm or division of zero in a custom loss. "
        "model.debug(x, y) shows the operation that made the first NaN; callbacks.TerminateOnNaN() stops at once. "
        "[K06]",
        RuntimeWarning,
        stacklevel=users_level(),
    )
