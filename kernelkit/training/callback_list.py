"""`CallbackList`: calls several callbacks as one, and knows which hooks they need."""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType, MethodType
from typing import Any

from kernelkit import processes
from kernelkit.training.callback import Callback
from kernelkit.training.history import History

_TRAIN = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
_TEST = ("on_test_batch_begin", "on_test_batch_end")
_PREDICT = ("on_predict_batch_begin", "on_predict_batch_end")


class CallbackList:
    """A list of callbacks with the hooks of one callback.

    Args:
        callbacks: Callbacks, or a ``CallbackList``.
        add_history: Whether a :class:`~kernelkit.callbacks.History` is added if there is none.
        add_progbar: Ignored, for compatibility with Keras: displays are not callbacks here.
        model: The model.
        history: The history of the run, put first in the list.
        **params: Facts about the run for ``callback.params``, or ``params=dict``.

    Example:
        >>> import kernelkit as kk
        >>> show = kk.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
        >>> calls = kk.callbacks.CallbackList([show])
        >>> calls.on_epoch_end(0, {"loss": 0.5})
        0 {'loss': 0.5}
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
            if isinstance(callback, type):
                name = callback.__name__
                raise TypeError(f"callbacks must be objects, got the class {name}: make an object of it, {name}(...).")
            if not hasattr(callback, "on_train_begin"):
                raise TypeError(f"callbacks must be kernelkit.callbacks.Callback objects, got {callback!r}.")
        if not processes.is_first():
            given = [c for c in given if not getattr(c, "first_process_only", False)]
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
        self.runs_code_of_users = any(_has_code_of_users(c) for c in given)

    # Asked anew each time: a begin hook may set a batch hook on its callback, as tqdm's callback does.

    @property
    def needs_batches(self) -> bool:
        """Whether a callback has a batch hook of `fit`."""
        return any(overrides(c, _TRAIN) for c in self.callbacks)

    @property
    def needs_model_between_batches(self) -> bool:
        """Whether such a hook may use the model."""
        return any(overrides(c, _TRAIN) and c.batch_hooks == "model" for c in self.callbacks)

    @property
    def needs_test_batches(self) -> bool:
        """Whether a callback has a batch hook of `evaluate`."""
        return any(overrides(c, _TEST) for c in self.callbacks)

    @property
    def needs_predict_batches(self) -> bool:
        """Whether a callback has a batch hook of `predict`."""
        return any(overrides(c, _PREDICT) for c in self.callbacks)

    def set_model(self, model: Any) -> None:
        """Give all callbacks the model."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict) -> None:
        """Give all callbacks the facts about the run."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def append(self, callback: Any) -> None:
        """Add a callback."""
        self.__init__([*self.callbacks, callback], model=self.model, params=self.params)  # type: ignore[misc]

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Call ``on_train_begin`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_train_begin({} if logs is None else logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Call ``on_train_end`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_train_end({} if logs is None else logs)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Call ``on_epoch_begin`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {} if logs is None else logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Call ``on_epoch_end`` of all callbacks."""
        logs = {} if logs is None else logs
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)
        for callback in self.callbacks:
            if isinstance(callback, History):
                callback.add_late(logs)  # values that other callbacks added, such as the learning rate

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Call ``on_train_batch_begin`` of the callbacks that override it."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, logs={} if logs is None else logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Call ``on_train_batch_end`` of the callbacks that override it."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs={} if logs is None else logs)

    on_batch_begin = on_train_batch_begin
    on_batch_end = on_train_batch_end

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Call ``on_test_begin`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_test_begin({} if logs is None else logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        """Call ``on_test_end`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_test_end({} if logs is None else logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Call ``on_test_batch_begin`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_test_batch_begin(batch, logs={} if logs is None else logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Call ``on_test_batch_end`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, logs={} if logs is None else logs)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """Call ``on_predict_begin`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_predict_begin({} if logs is None else logs)

    def on_predict_end(self, logs: dict | None = None) -> None:
        """Call ``on_predict_end`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_predict_end({} if logs is None else logs)

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Call ``on_predict_batch_begin`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_predict_batch_begin(batch, logs={} if logs is None else logs)

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Call ``on_predict_batch_end`` of all callbacks."""
        for callback in self.callbacks:
            callback.on_predict_batch_end(batch, logs={} if logs is None else logs)


def overrides(callback: Any, hooks: Iterable[str]) -> bool:
    """Return whether a callback overrides any of the given hooks, in its class or on the object."""
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


def _has_code_of_users(callback: Any) -> bool:
    """Return whether a callback has a class or a function that is not kernelkit's."""
    values = getattr(callback, "__dict__", {})
    own = [type(callback), *(v for v in values.values() if isinstance(v, (FunctionType, MethodType)))]
    hooks = any(name.startswith("on_") for name in values)
    return hooks or not all(str(getattr(v, "__module__", "")).startswith("kernelkit.") for v in own)


def _as_list(callbacks: Any) -> list:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
