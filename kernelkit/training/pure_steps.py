"""`PureSteps`: the steps of a model as pure functions of its state. Users may override them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import scope, sparse
from kernelkit.feeds.batch import batch_rows, unpack
from kernelkit.metrics.metric import Metric
from kernelkit.training.gradient_probe import GradientProbe
from kernelkit.training.training import Training
from kernelkit.typing import Tensor, Tree
from kernelkit.variable import Variable, values_in


class PureSteps:
    """Loss, metrics and steps of a model as pure functions."""

    _training: Training
    optimizer: Any
    metrics: list[Metric]
    metrics_variables: list[Variable]
    losses: list[Any]
    run_eagerly: bool

    def compute_loss(
        self, x: Tree = None, y: Tree = None, y_pred: Tree = None, sample_weight: Tree = None, training: bool = True
    ) -> Tensor:
        """Return the scalar that training minimizes. Override it for a loss that needs more than targets and outputs.

        Args:
            x: The batch's inputs.
            y: The batch's targets.
            y_pred: The model's outputs.
            sample_weight: Weights of the samples.
            training: Whether this is a training step.
        """
        parts = []
        if self._training.compiled.loss is not None:
            value = self._training.compiled.loss(y, y_pred, sample_weight)
            if value is not None:
                parts.append(value)
        parts += [jnp.sum(jnp.asarray(v)) for v in self.losses]
        if not parts:
            raise ValueError(
                "There is no loss to minimize: give compile() a loss, add one with add_loss() in a layer, or override "
                "compute_loss() or train_step(). [K11]"
            )
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def compute_metrics(self, x: Tree, y: Tree, y_pred: Tree, sample_weight: Tree = None) -> dict:
        """Update the metrics with a batch and return all values by name. Override it to report other values."""
        metrics = self._training.compiled.metrics
        if metrics is not None and metrics.is_built:
            metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict:
        """Return the value of each metric by name."""
        results: dict = {}
        for metric in self.metrics:
            value = metric.result()
            results.update(value if isinstance(value, dict) else {metric.name: value})
        return results

    def compute_loss_and_updates(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Tree,
        y: Tree,
        sample_weight: Tree,
        training: bool = False,
        optimizer_variables: Any = None,
    ) -> tuple:
        """Run the model and the loss as a pure function for differentiation.

        Returns:
            ``(loss, (unscaled_loss, y_pred, non_trainable_variables, metrics_variables))``.
        """
        kind = "train" if training else "test"
        variables = self._training.variables(kind)
        mapping = [*zip(variables.trainable, trainable_variables, strict=True)]
        mapping += [*zip(variables.non_trainable, non_trainable_variables, strict=True)]
        mapping += [*zip(variables.metrics, metrics_variables, strict=True)]
        with scope.StatelessScope(mapping, collect_losses=True) as lender:
            y_pred = sparse.densify(self(x, training=training))  # type: ignore[operator]
            more = {"training": training} if _takes_training(type(self).compute_loss) else {}
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **more)
        if loss is None:
            raise ValueError(f"{type(self).__name__}.compute_loss() returned None: it must return a scalar.")
        loss = unscaled = jnp.asarray(loss)
        if training and getattr(self, "optimizer", None) is not None and optimizer_variables is not None:
            own = zip(self.optimizer.variables, optimizer_variables, strict=False)
            with scope.StatelessScope(own):
                loss = self.optimizer.scale_loss(loss)
        new_state = [lender.values[id(v)] for v in variables.non_trainable]
        new_metrics = [lender.values[id(v)] for v in variables.metrics]
        return loss, (unscaled, y_pred, new_state, new_metrics)

    def stateless_compute_loss(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Tree = None,
        y: Tree = None,
        y_pred: Tree = None,
        sample_weight: Tree = None,
        training: bool = True,
    ) -> tuple:
        """Return :meth:`compute_loss` as a pure function of the variables' values.

        Args:
            trainable_variables: Values of ``model.trainable_variables``.
            non_trainable_variables: Values of ``model.non_trainable_variables``.
            metrics_variables: Values of ``model.metrics_variables``.
            x: The batch's inputs.
            y: Its targets.
            y_pred: The model's outputs for the batch.
            sample_weight: Weights of the samples.
            training: Whether this is a training step.

        Returns:
            ``(loss, (trainable_variables, non_trainable_variables, metrics_variables))`` with the new values.

        Example:
            >>> import jax.numpy as jnp
            >>> import kernelkit as kk
            >>> model = kk.Sequential([kk.Input((2,)), kk.layers.Dense(1)])
            >>> model.compile("sgd", "mse")
            >>> weights, means = ([v.value for v in g] for g in (model.trainable_variables, model.metrics_variables))
            >>> y, y_pred = jnp.zeros((1, 1)), jnp.full((1, 1), 3.0)
            >>> loss, _ = model.stateless_compute_loss(weights, [], means, y=y, y_pred=y_pred)
            >>> float(loss)
            9.0
        """
        groups = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)  # type: ignore[attr-defined]
        given = (trainable_variables, non_trainable_variables, metrics_variables)
        mapping = [pair for group, values in zip(groups, given, strict=True) for pair in _paired(group, values)]
        more = {"training": training} if _takes_training(type(self).compute_loss) else {}
        with scope.StatelessScope(mapping, collect_losses=True) as lender:
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **more)
        return loss, tuple([lender.get_current_value(v) for v in group] for group in groups)

    def train_step(self, state: Any, data: Tree) -> tuple:
        """Do one pure training step. Override it for a custom way of training.

        Args:
            state: ``(trainable, non_trainable, optimizer, metrics)`` values.
            data: A batch: ``(x, y)`` or ``(x, y, sample_weight)``.

        Returns:
            ``(logs, state)``. An override may also take ``data`` alone, compute with a
            :class:`~kernelkit.GradientTape`, assign to variables and return the logs.
        """
        trainable, rest, slots, watched = state
        x, y, sample_weight = unpack(data)
        probe = GradientProbe()

        def compute_loss(trainable: Any) -> tuple:
            return self.compute_loss_and_updates(
                probe(trainable), rest, watched, x, y, sample_weight, training=True, optimizer_variables=slots
            )

        (_, (loss, y_pred, rest_after, watched)), gradients = jax.value_and_grad(compute_loss, has_aux=True)(trainable)
        if not probe.was_reached:
            self._training.compiled.say_no_gradient(has_weights=bool(trainable))
        trainable, slots = self.optimizer.stateless_apply(slots, gradients, trainable)
        logs, watched = self._update_metrics("train", watched, loss, x, y, y_pred, sample_weight)
        return logs, (trainable, rest_after, slots, watched)

    def test_step(self, state: Any, data: Tree) -> tuple:
        """Do one pure evaluation step: ``(trainable, non_trainable, metrics), data -> logs, state``."""
        trainable, rest, watched = state
        x, y, sample_weight = unpack(data)
        loss, (_, y_pred, rest, watched) = self.compute_loss_and_updates(
            trainable, rest, watched, x, y, sample_weight, training=False
        )
        logs, watched = self._update_metrics("test", watched, loss, x, y, y_pred, sample_weight)
        return logs, (trainable, rest, watched)

    def predict_step(self, state: Any, data: Tree) -> tuple:
        """Do one pure prediction step: ``(trainable, non_trainable), data -> outputs, non_trainable``."""
        trainable, rest = state
        x, _, _ = unpack(data)
        variables = self._training.variables("predict")
        mapping = [*zip(variables.trainable, trainable, strict=True), *zip(variables.non_trainable, rest, strict=True)]
        with scope.StatelessScope(mapping) as lender:
            outputs = sparse.densify(self(x, training=False))  # type: ignore[operator]
        return outputs, [lender.values[id(v)] for v in variables.non_trainable]

    def make_train_function(self, force: bool = False) -> Callable:
        """Return one training step as a function ``(state, iterator) -> (logs, state)``, for custom loops.

        `fit` compiles its own steps and does not call this function. To change `fit`, override :meth:`train_step`.

        Args:
            force: Whether to make a new function even if one exists.
        """
        return self._step_function("train", force)

    def make_test_function(self, force: bool = False) -> Callable:
        """Return one evaluation step as a function ``(state, iterator) -> (logs, state)``."""
        return self._step_function("test", force)

    def make_predict_function(self, force: bool = False) -> Callable:
        """Return one prediction step as a function ``(state, iterator) -> (outputs, non_trainable)``."""
        return self._step_function("predict", force)

    def _step_function(self, kind: str, force: bool) -> Callable:
        made = self._training.programs.functions
        if force or kind not in made:
            step = getattr(self, f"{kind}_step")
            run = step if self.run_eagerly else jax.jit(step)
            made[kind] = lambda state, iterator: run(state, next(iterator))
        return made[kind]

    @property
    def train_function(self) -> Callable | None:
        """The result of :meth:`make_train_function`, ``None`` before the first call."""
        return self._training.programs.functions.get("train")

    @property
    def test_function(self) -> Callable | None:
        """The result of :meth:`make_test_function`, ``None`` before the first call."""
        return self._training.programs.functions.get("test")

    @property
    def predict_function(self) -> Callable | None:
        """The result of :meth:`make_predict_function`, ``None`` before the first call."""
        return self._training.programs.functions.get("predict")

    def _update_metrics(
        self, kind: str, watched: Any, loss: Any, x: Tree, y: Tree, y_pred: Tree, sample_weight: Tree
    ) -> tuple[dict, list]:
        variables = self._training.variables(kind).metrics
        with scope.StatelessScope(zip(variables, watched, strict=True)) as lender:
            if self._training.compiled.loss_tracker is not None:
                self._training.compiled.loss_tracker.update_state(loss, sample_weight=batch_rows(x))
            logs = values_in(self.compute_metrics(x, y, y_pred, sample_weight))
        return logs, [lender.values[id(v)] for v in variables]


def _paired(variables: list, values: Tensor) -> list[tuple]:
    values = list(values)
    if len(values) != len(variables):
        raise ValueError(
            f"stateless_compute_loss() got {len(values)} values for {len(variables)} variables "
            f"({', '.join(v.path for v in variables[:3])}{', ...' if len(variables) > 3 else ''}): pass one for each."
        )
    return list(zip(variables, values, strict=True))


@functools.cache
def _takes_training(compute_loss: Any) -> bool:
    """Return whether an override of `compute_loss` has the ``training`` argument, which older code lacks."""
    parameters = inspect.signature(compute_loss).parameters.values()
    return any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters)
