"""The loss and metrics of `compile`, matched to a model's outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from kernelkit import losses, metrics
from kernelkit.layers.base.parts import unique
from kernelkit.losses.loss import Loss
from kernelkit.metrics.metric import Metric
from kernelkit.scope import StatelessScope, to_snake_case
from kernelkit.training.losses_of_outputs import distinct, loss_weights, placed_losses
from kernelkit.training.outputs import Outputs
from kernelkit.training.overriding import overrides
from kernelkit.typing import Tree


class CompiledLoss:
    """The weighted sum of the losses of all outputs.

    Args:
        loss: A loss (name, object or function) for all outputs, or losses nested as the outputs, or a dict by output
            name. A list of losses for one output is summed. A loss for a nest of outputs receives the whole nest.
        weights: A weight for each loss, or for each output.
        names: Names of the model's outputs, if it knows them.
    """

    def __init__(self, loss: Any, weights: Any = None, names: list[str] | None = None) -> None:
        self.spec = loss
        self.weights = weights
        self.names = names
        self.parts: list[tuple[Any, Any, metrics.Mean | None]] | None = None
        self.places: list[Any] = []  # the output, or nest of outputs, of each part
        self.outputs: Outputs | None = None
        self.shapes: list[tuple] = []  # of the outputs, the batch's size first

    def build(self, outputs: Outputs, y_pred: Tree, y_true: Tree = None) -> None:
        """Resolve the losses. With several losses, make a running mean for each output."""
        flat = outputs.flatten(y_pred)
        placed = placed_losses(outputs, self.spec)
        if not placed:
            raise ValueError("compile(loss=...) has no loss for any output.")
        self.outputs, self.places = outputs, [one.place for one in placed]
        self.shapes = [tuple(v.shape) for v in flat]
        true = outputs.align(y_true, "y", self.needed)
        found = [_as_loss(one.spec, *_only(one.place, true, flat)) for one in placed]
        weights = loss_weights(outputs, self.spec, placed, self.weights)
        trackers = self._make_trackers(placed, found) if len(placed) > 1 else [None] * len(placed)
        self.parts = list(zip(found, weights, trackers, strict=True))

    def _make_trackers(self, placed: list, found: list) -> list:
        """Return the running mean of each part. Losses of the same output share one mean."""
        assert self.outputs is not None
        by_label: dict[str, metrics.Mean] = {}
        trackers = []
        for one, loss in zip(placed, found, strict=True):
            label = self.outputs.label(one.place)
            if label is None:
                label = distinct(one.spec if isinstance(one.spec, str) else loss.name, by_label)
            trackers.append(by_label.setdefault(label, metrics.Mean(name=f"{label}_loss")))
        return trackers

    @property
    def needed(self) -> list[int]:
        """The outputs that have a loss."""
        return sorted({i for place in self.places for i in jtu.tree_leaves(place)})

    def targets(self, y_true: Tree) -> list:
        """Return the targets of each output. Outputs without a loss need no targets."""
        assert self.outputs is not None
        return self.outputs.align(y_true, "y", self.needed)

    @property
    def trackers(self) -> list[Metric]:
        """The running means of the single losses."""
        return list({id(tracker): tracker for *_, tracker in self.parts or [] if tracker is not None}.values())

    def __call__(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> Any:
        """Return the scalar to minimize, without the losses that layers add."""
        if self.parts is None:
            self.build(Outputs(y_pred, self.names), y_pred, y_true)
        assert self.outputs is not None and self.parts is not None
        outputs = self.outputs
        predicted, true = outputs.flatten(y_pred), self.targets(y_true)
        weights = outputs.spread(sample_weight, "sample_weight", repeat=True)
        one_weight = sample_weight if hasattr(sample_weight, "shape") else None
        total = None
        seen: dict[int, Any] = {}
        for place, (loss, weight, tracker) in zip(self.places, self.parts, strict=True):
            missing = next((i for i in jtu.tree_leaves(place) if true[i] is None), None)
            if missing is not None:
                raise ValueError(f"The output {outputs.names[missing]!r} has a loss, but y holds no targets for it.")
            nested = not isinstance(place, int)
            own_weight = (one_weight if nested else weights[place]) if sample_weight is not None else None
            parts = (outputs.pick(place, true), outputs.pick(place, predicted), own_weight)
            value = _say_which_output(loss, outputs, place, *parts)
            if tracker is not None:
                before = seen.get(id(tracker))
                seen[id(tracker)] = value if before is None else before + value
            value = value if weight is None else value * jnp.asarray(weight, value.dtype)
            total = value if total is None else total + value
        for mean in self.trackers:
            mean.update_state(seen[id(mean)], sample_weight=predicted[0].shape[0])
        return total


def _say_which_output(loss: Loss, outputs: Outputs, place: Any, true: Any, predicted: Any, weight: Any) -> Any:
    try:
        return loss(true, predicted, weight)
    except Exception as error:
        where = "" if outputs.count == 1 else f" of output {outputs.label(place) or place!r}"
        shapes = [jtu.tree_map(lambda v: tuple(jnp.shape(v)), nested) for nested in (true, predicted)]
        error.add_note(
            f"In the loss {getattr(loss, 'name', loss)!r}{where}: targets of shape {shapes[0]}, predictions of shape "
            f"{shapes[1]}."
        )
        if isinstance(place, int) and isinstance(true, (list, tuple)) and outputs.count == 1:
            error.add_note(
                f"y is a {type(true).__name__} of {len(true)} arrays, but the model has one output: give one array."
            )
        raise


def _only(place: Any, true: list, predicted: list) -> tuple[Any, Any]:
    """Return the targets and predictions of a single output."""
    return (true[place], predicted[place]) if isinstance(place, int) else (None, None)


def _as_loss(spec: Any, y_true: Tree, y_pred: Tree) -> Loss:
    if isinstance(spec, str) and spec.lower() in ("crossentropy", "ce"):
        return _crossentropy(spec, y_true, y_pred)
    found = losses.get(spec)
    if isinstance(found, Loss):
        return found
    if inspect.isfunction(found) or callable(found):
        return losses.LossFunctionWrapper(found, name=getattr(found, "__name__", type(found).__name__))
    raise ValueError(f"compile(loss=...) got {spec!r}, which is not a loss.")


def _crossentropy(spec: str, y_true: Tree, y_pred: Tree) -> Loss:
    """Return the cross-entropy that fits the shapes of targets and predictions, as the metric of this name does."""
    if y_true is None or y_pred is None:
        raise ValueError(f"loss={spec!r} depends on the shape of the targets, but y was not given for its output.")
    metric = metrics.resolve_accuracy(tuple(y_true.shape), tuple(y_pred.shape), kind="crossentropy")
    return losses.get(metric.__name__)  # type: ignore[union-attr]


class CompiledMetrics(Metric):
    """The metrics of `compile`, as one metric.

    Args:
        plain: Metrics without sample weights.
        weighted: Metrics with sample weights.
        loss: The loss's spec, which decides the meaning of ``"accuracy"``.
    """

    def __init__(self, plain: Any, weighted: Any, loss: Any = None) -> None:
        super().__init__(name="compile_metrics")
        self._plain_spec = plain
        self._weighted_spec = weighted
        self._loss_spec = loss
        self._rows: list[tuple[int, Metric, str, bool]] | None = None
        self._outputs: Outputs | None = None
        self._needed: list[int] | None = None

    @property
    def is_built(self) -> bool:
        """Whether the metrics were resolved."""
        return self._rows is not None

    def resolve(
        self, outputs: Outputs, y_true: Tree, y_pred: Tree, needed: list[int] | None = None, jit: bool = True
    ) -> None:
        """Make the metrics and all their variables for the shapes of targets and predictions.

        Args:
            outputs: The model's outputs.
            y_true: Targets, or their shapes.
            y_pred: Predictions, or their shapes.
            needed: The outputs that have targets; by default the outputs with metrics.
            jit: Whether the steps are compiled, so that metrics are traced and not run.
        """
        self._outputs = outputs
        specs = [
            (self._spread(outputs, spec, what), what == "weighted_metrics")
            for spec, what in ((self._plain_spec, "metrics"), (self._weighted_spec, "weighted_metrics"))
        ]
        self._needed = needed or sorted({i for rows, _ in specs for i, entries in enumerate(rows) if entries})
        true = outputs.align(y_true, "y", self._needed)
        predicted = outputs.flatten(y_pred)
        losses_of = {
            one.place: one.spec for one in placed_losses(outputs, self._loss_spec) if isinstance(one.place, int)
        }
        rows: dict[str, tuple[int, Metric, str, bool]] = {}
        for by_output, is_weighted in specs:
            plain = set(rows)
            for i in outputs.order:
                for entry in by_output[i]:
                    metric = _as_metric(entry, true[i], predicted[i], losses_of.get(i))
                    prefix = f"{outputs.names[i]}_" if outputs.count > 1 and outputs.known else ""
                    weighted = "weighted_" if is_weighted and f"{prefix}{metric.name}" in plain else ""
                    name = distinct(f"{prefix}{weighted}{metric.name}", rows)
                    rows[name] = (i, metric, name, is_weighted)
        self._rows = list(rows.values())
        for i, metric, *_ in self._rows:
            if true[i] is not None:
                _make_late_variables(metric, true[i], predicted[i], jit)

    @staticmethod
    def _spread(outputs: Outputs, spec: Any, what: str) -> list[list]:
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
        """The flat list of metrics."""
        return [row[1] for row in self._rows or []]

    @property
    def variables(self) -> list:
        """The variables of all metrics, each once."""
        return unique(v for metric in self.metrics for v in metric.variables)

    def update_state(self, y_true: Tree, y_pred: Tree, sample_weight: Tree = None) -> None:
        """Update every metric with a batch."""
        assert self._outputs is not None
        outputs = self._outputs
        true = outputs.align(y_true, "y", self._needed)
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
        """Reset all metrics."""
        for metric in self.metrics:
            metric.reset_state()


def without_containers(plain: Any, weighted: Any) -> tuple[Any, Any]:
    """Return what ``compile`` was given, with the metrics of an earlier ``compile`` in place of their container.

    ``model.metrics`` holds such a container until the model is trained, and may be given to a second ``compile``.
    """
    given = list(plain) if isinstance(plain, (list, tuple)) else [plain]
    found = [metric for metric in given if isinstance(metric, CompiledMetrics)]
    if not found:
        return plain, weighted
    specs = [metric._plain_spec if metric in found else metric for metric in given]
    more = [weighted, *(metric._weighted_spec for metric in found)]
    return _joined(specs), _joined(more)


def _joined(specs: list[Any]) -> Any:
    """Return one spec of several: a list of the metrics, or the only one that is not empty, which may be a dict."""
    filled = [spec for spec in specs if spec]
    if len(filled) == 1:
        return filled[0]
    return [metric for spec in filled for metric in (spec if isinstance(spec, (list, tuple)) else [spec])]


def _make_late_variables(metric: Metric, y_true: Tree, y_pred: Tree, jit: bool) -> None:
    """Let a metric make the variables that it makes in its first update.

    A step's program has a fixed list of variables: a variable that is made while the program is traced would begin
    at zero in each step.
    """
    if isinstance(metric, metrics.Mean) and not overrides(metric, "update_state"):
        return

    def update(true: Any, predicted: Any) -> None:
        metric.update_state(true, predicted)  # ignore the result: some metrics of Keras return a variable

    with StatelessScope():
        if jit:
            # The outputs of a model without symbolic inputs are symbolic here, and jax does not accept them.
            shapes = jtu.tree_map(lambda v: jax.ShapeDtypeStruct(tuple(v.shape), v.dtype), (y_true, y_pred))
            jax.eval_shape(update, *shapes)
        else:  # the update may need numbers: any values of these shapes work
            metric.update_state(*jtu.tree_map(lambda v: jnp.zeros(v.shape, v.dtype), (y_true, y_pred)))


_SHAPE_DEPENDENT = {"accuracy": "accuracy", "acc": "accuracy", "crossentropy": "crossentropy", "ce": "crossentropy"}


def _as_metric(entry: Any, y_true: Tree, y_pred: Tree, loss: Any) -> Metric:
    if entry is None:
        raise ValueError(
            "compile(metrics=...) holds None in the place of a metric: give a name, an object or a function."
        )
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
    """Return the name that Keras gives a metric that is a function or another callable."""
    if isinstance(entry, str):
        return entry
    own = getattr(function, "name", None)
    if isinstance(own, str):
        return own
    return to_snake_case(getattr(function, "__name__", None) or type(function).__name__)
