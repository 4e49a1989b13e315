"""Call the hooks of callbacks: each begin hook is followed by its end hook, whatever ends the training.

``with spans.train(): ...`` calls ``on_train_begin`` of all callbacks, and at its end ``on_train_end`` of those whose
``on_train_begin`` returned. This also holds after an error, the stop button, or an error in another callback's hook.
During the end hooks ``callback.params["outcome"]`` holds the outcome.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal

from kernelkit import interrupts
from kernelkit.tracebacks import users_level
from kernelkit.training.callback_list import CallbackList
from kernelkit.training.history import History

Outcome = Literal["done", "stopped", "interrupted", "failed"]


def outcome_of(error: BaseException | None, stopped: bool = False) -> Outcome:
    """Return the outcome of a span.

    Args:
        error: The error that ended it, ``None`` if there was none.
        stopped: Whether a stop was requested.

    Example:
        >>> outcome_of(None), outcome_of(None, stopped=True), outcome_of(KeyboardInterrupt()), outcome_of(OSError())
        ('done', 'stopped', 'interrupted', 'failed')
    """
    if error is None:
        return "stopped" if stopped else "done"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


class Spans:
    """Calls the callbacks of one `fit`, `evaluate` or `predict` at the begin and the end of each span.

    Args:
        callbacks: The callbacks.
        stopped: Returns whether a stop was requested.

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
        """Return the span of a whole training."""
        return Span(self, "on_train")

    def epoch(self, number: int) -> Span:
        """Return the span of one epoch."""
        return Span(self, "on_epoch", number)

    def batch(self, kind: str, number: int) -> Span:
        """Return the span of one step, or of one group of steps, of a kind of pass."""
        return Span(self, f"on_{kind}_batch", number)

    def test(self) -> Span:
        """Return the span of an evaluation."""
        return Span(self, "on_test")

    def predict(self) -> Span:
        """Return the span of a prediction."""
        return Span(self, "on_predict")


class Span:
    """A context that calls the begin hooks when it opens and the end hooks when it closes.

    Attributes:
        logs: The logs for the end hooks.
        number: The epoch or batch number for the end hooks. By default the number of the begin hooks.
    """

    def __init__(self, spans: Spans, name: str, number: int | None = None) -> None:
        self.logs: dict[str, Any] = {}
        self.number = number
        self._spans = spans
        self._name = name
        self._began: list[Any] = []

    def cut_short(self, why: str) -> None:
        """End early without an error. An error of an end hook then becomes a warning."""
        error = RuntimeError(why)
        self._end(error)
        for note in getattr(error, "__notes__", ()):
            warnings.warn(f"{note} ({why})", stacklevel=users_level())

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
        interrupts.served(error)  # the next press of the stop button interrupts the end hooks
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
                    callback.add_late(self.logs)  # values that other callbacks added, such as the learning rate
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
    """Add a second error as a note to the error that is being raised."""
    if error is not None:
        error.add_note(f"{type(callback).__name__}.{hook}() failed too: {type(another).__name__}: {another}")
