"""`Callback`: code that training calls at its turning points."""

from __future__ import annotations

from typing import Any


class Callback:
    """The base class of callbacks: override the hooks you need.

    Every ``*_begin`` hook that returned is followed by its ``*_end`` hook, whatever happens in between: an error, the
    stop button, an error in another callback. ``params["outcome"]`` tells an ``*_end`` hook how it came to its end.

    Attributes:
        params: Dict with ``epochs``, ``steps``, ``verbose`` and, in ``*_end`` hooks, ``outcome``: ``"done"``,
            ``"stopped"`` (by the panel's button or a control), ``"interrupted"`` (by the stop button) or ``"failed"``.
            After the last two ``logs`` are those of the batches so far; they are empty if there was none.
        batch_hooks: ``"model"`` if the batch hooks may read or change the model, which is assumed of every callback
            that overrides them: training then sends one step at a time. ``"logs"`` if they need the logs only: steps
            stay fused, and the hooks are called afterwards, once for each batch in order, with that batch's own logs.

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


def was_cut_short(callback: Any) -> bool:
    """Return whether the ``*_end`` hook that runs was called because of an error or the stop button."""
    return (callback.params or {}).get("outcome") in ("interrupted", "failed")
