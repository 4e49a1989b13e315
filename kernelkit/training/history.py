"""`History`: the logs of a training, by epoch and by batch."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np

from kernelkit.training.callback import Callback, was_cut_short

__all__ = ["History"]

_KEPT_ON_DEVICE = 64


class History(Callback):
    """The logs that `fit` returns. Also kept as ``model.history``, even if training fails.

    A notebook cell that ends with it shows its curves.

    Attributes:
        epoch: Numbers of the completed epochs, from 0.
        history: Dict from name to a list with one value per epoch, ``val_...`` included.
        epochs_of: Dict from name to the epoch numbers of its values: not every epoch validates.
        model_name: Name of the model, ``None`` before training.

    Example:
        >>> import kernelkit as kk
        >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(kk.ops.ones((8, 2)), kk.ops.ones((8, 1)), epochs=3, verbose=0)
        >>> history.epoch, len(history.history["loss"])
        ([0, 1, 2], 3)
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list] = {}
        self.epochs_of: dict[str, list[int]] = {}
        self.model_name: str | None = None
        self._blocks: list[Any] = []
        self._batches: dict[str, list[np.ndarray]] = {}
        self._added: set[str] = set()  # names added to the last epoch
        self._is_open = False  # whether that epoch was complete, so that its logs may still grow

    @property
    def model(self) -> Any:
        """The model that was trained, ``None`` if it does not exist any more: a history does not keep it alive."""
        return None if self._model is None else self._model()

    def set_model(self, model: Any) -> None:
        self._model = None if model is None else weakref.ref(model)
        self.model_name = getattr(model, "name", self.model_name)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_model": None}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._is_open = not was_cut_short(self)
        if self._is_open:
            self.epoch.append(epoch)
            self._added.clear()
            self.add_late(logs or {})

    def add_late(self, logs: dict) -> None:
        """Add new logs to the epoch that just ended."""
        if not self._is_open:
            return
        epoch = self.epoch[-1]
        for name, value in logs.items():
            if name not in self._added:
                self._added.add(name)
                self.history.setdefault(name, []).append(value)
                self.epochs_of.setdefault(name, []).append(epoch)

    def record(self, block: Any) -> None:
        """Keep a dispatch's logs on the device. Logs of finished dispatches are copied to the host."""
        self._blocks.append((block.count, block.logs))
        if len(self._blocks) > _KEPT_ON_DEVICE:
            self._copy(len(self._blocks) - 2)

    @property
    def batches(self) -> dict[str, np.ndarray]:
        """The running mean of each scalar after each batch, as float32 arrays over all batches.

        The means restart in each epoch, as in progress displays.
        """
        self._copy(len(self._blocks))
        self._batches = {name: [np.concatenate(rows)] for name, rows in self._batches.items()}
        return {name: rows[0] for name, rows in self._batches.items()}

    def plot(
        self,
        backend: Literal["matplotlib", "plotly"] = "matplotlib",
        title: str = "",
        log: bool | None = None,
        metrics: Any = None,
        smoothing: float = 0.0,
    ) -> Any:
        """Draw the training and validation curves of each metric and mark the best epoch.

        Args:
            backend: ``"matplotlib"`` for print, ``"plotly"`` to explore.
            title: Title above the charts.
            log: Whether y axes are logarithmic. ``None``: those of errors whose values span more than a factor of 30.
            metrics: List of the metrics to draw. Those in a list inside of it share a chart. ``None``: all.
            smoothing: Weight of neighboring values in smoothed lines, from 0 (none) to below 1.

        Returns:
            A `matplotlib.figure.Figure` or a `plotly.graph_objects.Figure`; both show themselves in notebooks.

        Raises:
            ValueError: If the backend is unknown, or no epoch has ended.
            ImportError: If the backend is not installed.

        Example:
            >>> history = History()
            >>> for epoch in range(3):
            ...     history.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)})
            >>> history.plot().savefig("/dev/null", format="pdf")
        """
        return _viz[0]().plot_history(self, backend, title, log, metrics, smoothing)

    def to_frame(self, per: Literal["epoch", "batch"] = "epoch") -> Any:
        """Return the values as a `pandas.DataFrame`: a column for each name, a row for each epoch or batch.

        Args:
            per: ``"epoch"``, or ``"batch"`` for the running means after each batch. Both count from 1, as displays do.

        Raises:
            ValueError: If ``per`` is neither.
            ImportError: If pandas is not installed.

        Example:
            >>> history = History()
            >>> history.on_epoch_end(0, {"loss": 0.5})
            >>> history.to_frame()
                   loss
            epoch
            1       0.5
        """
        return _viz[0]().history_frame(self, per)

    def __repr__(self) -> str:
        ends = " · ".join(
            f"{name} {self.history[name][-1]:.4g}"
            for name in loss_first(self.history)
            if self.history[name] and is_curve(self.history[name])
        )
        count = f"{len(self.epoch)} epoch{'s' * (len(self.epoch) != 1)}"
        return f"<History of {count}{': ' * bool(ends)}{ends}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        return _viz[0]().history_bundle(self)

    def _repr_html_(self) -> str | None:
        return self._repr_mimebundle_().get("text/html")

    def _copy(self, count: int) -> None:
        done, self._blocks = self._blocks[:count], self._blocks[count:]
        fresh: dict[str, list[np.ndarray]] = {}
        for steps, logs in done:
            for name, values in logs.items():
                if values.ndim == 1:
                    fresh.setdefault(name, []).append(np.asarray(values)[:steps])
        for name, pieces in fresh.items():
            _append(self._batches.setdefault(name, []), np.concatenate(pieces, dtype="float32"))


def loss_first(names: Iterable[str]) -> list[str]:
    """Return names of logs with the loss and its validation in front.

    Example:
        >>> loss_first(["accuracy", "loss", "val_accuracy", "val_loss"])
        ['loss', 'val_loss', 'accuracy', 'val_accuracy']
    """
    return sorted(names, key=lambda name: name.removeprefix("val_") != "loss")


def is_curve(values: list) -> bool:
    """Return whether a log can be drawn: its values are numbers, one per epoch."""
    return all(value is not None and np.ndim(value) == 0 for value in values)


def _append(rows: list[np.ndarray], new: np.ndarray) -> None:
    """Append an array and merge neighbors of similar size: a million single steps must not make a million arrays."""
    rows.append(new)
    while len(rows) > 1 and len(rows[-2]) <= len(rows[-1]):
        rows[-2:] = [np.concatenate(rows[-2:])]


def viz() -> Any:
    """Return :mod:`kernelkit.viz`."""
    return _viz[0]()


_viz: list[Callable[[], Any]] = []


def register(viz: Callable[[], Any]) -> None:
    """Set the function that returns :mod:`kernelkit.viz`, which is on a higher floor. Histories draw with it."""
    _viz[:] = [viz]
