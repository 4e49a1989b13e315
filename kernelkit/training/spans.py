"""What callbacks are told: whatever began gets its end, however training ends, with the outcome.

Each ``with spans.train(): ...`` calls ``on_train_begin`` of all callbacks, and at its end ``on_train_end`` of those
whose ``on_train_begin`` returned. An error, the stop button or an error in another callback's hook changes nothing
about that. The outcome stands in ``callback.params["outcome"]`` when the end hooks are called.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

from kernelkit import interrupts
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.history import History

Outcome = Literal["done", "stopped", "interrupted", "failed"]


def outcome_of(error: BaseException | None, stopped: bool = False) -> Outcome:
    """Return how something has ended.

    Args:
        error: What ended it early, if anything did.
        stopped: Whether somebody asked it to stop.

    Example:
        >>> outcome_of(None), outcome_of(None, stopped=True), outcome_of(KeyboardInterrupt()), outcome_of(OSError())
        ('done', 'stopped', 'interrupted', 'failed')
    """
    if error is None:
        return "stopped" if stopped else "done"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


class Spans:
    """The callbacks of one `fit`, `evaluate` or `predict`, called at the beginning and the end of each stretch.

    Args:
        callbacks: The callbacks.
        stopped: Returns whether somebody has asked training to stop.

    Example:
        >>> from kernelkit.callbacks import LambdaCallback
        >>> told = LambdaCallback(on_train_begin=lambda logs: print("begin"), on_train_end=lambda logs: print(logs))
        >>> with Spans(CallbackList([told])).train() as span:
        ...     span.logs = {"loss": 0.5}
        begin
        {'loss': 0.5}
    """

    def __init__(self, callbacks: CallbackList, stopped: Callable[[], bool] = lambda: False) -> None:
        self.callbacks = callbacks
        self.stopped = stopped

    def train(self) -> Span:
        """Return the stretch of a whole training."""
        return Span(self, "on_train")

    def epoch(self, number: int) -> Span:
        """Return the stretch of one epoch."""
        return Span(self, "on_epoch", number)

    def batch(self, kind: str, number: int) -> Span:
        """Return the stretch of one step, or of the steps that callbacks are told of at once, of a kind of pass."""
        return Span(self, f"on_{kind}_batch", number)

    def test(self) -> Span:
        """Return the stretch of an evaluation."""
        return Span(self, "on_test")

    def predict(self) -> Span:
        """Return the stretch of a prediction."""
        return Span(self, "on_predict")


class Span:
    """One stretch, as a context.

    Attributes:
        logs: What the end hooks are given.
        number: The number of the epoch or batch that they are given; the one with which it began, if nobody sets it.
    """

    def __init__(self, spans: Spans, name: str, number: int | None = None) -> None:
        self.logs: dict[str, Any] = {}
        self.number = number
        self._spans = spans
        self._name = name
        self._began: list[Any] = []

    def cut_short(self, why: str) -> None:
        """End early and in good order; what the end hooks cannot do then is only a warning."""
        error = RuntimeError(why)
        self._end(error)
        for note in getattr(error, "__notes__", ()):
            warnings.warn(f"{note} ({why})", stacklevel=3)

    def __enter__(self) -> Span:
        callbacks = self._spans.callbacks
        callbacks.params["outcome"] = None
        hook = f"{self._name}_begin"
        try:
            for callback in callbacks.callbacks:
                self._call(callback, hook, {})
                self._began.append(callback)
        except BaseException as error:
            self._end(error)
            raise
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end(error)

    def _end(self, error: BaseException | None) -> None:
        interrupts.served(error)  # the next press of the stop button is another one, which ends the end hooks
        self._spans.callbacks.params["outcome"] = outcome_of(error, self._spans.stopped())
        hook = f"{self._name}_end"
        began, self._began = self._began, []
        failure = None
        for callback in began:
            try:
                self._call(callback, hook, self.logs)
            except BaseException as another:
                interrupts.served(another)
                if error is None and failure is None:
                    failure = another
                else:
                    _note(error or failure, callback, hook, another)
        if hook == "on_epoch_end":
            for callback in began:
                if isinstance(callback, History):
                    callback.add_late(self.logs)  # what others have put into the logs, such as the learning rate
        if failure is not None:
            raise failure

    def _call(self, callback: Any, hook: str, logs: dict[str, Any]) -> None:
        with interrupts.user_code():
            if self.number is None:
                getattr(callback, hook)(logs)
            elif "_batch_" in hook:
                getattr(callback, hook)(self.number, logs=logs)
            else:
                getattr(callback, hook)(self.number, logs)


def _note(error: BaseException | None, callback: Any, hook: str, another: BaseException) -> None:
    """Mention an error that came while another one was under way, where its traceback is read."""
    if error is not None:
        error.add_note(f"{type(callback).__name__}.{hook}() failed too: {type(another).__name__}: {another}")
