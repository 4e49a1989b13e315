"""What `compile` was told, resolved against a model's outputs: the loss to minimize and the metrics to watch."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from kernelkit import losses, metrics
from kernelkit.losses.loss import Loss
from kernelkit.metrics.metric import Metric
from kernelkit.training.outputs import Outputs


class CompiledLoss:
    """The weighted sum of the losses of all outputs.

    Args:
        loss: A loss (name, object or function) for each output, as a list or dict if there are several; those of a
            list for one output are added up.
        weights: A number for each loss.
    """

    def __init__(self, loss: Any, weights: Any = None) -> None:
        self.spec = loss
        self.weights = weights
        self.parts: list[tuple[Any, float | None, metrics.Mean | None]] | None = None
        self.places: list[int] = []  # which output each part is about
        self.outputs: Outputs | None = None

    def build(self, outputs: Outputs, y_pred: Any) -> None:
        """Resolve names and make a tracker for each output's loss, if there are several."""
        self.outputs = outputs
        self.classes = [v.shape[-1] if v.shape else 1 for v in outputs.flatten(y_pred)]
        specs = [s if isinstance(s, (list, tuple)) else [s] for s in outputs.spread(self.spec, "loss", repeat=True)]
        found = [(i, _as_loss(one)) for i, several in enumerate(specs) for one in several]
        if all(loss is None for _, loss in found):
            raise ValueError("compile(loss=...) gives no output a loss.")
        weights = outputs.spread(self.weights, "loss_weights")
        tracked = sum(loss is not None for _, loss in found) > 1
        self.places = [i for i, _ in found]
        self.parts = [
            (loss, weights[i], metrics.Mean(name=f"{outputs.names[i]}_loss") if tracked and loss else None)
            for i, loss in found
        ]

    def targets(self, y_true: Any) -> list:
        """Return the targets of each output; targets may be left out for outputs without a loss."""
        assert self.outputs is not None and self.parts is not None
        outputs = self.outputs
        needed = sorted({place for place, (loss, *_) in zip(self.places, self.parts, strict=True) if loss is not None})
        if len(needed) < outputs.count and not isinstance(y_true, dict):
            several = isinstance(y_true, (list, tuple)) and len(needed) > 1
            given = list(y_true) if several else [y_true]
            if len(given) == len(needed):
                by_place = dict(zip(needed, given, strict=True))
                return [by_place.get(i) for i in range(outputs.count)]
        return outputs.spread(y_true, "y", leaf=lambda v: outputs.single)

    @property
    def trackers(self) -> list[Metric]:
        """The running means of the single losses."""
        return [tracker for *_, tracker in self.parts or [] if tracker is not None]

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the scalar to minimize, without the losses that layers add."""
        assert self.outputs is not None and self.parts is not None
        outputs = self.outputs
        predicted = outputs.flatten(y_pred)
        true = self.targets(y_true)
        weights = outputs.spread(sample_weight, "sample_weight", repeat=True)
        total = None
        for i, (loss, weight, tracker) in zip(self.places, self.parts, strict=True):
            if loss is None:
                continue
            if true[i] is None:
                raise ValueError(f"The output {outputs.names[i]!r} has a loss, but y holds no targets for it.")
            value = _say_which_output(loss, outputs, i, true[i], predicted[i], weights[i])
            if tracker is not None:
                tracker.update_state(value, sample_weight=predicted[i].shape[0])
            value = value if weight is None else value * jnp.asarray(weight, value.dtype)
            total = value if total is None else total + value
        return total


def _say_which_output(loss: Loss, outputs: Outputs, index: int, true: Any, predicted: Any, weight: Any) -> Any:
    try:
        return loss(true, predicted, weight)
    except Exception as error:
        where = "" if outputs.count == 1 else f" of output {outputs.names[index]!r}"
        error.add_note(
            f"In the loss {getattr(loss, 'name', loss)!r}{where}: targets of shape "
            f"{tuple(jnp.shape(true))}, predictions of "
            f"shape {tuple(predicted.shape)}."
        )
        raise


def _as_loss(spec: Any) -> Loss | None:
    if spec is None:
        return None
    found = losses.get(spec)
    if isinstance(found, Loss):
        return found
    if inspect.isfunction(found) or callable(found):
        return losses.LossFunctionWrapper(found, name=getattr(found, "__name__", type(found).__name__))
    raise ValueError(f"compile(loss=...) got {spec!r}, which is no loss.")


class CompiledMetrics(Metric):
    """The metrics that `compile` was given, behind the face of one metric.

    Args:
        plain: Metrics that see no sample weights.
        weighted: Metrics that do.
        loss: The loss's spec, which tells what ``"accuracy"`` means.
    """

    def __init__(self, plain: Any, weighted: Any, loss: Any = None) -> None:
        super().__init__(name="compile_metrics")
        self._plain_spec = plain
        self._weighted_spec = weighted
        self._loss_spec = loss
        self._rows: list[tuple[int, Metric, str, bool]] | None = None
        self._outputs: Outputs | None = None

    @property
    def is_built(self) -> bool:
        """Whether names were resolved."""
        return self._rows is not None

    def resolve(self, outputs: Outputs, y_true: Any, y_pred: Any) -> None:
        """Make the metrics, knowing the shapes of targets and predictions."""
        self._outputs = outputs
        true = outputs.spread(y_true, "y", leaf=lambda v: outputs.single)
        predicted = outputs.flatten(y_pred)
        loss_specs = outputs.spread(self._loss_spec, "loss", repeat=True)
        rows: list[tuple[int, Metric, str, bool]] = []
        for spec, is_weighted in ((self._plain_spec, False), (self._weighted_spec, True)):
            for i, entries in enumerate(self._spread(outputs, spec, is_weighted)):
                for entry in entries:
                    metric = _as_metric(entry, true[i], predicted[i], is_weighted, loss_specs[i])
                    prefix = "" if outputs.single or outputs.count == 1 else f"{outputs.names[i]}_"
                    taken = {row[2] for row in rows}
                    weighted = "weighted_" if f"{prefix}{metric.name}" in taken else ""
                    rows.append((i, metric, f"{prefix}{weighted}{metric.name}", is_weighted))
        self._rows = rows

    @staticmethod
    def _spread(outputs: Outputs, spec: Any, is_weighted: bool) -> list[list]:
        what = "weighted_metrics" if is_weighted else "metrics"
        if not spec:
            return [[] for _ in range(outputs.count)]
        if outputs.count == 1 and not isinstance(spec, dict):
            flat = spec if isinstance(spec, (list, tuple)) else [spec]
            if len(flat) == 1 and isinstance(flat[0], (list, tuple)):
                flat = flat[0]
            return [list(flat)]
        rows = outputs.spread(spec, what)
        return [list(r) if isinstance(r, (list, tuple)) else [] if r is None else [r] for r in rows]

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, flat."""
        return [row[1] for row in self._rows or []]

    @property
    def variables(self) -> list:
        """The variables of all metrics."""
        return [v for metric in self.metrics for v in metric.variables]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Show a batch to every metric."""
        assert self._outputs is not None
        outputs = self._outputs
        true = outputs.spread(y_true, "y", leaf=lambda v: outputs.single)
        predicted = outputs.flatten(y_pred)
        weights = outputs.spread(sample_weight, "sample_weight", repeat=True)
        for i, metric, _, is_weighted in self._rows or []:
            if true[i] is None:
                continue
            if is_weighted:
                metric.update_state(true[i], predicted[i], sample_weight=weights[i])
            else:
                metric.update_state(true[i], predicted[i])

    @property
    def names(self) -> list[str]:
        """The names in the logs, in order."""
        return [name for _, _, name, _ in self._rows or []]

    def result(self) -> dict[str, Any]:
        """Return each metric's value by name."""
        results: dict[str, Any] = {}
        for _, metric, name, _ in self._rows or []:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {name: value})
        return results

    def reset_state(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()


_SHAPE_DEPENDENT = {"accuracy": "accuracy", "acc": "accuracy", "crossentropy": "crossentropy", "ce": "crossentropy"}


def _as_metric(entry: Any, y_true: Any, y_pred: Any, is_weighted: bool, loss: Any) -> Metric:
    if isinstance(entry, Metric):
        return entry
    if isinstance(entry, str) and entry.lower() in _SHAPE_DEPENDENT:
        if y_true is None:
            raise ValueError(f"The metric {entry!r} needs targets, but y was not given.")
        kind = _SHAPE_DEPENDENT[entry.lower()]
        metric = metrics.resolve_accuracy(tuple(y_true.shape), tuple(y_pred.shape), kind=kind, loss=loss)
        metric = metric() if inspect.isclass(metric) else metric
        metric.name = entry
        return metric
    found = metrics.get(entry)
    if isinstance(found, Metric):
        if isinstance(entry, str):
            found.name = entry
        return found
    return metrics.MeanMetricWrapper(found, name=_name_of(entry, found))


def _name_of(entry: Any, function: Callable) -> str:
    return entry if isinstance(entry, str) else getattr(function, "__name__", type(function).__name__)
