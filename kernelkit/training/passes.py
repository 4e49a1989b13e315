"""`evaluate` and `predict` as loops over the dispatches of one pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax.tree_util as jtu
import numpy as np

from kernelkit import config, interrupts
from kernelkit.feeds.feed import Feed
from kernelkit.training.batch_hooks import group_end
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.control import Control
from kernelkit.training.display import Run
from kernelkit.training.logs import last_logs
from kernelkit.training.spans import Spans
from kernelkit.training.state import Doors
from kernelkit.training.training import Training


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
    logs, count, step = None, 0, 0
    limit = config.max_steps_per_epoch()
    with interrupts.guard(), training.keeping_metrics(), spans.test() as whole, contextlib.ExitStack() as batch:
        hooked, stride = callbacks.needs_test_batches, training.compiled.hook_stride
        pace = training.pace("test", one_by_one=hooked and stride == 1)
        training.programs.reset_metrics("test")
        tell(0, feed.steps)
        for k, send, doors in _dispatches(training, "test", feed, pace, limit, control, stride if hooked else 0):
            if hooked and step % stride == 0:
                span = batch.enter_context(spans.batch("test", step))
            with doors.stepping() as taken:
                taken.state, logs = send(taken.state)
            count = k
            pace.dispatched(logs, k)
            step += k
            tell(step, feed.steps)
            if hooked and step % stride == 0:
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
        if hooked and step % stride:
            span.logs, span.number = whole.logs, group_end(step, stride)
            batch.close()
    return whole.logs


def predict(
    training: Training, feed: Feed, callbacks: CallbackList, tell: Callable[[int, int | None], None] | None = None
) -> Any:
    """Return the model's outputs for a feed, as NumPy arrays. `tell` is called with the steps done and their number."""
    spans = Spans(callbacks)
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
        hooked, stride = callbacks.needs_predict_batches, training.compiled.hook_stride
        pace = training.pace("predict", one_by_one=hooked and stride == 1)

        def tell_hooks(end: int) -> None:
            fetch(0)
            span.logs, span.number = {"outputs": _concatenated(pieces[begin:])}, end
            batch.close()

        for k, send, doors in _dispatches(training, "predict", feed, pace, limit, stride=stride if hooked else 0):
            if hooked and step % stride == 0:
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
            if hooked and step % stride == 0:
                tell_hooks(step - 1)
            if getattr(training.model, "stop_predicting", False):
                break
        fetch(0)
        pace.drain()
        if hooked and step % stride:
            tell_hooks(group_end(step, stride))
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
