"""`fit`, `evaluate` and `predict` as loops over dispatches: the only place that knows epochs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit import config
from kernelkit.feeds.feed import Feed
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.control import Control
from kernelkit.training.display import Block, Display, Run
from kernelkit.training.last_fit import LastFit
from kernelkit.training.session import Training
from kernelkit.variable import state_lock


def fit(
    training: Training,
    feed: Feed,
    run: Run,
    callbacks: CallbackList,
    display: Display,
    validate: Callable[[int, int], dict] | None,
) -> None:
    """Train for the epochs of a run.

    Args:
        training: The model's training.
        feed: Where batches come from.
        run: Epochs, steps, history.
        callbacks: Called at the points that their names tell.
        display: Shown what happens; its ``begin`` was called.
        validate: Called with the number of an epoch that has ended and of the steps done; returns logs named
            ``val_...``. Not called once somebody asked to stop at once.
    """
    model = run.model
    model.stop_training = False
    outcome = "failed"
    error: BaseException | None = None
    last = training.last_fit = LastFit(feed, run.history)
    logs: dict = {}
    try:
        with training.guard:
            callbacks.on_train_begin()
            # A callback may have gone back to where an earlier training was cut off.
            begin = max(run.initial_epoch, model.__dict__.pop("_initial_epoch", 0))
            done = 0
            for epoch in range(begin, run.epochs):
                training.reset_metrics("train")
                callbacks.on_epoch_begin(epoch)
                display.epoch_begin(epoch)
                last.epoch_begins(training, epoch, done, logs)
                logs, steps = _train_epoch(training, feed, run, callbacks, display, epoch, done)
                if not steps:
                    break
                done += steps
                run.steps = steps
                if validate is not None and not run.stopping:
                    logs |= validate(epoch, done)
                callbacks.on_epoch_end(epoch, logs)
                display.epoch_end(epoch, logs)
                feed.epoch_end()
                run.control.epoch_ended(run)
                if model.stop_training:
                    break
            callbacks.on_train_end(logs)
        outcome = "stopped" if run.stopping else "done"
    except KeyboardInterrupt as interrupt:
        outcome, error = "interrupted", interrupt
        raise
    except BaseException as failure:
        error = failure
        raise
    finally:
        if last.ended_well(error, logs):
            training.last_fit = None
        display.end(outcome, error)


def _train_epoch(
    training: Training, feed: Feed, run: Run, callbacks: CallbackList, display: Display, epoch: int, done: int
) -> tuple[dict, int]:
    """Run one epoch; return its logs and how many steps it had."""
    stride = training.hook_stride
    grouped = stride > 1 and callbacks.needs_model_between_batches
    one_by_one = callbacks.needs_model_between_batches and not grouped
    pace = training.pace("train", one_by_one)
    last: Block | None = None
    step = 0
    limit = config.max_steps_per_epoch()
    trace = training.last_fit
    assert trace is not None
    for chunk in feed.epoch(epoch):
        data, order, batch_size, first, count = trace.chunk = chunk
        if limit is not None:
            count = min(count, limit - step)
        variables = training.variables("train")
        # The weights that lower the program are read, not taken: compiling may be interrupted.
        dispatch = training.program("train").prepare(variables.peek(), data, order, batch_size)
        end = first + count
        while first < end:
            k = pace.next(run.control.limit(end - first))
            if grouped:
                k = min(k, stride - step % stride)
            if one_by_one or (grouped and step % stride == 0):
                callbacks.on_train_batch_begin(step)
                if training.variables("train") is not variables:  # a callback froze a layer
                    variables = training.variables("train")
                    dispatch = training.program("train").prepare(variables.peek(), data, order, batch_size)
            with training.guard.whole:
                state, logs = dispatch(variables.take(), first, k)
                variables.give(state)
                trace.did(step + k)
            block = Block(done + step, k, epoch, step, logs)
            last = block
            run.history.record(block)
            pace.dispatched(logs, k)
            display.steps(block)
            if callbacks.needs_batches and not grouped:
                _tell_batches(callbacks, block, one_by_one)
            first += k
            step += k
            if grouped and step % stride == 0:
                callbacks.on_train_batch_end(step - 1, last_logs(logs, k))
            run.control.checkpoint(run, done + step, pace.drain)
            if run.model.stop_training:
                break
        if run.model.stop_training or (limit is not None and step >= limit):
            break
    pace.drain()
    if last is None:
        _say_no_data(run, epoch)
        return {}, 0
    if grouped and step % stride:
        callbacks.on_train_batch_end(_group_end(step, stride), last_logs(last.logs, last.count))
    if feed.steps is not None and step < min(feed.steps, limit or feed.steps) and not run.model.stop_training:
        warnings.warn(
            f"The data ended after {step} of {feed.steps} steps in epoch {epoch + 1}. They should hold steps_per_epoch "
            "* epochs batches, or a whole number of epochs; training goes on with what there is.",
            stacklevel=4,
        )
    logs = last_logs(last.logs, last.count)
    if not np.all(np.isfinite(logs.get("loss", 0.0))):
        _say_nan(run, epoch, step)
    return logs, step


def _group_end(step: int, stride: int) -> int:
    """Return the number of the last step of a group of steps that the data's end cut short, counted as if whole."""
    return -(-step // stride) * stride - 1


def _tell_batches(callbacks: CallbackList, block: Block, began: bool) -> None:
    """Call the batch hooks once for each step of a dispatch, in order, with that step's own logs."""
    rows = {name: np.asarray(values) for name, values in block.logs.items()}
    for i in range(block.count):
        if not began:
            callbacks.on_train_batch_begin(block.step + i)
        callbacks.on_train_batch_end(block.step + i, {name: as_number(values[i]) for name, values in rows.items()})


def _say_no_data(run: Run, epoch: int) -> None:
    if epoch == run.initial_epoch:
        raise ValueError("fit(): the data source gave no batch. A generator can be used only once: make a new one.")
    warnings.warn(f"The data ended before epoch {epoch + 1}; training stops.", stacklevel=5)


def _say_nan(run: Run, epoch: int, steps: int) -> None:
    """Warn that the loss stopped being a number, and say at which batch."""
    bad = np.flatnonzero(~np.isfinite(run.history.batches["loss"][-steps:]))
    where = f"at batch {int(bad[0])} of epoch {epoch + 1} (batches count from 0, epochs from 1)" if len(bad) else ""
    warnings.warn(
        f"The loss became NaN or infinite {where}. Usual causes: a learning rate that is too high (lower it, or pass "
        "clipnorm=1.0 to the optimizer), NaN in the data, or a logarithm or division of zero in a custom loss. "
        "callbacks.TerminateOnNaN() stops at once.",
        RuntimeWarning,
        stacklevel=5,
    )


def evaluate(training: Training, feed: Feed, callbacks: CallbackList, run: Run | None = None, done: int = 0) -> dict:
    """Return the metrics over a feed.

    Args:
        training: The model's training.
        feed: Where batches come from.
        callbacks: Called at the points that their names tell.
        run: The training run that this validates: its control is asked after each dispatch. If it stops the run, the
            metrics are of the batches so far.
        done: How many steps the run has done.
    """
    model = training.model
    control = Control() if run is None else run.control
    told, stride = callbacks.needs_test_batches, training.hook_stride
    pace = training.pace("test", one_by_one=told and stride == 1)
    variables = training.variables("test")
    logs, count, step = None, 0, 0
    limit = config.max_steps_per_epoch()
    with training.guard:
        training.reset_metrics("test")
        callbacks.on_test_begin()
        for k, send in _dispatches(training, "test", feed, pace, limit, control, stride if told else 0):
            if told and step % stride == 0:
                callbacks.on_test_batch_begin(step)
            with training.guard.whole:
                state, logs = send(variables.take())
                variables.give(state)
            count = k
            pace.dispatched(logs, k)
            step += k
            if told and step % stride == 0:
                callbacks.on_test_batch_end(step - 1, last_logs(logs, k))
            control.checkpoint(run, done, pace.drain, f", {step:,} of validation")
            if getattr(model, "stop_evaluating", False) or (run is not None and run.stopping):
                break
        if logs is None:
            raise ValueError(
                "evaluate(): the data source gave no batch. A generator can be used only once: make a new one."
            )
        result = last_logs(logs, count)
        pace.drain()
        if told and step % stride:
            callbacks.on_test_batch_end(_group_end(step, stride), result)
        callbacks.on_test_end(result)
    return result


def predict(training: Training, feed: Feed, callbacks: CallbackList) -> Any:
    """Return the model's outputs for a feed, as NumPy arrays."""
    told, stride = callbacks.needs_predict_batches, training.hook_stride
    pace = training.pace("predict", one_by_one=told and stride == 1)
    variables = training.variables("predict")
    pieces: list = []
    step = 0
    waiting: list[tuple[int, Any]] = []

    def fetch(left: int) -> None:
        # The newest dispatch goes on computing while an older one's results are copied.
        while len(waiting) > left:
            count, rows = waiting.pop(0)
            pieces.append(jtu.tree_map(lambda v, n=count: _join(np.asarray(v)[:n]), rows))

    def tell(begin: int, end: int) -> None:
        fetch(0)
        callbacks.on_predict_batch_end(end, {"outputs": _concatenated(pieces[begin:])})

    callbacks.on_predict_begin()
    begin = 0  # of the pieces that callbacks were not told of
    limit = config.max_steps_per_epoch()
    for k, send in _dispatches(training, "predict", feed, pace, limit, stride=stride if told else 0):
        if told and step % stride == 0:
            begin = len(pieces)
            callbacks.on_predict_batch_begin(step)
        with state_lock:  # a step in another thread must not give the weights away meanwhile
            rows, changed = send(variables.peek())
            variables.give_some(changed)
        pace.dispatched(rows, k)
        waiting.append((k, rows))
        fetch(1)
        step += k
        if told and step % stride == 0:
            tell(begin, step - 1)
        if getattr(training.model, "stop_predicting", False):
            break
    fetch(0)
    pace.drain()
    if told and step % stride:
        tell(begin, _group_end(step, stride))
    callbacks.on_predict_end()
    if not pieces:
        raise ValueError("predict(): the data source gave no batch. A generator can be used only once: make a new one.")
    return _concatenated(pieces)


def _concatenated(pieces: list) -> Any:
    if len(pieces) == 1:  # a view of the device's buffer, which users must not write to
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
) -> Iterator[tuple[int, Callable]]:
    """Yield ``(steps, send)`` for each dispatch of one pass over a feed; ``send(state)`` sends it off.

    With a stride no dispatch goes beyond a multiple of so many steps: there callbacks are told.
    """
    step = 0
    for data, order, batch_size, first, count in feed.epoch(0):
        if limit is not None:
            count = min(count, limit - step)
        dispatch = training.program(kind).prepare(training.variables(kind).peek(), data, order, batch_size)
        end = first + count
        while first < end:
            k = pace.next(end - first if control is None else control.limit(end - first))
            if stride:
                k = min(k, stride - step % stride)
            yield k, lambda state, first=first, k=k: dispatch(state, first, k)  # noqa: B023 - run before the next chunk
            first += k
            step += k
        if limit is not None and step >= limit:
            return


def _join(rows: np.ndarray) -> np.ndarray:
    """Return (steps, batch, ...) as (steps * batch, ...)."""
    return rows.reshape(-1, *rows.shape[2:])


def last_logs(logs: dict[str, Any], count: int) -> dict:
    """Return the last row of stacked logs as Python numbers."""
    return {name: as_number(np.asarray(values)[count - 1]) for name, values in logs.items()}


def as_number(value: Any) -> Any:
    """Return a scalar as a Python float (or int), an array as it is."""
    value = np.asarray(value)
    return value.item() if value.ndim == 0 else value
