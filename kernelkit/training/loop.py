"""`fit`, `evaluate` and `predict` as loops over dispatches: the only place that knows epochs."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit import config, interrupts, processes
from kernelkit.feeds.feed import Chunk, Feed
from kernelkit.tracebacks import users_level
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.control import Control
from kernelkit.training.display import Block, Display, Run
from kernelkit.training.last_fit import LastFit
from kernelkit.training.logs import row
from kernelkit.training.resume import Place
from kernelkit.training.spans import Span, Spans, outcome_of
from kernelkit.training.state import Doors
from kernelkit.training.training import Training
from kernelkit.typing import Array, Batch, Tree


def fit(
    training: Training,
    feed: Feed,
    run: Run,
    callbacks: CallbackList,
    display: Display,
    validate: Callable[[int, int, Callable], dict] | None,
) -> None:
    """Train for the epochs of a run.

    Args:
        training: The model's training.
        feed: The source of batches.
        run: Epochs, steps, history.
        callbacks: The callbacks.
        display: The display; its ``begin`` was called already.
        validate: Called with the number of a completed epoch, the number of steps done, and a function to call with
            the steps of validation done and their total. Returns logs named ``val_...``. Not called after a request
            to stop at once.

    Raises:
        RuntimeError: If another thread trains the model.
    """
    with interrupts.guard():
        error: BaseException | None = None
        try:
            with training.alone("fit"), processes.lost_processes():
                _fit(training, feed, run, callbacks, display, validate)
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
    validate: Callable[[int, int, Callable], dict] | None,
) -> None:
    error: BaseException | None = None
    last = training.last_fit = LastFit(feed, run.history)
    fit = _Fit(training, feed, run, Spans(callbacks, lambda: run.stopping), display, last, validate)
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
        training.feed = None
        if last.ended_well(error, fit.logs):
            training.last_fit = None


@dataclasses.dataclass
class _Fit:
    """One call of :func:`fit`: what it was given, and how far it is."""

    training: Training
    feed: Feed
    run: Run
    spans: Spans
    display: Display
    last: LastFit
    validate: Callable[[int, int, Callable], dict] | None
    place: Place | None = None
    """Where a resumed training goes on, until its first epoch has begun."""
    begin: int = 0
    """Number of the first epoch."""
    done: int = 0
    """Steps of this fit in the epochs that have ended."""
    logs: dict = dataclasses.field(default_factory=dict)
    """Logs of the last epoch."""


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
        if fit.validate is not None and not run.stopping:
            span.logs |= fit.validate(number, fit.done, display.validating)
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
    training, feed, run, spans, display, trace = fit.training, fit.feed, fit.run, fit.spans, fit.display, fit.last
    done = fit.done - start
    callbacks, model = spans.callbacks, run.model
    stride = training.compiled.hook_stride
    grouped = stride > 1 and callbacks.needs_model_between_batches
    one_by_one = callbacks.needs_model_between_batches and not grouped
    pace = training.pace("train", one_by_one)
    last: Block | None = None
    step = start
    limit = config.max_steps_per_epoch()
    batch: Batch = None  # the span whose begin hooks were called
    try:
        for chunk in chunks:
            data, order, batch_size, first, count = trace.chunk = chunk
            training.check_batch(data)
            if limit is not None:
                count = min(count, limit - step)
            dispatch, doors = _prepared(training, run, data, order, batch_size)
            end = first + count
            while first < end:
                training.check_interrupts()
                k = pace.next(run.control.limit(end - first))
                if grouped:
                    k = min(k, stride - step % stride)
                if one_by_one or (grouped and step % stride == 0):
                    batch = spans.batch("train", step)
                    batch.__enter__()
                    if training.doors("train") is not doors:  # a callback froze a layer
                        dispatch, doors = _prepared(training, run, data, order, batch_size)
                with doors.stepping() as taken:
                    taken.state, logs = dispatch(taken.state, first, k)
                    trace.did(step + k)
                block = Block(done + step, k, number, step, logs)
                last = block
                run.history.record(block)
                pace.dispatched(logs, k)
                display.steps(block)
                first += k
                step += k
                if batch is not None and (one_by_one or step % stride == 0):
                    batch.logs, batch.number = last_logs(logs, k), step - 1
                    ended, batch = batch, None
                    ended.__exit__(None, None, None)
                elif callbacks.needs_batches and not grouped:
                    _tell_batches(spans, block)
                run.control.checkpoint(run, done + step, pace.drain)
                if training.stops():
                    break
            if model.stop_training or (limit is not None and step >= limit):
                break
        pace.drain()
        if batch is not None and last is not None:  # the data ended within a group of steps
            batch.logs, batch.number = last_logs(last.logs, last.count), _group_end(step, stride)
            ended, batch = batch, None
            ended.__exit__(None, None, None)
    except BaseException as error:
        if last is not None:
            _keep_logs(span, last)
        if batch is not None:
            batch.__exit__(type(error), error, error.__traceback__)
        raise
    if last is None:
        return 0
    if feed.steps is not None and step < min(feed.steps, limit or feed.steps) and not model.stop_training:
        warnings.warn(
            f"The data ended after {step} of {feed.steps} steps in epoch {number + 1}. They should hold "
            "steps_per_epoch * epochs batches, or a whole number of epochs. Training goes on with fewer steps. [K14]",
            stacklevel=users_level(),
        )
    span.logs = last_logs(last.logs, last.count)
    if not np.all(np.isfinite(span.logs.get("loss", 0.0))):
        _say_nan(run, number, step)
    return step


def _prepared(training: Training, run: Run, data: Tree, order: Array | None, batch_size: int) -> tuple[Callable, Doors]:
    """Return the compiled program for batches, and the doors to the variables that it trains."""
    doors = training.doors("train")
    # Lowering only reads the weights, because compilation may be interrupted.
    with run.preparing():
        return training.program("train").prepare(doors.variables.peek(), data, order, batch_size), doors


def _keep_logs(span: Span, last: Block) -> None:
    """Store the logs of an epoch that an error ended, if the device still has them."""
    with contextlib.suppress(Exception):  # a failed computation has no logs; its error is being raised already
        span.logs = last_logs(last.logs, last.count)


def _group_end(step: int, stride: int) -> int:
    """Return the number of a group's last step, as if the data had not ended within the group."""
    return -(-step // stride) * stride - 1


def _tell_batches(spans: Spans, block: Block) -> None:
    """Call the batch hooks for each step of a dispatch in order, with that step's own logs."""
    logs = jtu.tree_map(np.asarray, block.logs)
    for i in range(block.count):
        with spans.batch("train", block.step + i) as batch:
            batch.logs = row(logs, i)


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


def evaluate(
    training: Training,
    feed: Feed,
    callbacks: CallbackList,
    run: Run | None = None,
    done: int = 0,
    tell: Callable[[int, int | None], None] = lambda done, total: None,
) -> dict:
    """Evaluate a feed and return the metrics.

    Args:
        training: The model's training.
        feed: The source of batches.
        callbacks: The callbacks.
        run: The training run, if this is its validation. Its control is checked after each dispatch. If the control
            stops the run, the metrics cover the batches so far.
        done: Number of steps that the run has done.
        tell: Called before the first dispatch and after each one, with the steps done and their number, if known.
    """
    control = Control() if run is None else run.control
    spans = Spans(callbacks, lambda: run is not None and run.stopping)
    told, stride = callbacks.needs_test_batches, training.compiled.hook_stride
    pace = training.pace("test", one_by_one=told and stride == 1)
    logs, count, step = None, 0, 0
    limit = config.max_steps_per_epoch()
    with interrupts.guard(), training.keeping_metrics(), spans.test() as whole, contextlib.ExitStack() as batch:
        training.programs.reset_metrics("test")
        tell(0, feed.steps)
        for k, send, doors in _dispatches(training, "test", feed, pace, limit, control, stride if told else 0):
            if told and step % stride == 0:
                span = batch.enter_context(spans.batch("test", step))
            with doors.stepping() as taken:
                taken.state, logs = send(taken.state)
            count = k
            pace.dispatched(logs, k)
            step += k
            tell(step, feed.steps)
            if told and step % stride == 0:
                span.logs, span.number = last_logs(logs, k), step - 1
                batch.close()
            control.checkpoint(run, done, pace.drain, f", {step:,} of validation")
            if run is not None:
                training.stops()
            if getattr(training.model, "stop_evaluating", False) or (run is not None and run.stopping):
                break
        if logs is None:
            raise ValueError(
                "evaluate(): the data source gave no batch. A generator can be used only once: make a new one."
            )
        whole.logs = last_logs(logs, count)
        pace.drain()
        if told and step % stride:
            span.logs, span.number = whole.logs, _group_end(step, stride)
            batch.close()
    return whole.logs


def predict(
    training: Training, feed: Feed, callbacks: CallbackList, tell: Callable[[int, int | None], None] | None = None
) -> Any:
    """Return the model's outputs for a feed, as NumPy arrays. `tell` hears of the steps done, and of their number."""
    spans = Spans(callbacks)
    told, stride = callbacks.needs_predict_batches, training.compiled.hook_stride
    pace = training.pace("predict", one_by_one=told and stride == 1)
    pieces: list = []
    step = 0
    waiting: list[tuple[int, Any]] = []

    def fetch(left: int) -> None:
        # The newest dispatch computes while the results of an older one are copied.
        while len(waiting) > left:
            count, rows = waiting.pop(0)
            pieces.append(jtu.tree_map(lambda v, n=count: _join(np.asarray(v)[:n]), rows))

    begin = 0  # the first piece whose end hook was not called yet
    limit = config.max_steps_per_epoch()
    with interrupts.guard(), spans.predict(), contextlib.ExitStack() as batch:

        def tell_hooks(end: int) -> None:
            fetch(0)
            span.logs, span.number = {"outputs": _concatenated(pieces[begin:])}, end
            batch.close()

        for k, send, doors in _dispatches(training, "predict", feed, pace, limit, stride=stride if told else 0):
            if told and step % stride == 0:
                begin = len(pieces)
                span = batch.enter_context(spans.batch("predict", step))
            with doors.reading() as state:  # no step in another thread may donate the weights now
                rows, changed = send(state)
                doors.variables.give_some(changed)
            pace.dispatched(rows, k)
            waiting.append((k, rows))
            fetch(1)
            step += k
            if tell is not None:
                tell(step, feed.steps)
            if told and step % stride == 0:
                tell_hooks(step - 1)
            if getattr(training.model, "stop_predicting", False):
                break
        fetch(0)
        pace.drain()
        if told and step % stride:
            tell_hooks(_group_end(step, stride))
    if not pieces:
        raise ValueError("predict(): the data source gave no batch. A generator can be used only once: make a new one.")
    return _concatenated(pieces)


def _concatenated(pieces: list) -> Any:
    if len(pieces) == 1:  # it is a view of the device's buffer, which users must not change
        return jtu.tree_map(np.array, pieces[0])
    return jtu.tree_map(lambda *rows: np.concatenate(rows), *pieces)


def _dispatches(
    training: Training,
    kind: str,
    feed: Feed,
    pace: Any,
    limit: int | None,
    control: Control | None = None,
    stride: int = 0,
) -> Iterator[tuple[int, Callable, Doors]]:
    """Yield ``(steps, send, doors)`` for each dispatch of one pass over a feed. ``send(state)`` runs the dispatch.

    With a stride, dispatches end at multiples of the stride, where callback hooks run.
    """
    step = 0
    with contextlib.closing(feed.epoch(0)) as chunks:
        for data, order, batch_size, first, count in chunks:
            training.check_batch(data)
            if limit is not None:
                count = min(count, limit - step)
            doors = training.doors(kind)
            dispatch = training.program(kind).prepare(doors.variables.peek(), data, order, batch_size)
            end = first + count
            while first < end:
                training.check_interrupts()
                k = pace.next(end - first if control is None else control.limit(end - first))
                if stride:
                    k = min(k, stride - step % stride)
                yield k, lambda state, first=first, k=k, run=dispatch: run(state, first, k), doors
                first += k
                step += k
            if limit is not None and step >= limit:
                return


def _join(rows: np.ndarray) -> np.ndarray:
    """Return (steps, batch, ...) as (steps * batch, ...)."""
    return rows.reshape(-1, *rows.shape[2:])


def last_logs(logs: dict[str, Any], count: int) -> dict:
    """Return the last row of stacked logs as Python numbers."""
    return row(logs, count - 1)
