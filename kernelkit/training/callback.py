"""`Callback`: code that training calls at the begin and end of epochs, batches and passes."""

from __future__ import annotations

from typing import Any


class Callback:
    """The base class of callbacks: override the hooks you need.

    If a ``*_begin`` hook returned, its ``*_end`` hook is called, even after an error, the stop button, or an error in
    another callback. ``params["outcome"]`` tells an ``*_end`` hook why it was called.

    Attributes:
        params: Dict with ``epochs``, ``steps``, ``verbose`` and, in ``*_end`` hooks, ``outcome``: ``"done"``,
            ``"stopped"`` (by the panel's button or a control), ``"interrupted"`` (by the stop button) or ``"failed"``.
            If interrupted or failed, ``logs`` cover the batches so far, and are empty before the first batch.
        batch_hooks: ``"model"`` (the default for callbacks with batch hooks): the hooks may read or change the
            model, so training runs one step per dispatch. ``"logs"``: the hooks need only the logs. Steps stay fused,
            and the hooks are called afterwards for each batch in order, with that batch's own logs.
        stop_reason: Why this callback set ``model.stop_training``, in words, for displays; ``""`` if it did not.

    Example:
        >>> import kernelkit as kk
        >>> class Best(kk.callbacks.Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         self.best = min(getattr(self, "best", float("inf")), logs["loss"])
    """

    batch_hooks = "model"
    stop_reason: Any = ""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None
        self.validation_data = None

    @property
    def model(self) -> Any:
        """The model being trained."""
        return self.__dict__.get("_model")

    first_process_only = False
    """Whether only the first of several processes calls the callback, because it writes files or logs."""

    def set_params(self, params: dict[str, Any]) -> None:
        """Store the facts about the run in ``params``."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Store the model."""
        self._model = model

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Training begins."""

    def on_train_end(self, logs: dict | None = None) -> None:
        """Training has ended."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """An epoch begins. Epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """An epoch has ended. ``logs`` holds its means, validation included."""

    def on_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Another name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Another name of :meth:`on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """A training step begins. Steps count from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """A training step has ended. ``logs`` holds the running means of the epoch."""
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
        """A prediction step has ended. ``logs["outputs"]`` holds its outputs."""


def was_cut_short(callback: Any) -> bool:
    """Return whether the current ``*_end`` hook was called because of an error or the stop button."""
    return (callback.params or {}).get("outcome") in ("interrupted", "failed")
