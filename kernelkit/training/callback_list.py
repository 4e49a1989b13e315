"""`CallbackList`: several callbacks called as one, and what calling them costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kernelkit.training.callback import Callback
from kernelkit.training.history import History

_TRAIN = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_TEST = ("on_test_batch_begin", "on_test_batch_end")
_PREDICT = ("on_predict_batch_begin", "on_predict_batch_end")


class CallbackList:
    """Several callbacks behind the face of one.

    Args:
        callbacks: Callbacks, or a list that is already made.
        add_history: Whether a :class:`~kernelkit.callbacks.History` is added if there is none.
        add_progbar: Accepted for Keras's sake; displays are no callbacks here.
        model: The model.
        history: A history to write, added in front.
        **params: What callbacks are told of the run, or ``params=dict``.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        history: Callback | None = None,
        **params: Any,
    ) -> None:
        given = list(callbacks.callbacks) if isinstance(callbacks, CallbackList) else _as_list(callbacks)
        for callback in given:
            if not hasattr(callback, "on_train_begin"):
                raise TypeError(f"callbacks must be kernelkit.callbacks.Callback objects, got {callback!r}.")
        if history is None and add_history:
            history = next((c for c in given if isinstance(c, History)), None) or History()
        if history is not None and not any(c is history for c in given):
            given.insert(0, history)
        self.callbacks: list[Any] = given
        self.params = params.pop("params", None) or params
        self.model = model
        for callback in self.callbacks:
            callback.set_params(self.params)
            if model is not None:
                callback.set_model(model)
        self.needs_batches = any(overrides(c, _TRAIN) for c in given)
        self.needs_model_between_batches = any(overrides(c, _TRAIN) and c.batch_hooks == "model" for c in given)
        self.needs_test_batches = any(overrides(c, _TEST) for c in given)
        self.needs_predict_batches = any(overrides(c, _PREDICT) for c in given)

    def set_model(self, model: Any) -> None:
        """Tell all which model they watch."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict) -> None:
        """Tell all about the run."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def append(self, callback: Any) -> None:
        """Add a callback."""
        self.__init__([*self.callbacks, callback], model=self.model, params=self.params)  # type: ignore[misc]

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Tell all that training begins."""
        for callback in self.callbacks:
            callback.on_train_begin({} if logs is None else logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Tell all that training has ended."""
        for callback in self.callbacks:
            callback.on_train_end({} if logs is None else logs)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Tell all that an epoch begins."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Tell all that an epoch has ended."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)
        for callback in self.callbacks:
            if isinstance(callback, History):
                callback.add_late(logs)  # what others have put into the logs, such as the learning rate

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell those that listen that a training step begins."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, logs={} if logs is None else logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell those that listen that a training step has ended."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs={} if logs is None else logs)

    on_batch_begin = on_train_batch_begin
    on_batch_end = on_train_batch_end

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Tell all that an evaluation begins."""
        for callback in self.callbacks:
            callback.on_test_begin({} if logs is None else logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        """Tell all that an evaluation has ended."""
        for callback in self.callbacks:
            callback.on_test_end({} if logs is None else logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that an evaluation step begins."""
        for callback in self.callbacks:
            callback.on_test_batch_begin(batch, logs={} if logs is None else logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that an evaluation step has ended."""
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, logs={} if logs is None else logs)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """Tell all that a prediction begins."""
        for callback in self.callbacks:
            callback.on_predict_begin({} if logs is None else logs)

    def on_predict_end(self, logs: dict | None = None) -> None:
        """Tell all that a prediction has ended."""
        for callback in self.callbacks:
            callback.on_predict_end({} if logs is None else logs)

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a prediction step begins."""
        for callback in self.callbacks:
            callback.on_predict_batch_begin(batch, logs={} if logs is None else logs)

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a prediction step has ended."""
        for callback in self.callbacks:
            callback.on_predict_batch_end(batch, logs={} if logs is None else logs)


def overrides(callback: Any, hooks: Iterable[str]) -> bool:
    """Return whether a callback does anything in the given hooks (of its class, or set on the object)."""
    wanted = getattr(callback, "active_hooks", None)
    for hook in hooks:
        if wanted is not None:
            if hook in wanted:
                return True
            continue
        method = getattr(callback, hook, None)
        if method is None:
            continue
        if getattr(method, "__func__", method) is not getattr(Callback, hook):
            return True
    return False


def _as_list(callbacks: Any) -> list:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
