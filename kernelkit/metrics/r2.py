"""The coefficient of determination."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp

from kernelkit.losses.reduction import align_weights
from kernelkit.losses.shapes import fit_same
from kernelkit.metrics.metric import Metric
from kernelkit.tracebacks import users_level
from kernelkit.typing import DType, Tensor

AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """Share of the targets' variance that predictions explain: 1 is perfect, 0 no better than the mean.

    Args:
        class_aggregation: ``None`` (a score for each output), ``"uniform_average"`` or ``"variance_weighted_average"``.
        num_regressors: Number of features of the model, to adjust for it (adjusted R2); 0 for the plain score.
        name, dtype: As in :class:`Metric`.

    Raises:
        ValueError: If an argument has another value.

    Example:
        >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
        0.5714
    """

    direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: DType = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in AGGREGATIONS:
            raise ValueError(
                f"Invalid value for argument `class_aggregation`: expected one of {AGGREGATIONS}, got "
                f"{class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ValueError(
                f"Invalid value for argument `num_regressors`: it must not be negative, got {num_regressors}."
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, outputs: int) -> None:
        self.squared_sum = self.add_variable((outputs,), "zeros", name="squared_sum")
        self.sum = self.add_variable((outputs,), "zeros", name="sum")
        self.total_mse = self.add_variable((outputs,), "zeros", name="residual")
        self.count = self.add_variable((outputs,), "zeros", name="count")
        self._built = True

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add a batch to the metric.

        Args:
            y_true: Targets (batch, outputs).
            y_pred: Predictions (batch, outputs).
            sample_weight: A number, or an array (batch,).
        """
        y_true, y_pred = fit_same("metrics.R2Score", y_true, y_pred)
        if y_pred.ndim != 2:
            raise ValueError(
                f"metrics.R2Score expects 2D inputs with shape (batch, outputs), got {y_pred.shape}. Reshape both "
                "to two axes, (batch, 1) for one output."
            )
        if not self._built:
            self._build(y_pred.shape[-1])
        weight: Tensor = 1.0 if sample_weight is None else align_weights(sample_weight, y_pred.shape)
        weight = jnp.broadcast_to(weight, y_pred.shape).astype(self.dtype)
        self.sum.assign_add(jnp.sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(jnp.sum(jnp.square(y_true) * weight, axis=0))
        self.total_mse.assign_add(jnp.sum(jnp.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(jnp.sum(weight, axis=0))
        # All elements, as in Keras: the adjustment below counts each output as a sample.
        self.num_samples.assign_add(y_true.size)

    def result(self) -> jax.Array:
        if not self._built:
            return jnp.zeros((), self.dtype)
        total = self.squared_sum.value - jnp.square(self.sum.value) / self.count.value
        scores = 1.0 - self.total_mse.value / total
        scores = jnp.where(jnp.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = jnp.sum(scores * total) / jnp.sum(total)
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: jax.Array) -> jax.Array:
        samples = self.num_samples.value
        free = samples - self.num_regressors - 1.0
        if not isinstance(free, jax.core.Tracer) and free <= 0:
            warnings.warn(
                f"Metric {self.name!r}: {self.num_regressors} regressors need more than {int(samples)} samples for an "
                "adjusted R2, so the plain R2 is returned.",
                stacklevel=users_level(),
            )
        adjusted = 1.0 - (1.0 - scores) * (samples - 1.0) / jnp.where(free > 0, free, 1.0)
        return jnp.where(free > 0, adjusted, scores)
