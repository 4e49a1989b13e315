"""`Compiled`: the arguments of `compile`, and the loss and metrics made from them."""

from __future__ import annotations

import warnings
from typing import Any

from kernelkit import metrics
from kernelkit.tracebacks import users_level
from kernelkit.training.compile import CompiledLoss, CompiledMetrics, without_containers


class Compiled:
    """The result of `compile`. It counts as false before `compile` was called.

    Args:
        arguments: The arguments of `compile`, without the model's own. ``None`` before it is called.

    Attributes:
        arguments: The arguments.
        loss: The losses of all outputs, ``None`` without a loss.
        metrics: The metrics of all outputs, ``None`` without metrics.
        loss_tracker: The mean loss.
        steps_per_execution: Steps in one dispatch: ``"auto"``, ``"single"`` or a number.
        jit: Whether steps are compiled. Otherwise they run op by op.
    """

    def __init__(self, arguments: dict[str, Any] | None = None) -> None:
        self.arguments = arguments or {}
        self.loss: CompiledLoss | None = None
        self.metrics: CompiledMetrics | None = None
        self.loss_tracker: metrics.Mean | None = None
        self.steps_per_execution: int | str = "auto"
        self.jit = True
        self._said_no_gradient = False
        if arguments is None:
            return
        if arguments["loss"] is not None:
            self.loss = CompiledLoss(arguments["loss"], arguments["loss_weights"])
        plain, weighted = without_containers(arguments["metrics"], arguments["weighted_metrics"])
        self.arguments = arguments = arguments | {"metrics": plain, "weighted_metrics": weighted}
        if plain or weighted:
            self.metrics = CompiledMetrics(plain, weighted, arguments["loss"])
        self.loss_tracker = metrics.Mean(name="loss")
        self.steps_per_execution = arguments["steps_per_execution"]
        self.jit = not arguments["run_eagerly"] and arguments["jit_compile"] is not False

    def __bool__(self) -> bool:
        return bool(self.arguments)

    def require(self, what: str) -> None:
        """Raise unless `compile` was called."""
        if not self:
            raise ValueError(
                f"You must call `compile()` before {what}(): model.compile(optimizer='adam', loss=..., metrics=[...]) "
                "names the loss and the optimizer. [K01]"
            )

    @property
    def own_metrics(self) -> list[metrics.Metric]:
        """The mean loss, the metrics, and the mean of each loss if there are several."""
        found: list = [self.loss_tracker] if self.loss_tracker is not None else []
        if self.metrics is not None:
            found.append(self.metrics)
        return found + (self.loss.trackers if self.loss is not None else [])

    @property
    def hook_stride(self) -> int:
        """Number of steps per call of the batch hooks: 1, unless `compile` was given ``steps_per_execution``."""
        return self.steps_per_execution if isinstance(self.steps_per_execution, int) else 1

    def say_no_gradient(self, has_weights: bool) -> None:
        """Warn once that training changes no weight.

        Args:
            has_weights: Whether the model has trainable variables.
        """
        if self._said_no_gradient:
            return
        self._said_no_gradient = True
        if has_weights:
            what = (
                "No trainable variable has a gradient, so the weights will not change: argmax, round, a cast to int, "
                "stop_gradient or NumPy lies between them and the loss, or the loss doesn't use the model's output"
            )
        else:
            what = "The model has no trainable variables, so fit() only measures"
        warnings.warn(f"{what}. [K12]", stacklevel=users_level())
