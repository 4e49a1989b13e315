"""`Callback`: code that training calls at its turning points, and the list that calls it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["Callback", "CallbackList"]


class Callback:
    """The base class of callbacks: override the hooks you need.

    Attributes:
        params: Dict with ``epochs``, ``steps`` and ``verbose``.
        batch_hooks: ``"model"`` if the batch hooks may read or change the model, which is assumed of every callback
            that
            overrides them: training then sends one step at a time. ``"logs"`` if they need the logs only: steps stay
            fused, and the hooks are called afterwards, once for each batch in order, with that batch's own logs.

    Example:
        >>> import kernelkit as kk
        >>> class Best(kk.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.best = min(getattr(self, "best", float("inf")), logs["loss"])
    """

    batch_hooks = "model"

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None
        self.validation_data = None

    @property
    def model(self) -> Any:
        """The model being trained."""
        return self.__dict__.get("_model")

    def set_params(self, params: dict[str, Any]) -> None:
        """Take over what is known of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take over the model."""
        self._model = model

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Training begins."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """Training has ended."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """An epoch (counted from 0) begins."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """An epoch has ended; ``logs`` has its means, validation included."""

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Another name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Another name of :meth:`on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """A training step (counted from 0 in its epoch) begins."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """A training step has ended; ``logs`` has the running means of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_begin(self, logs: dict | None = None) -> None:
        """An evaluation begins."""

    def on_test_end(self, logs: dict | None = None) -> None:
        """An evaluation has ended."""

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """An evaluation step begins."""

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """An evaluation step has ended."""

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """A prediction begins."""

    def on_predict_end(self, logs: dict | None = None) -> None:
        """A prediction has ended."""

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """A prediction step begins."""

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """A prediction step has ended; ``logs["outputs"]`` has its outputs."""


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
            from kernelkit.training.history import History

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

    def append(self, callback: Any) -> None:
        """Add a callback."""
        self.__init__([*self.callbacks, callback], model=self.model, params=self.params)  # type: ignore[misc]

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Tell all that training begins."""
        for callback in self.callbacks:
            callback.on_train_begin(logs)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Tell all that training has ended."""
        for callback in self.callbacks:
            callback.on_train_end(logs)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Tell all that an epoch begins."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Tell all that an epoch has ended."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell those that listen that a training step begins."""
        for callback in self.callbacks:
            callback.on_train_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell those that listen that a training step has ended."""
        for callback in self.callbacks:
            callback.on_train_batch_end(batch, logs=logs)

    on_batch_begin = on_train_batch_begin
    on_batch_end = on_train_batch_end

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Tell all that an evaluation begins."""
        for callback in self.callbacks:
            callback.on_test_begin(logs)

    def on_test_end(self, logs: dict | None = None) -> None:
        """Tell all that an evaluation has ended."""
        for callback in self.callbacks:
            callback.on_test_end(logs)

    def on_test_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that an evaluation step begins."""
        for callback in self.callbacks:
            callback.on_test_batch_begin(batch, logs=logs)

    def on_test_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that an evaluation step has ended."""
        for callback in self.callbacks:
            callback.on_test_batch_end(batch, logs=logs)

    def on_predict_begin(self, logs: dict | None = None) -> None:
        """Tell all that a prediction begins."""
        for callback in self.callbacks:
            callback.on_predict_begin(logs)

    def on_predict_end(self, logs: dict | None = None) -> None:
        """Tell all that a prediction has ended."""
        for callback in self.callbacks:
            callback.on_predict_end(logs)

    def on_predict_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a prediction step begins."""
        for callback in self.callbacks:
            callback.on_predict_batch_begin(batch, logs=logs)

    def on_predict_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Tell all that a prediction step has ended."""
        for callback in self.callbacks:
            callback.on_predict_batch_end(batch, logs=logs)


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
