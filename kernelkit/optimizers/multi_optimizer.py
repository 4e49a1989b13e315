"""Different optimizers for different variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence

from kernelkit import serialize
from kernelkit.optimizers.loss_scale_optimizer import LossScaleOptimizer
from kernelkit.optimizers.optimizer import Optimizer
from kernelkit.typing import Rate, Tensor
from kernelkit.variable import Variable


class OptimizerMap(serialize.Configurable, MutableMapping):
    """A dict from regular expressions for variable paths to the optimizers of these variables.

    Args:
        default_optimizer: The optimizer of variables whose paths match no expression.
        optimizer_map: Dict from regular expressions, which must match whole paths, to optimizers.

    Example:
        >>> from kernelkit import optimizers
        >>> of = OptimizerMap(optimizers.SGD(), {"encoder/.*": optimizers.Adam()})
        >>> type(of["encoder/dense/kernel"]).__name__, type(of["head/kernel"]).__name__
        ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None) -> None:
        self.default_optimizer = default_optimizer
        self.optimizer_map: dict[str, Optimizer] = {}
        self.update(optimizer_map or {})

    def __getitem__(self, path: str) -> Optimizer:
        found = [pattern for pattern in self.optimizer_map if re.fullmatch(pattern, path)]
        if len(found) > 1:
            raise ValueError(f"The variable {path!r} fits more than one expression of the OptimizerMap: {found}.")
        return self.optimizer_map[found[0]] if found else self.default_optimizer

    def __call__(self, variable: Variable) -> Optimizer:
        """Return the optimizer of a variable."""
        return self[variable.path]

    def __setitem__(self, pattern: str, optimizer: Optimizer) -> None:
        if pattern in self.optimizer_map:
            raise ValueError(
                f"The expression {pattern!r} is in the OptimizerMap already. Remove it first to replace it."
            )
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"An OptimizerMap holds optimizers, got {optimizer!r} for {pattern!r}.")
        if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
            raise ValueError(f"An OptimizerMap cannot hold a {type(optimizer).__name__}: wrap the whole instead.")
        self.optimizer_map[pattern] = optimizer

    def __delitem__(self, pattern: str) -> None:
        del self.optimizer_map[pattern]

    def __contains__(self, pattern: object) -> bool:
        return pattern in self.optimizer_map

    def __len__(self) -> int:
        return len(self.optimizer_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self.optimizer_map)

    @classmethod
    def from_config(cls, config: dict) -> OptimizerMap:
        """Make a map from :meth:`get_config`'s result."""
        return cls(**serialize.deserialize_keras_object(config))


class MultiOptimizer(Optimizer):
    """Change different variables with different optimizers.

    Args:
        optimizer_map: An :class:`OptimizerMap`, a function from a variable to its optimizer, or one optimizer for all.
        loss_scale_factor: Factor of the loss; the gradients are divided by it again. The optimizers' own factors are
            dropped.
        name: Name.

    Raises:
        ValueError: If one of the optimizers is a LossScaleOptimizer or a MultiOptimizer.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit import optimizers
        >>> a, b = kk.Variable([1.0], name="a"), kk.Variable([1.0], name="b")
        >>> of = OptimizerMap(optimizers.SGD(0.1), {"b": optimizers.Adam(0.5)})
        >>> MultiOptimizer(of).apply([[2.0], [2.0]], [a, b])
        >>> a.numpy(), b.numpy()
        (array([0.8], dtype=float32), array([0.5], dtype=float32))
    """

    _not_in_config = ("learning_rate",)
    _saved_as = {"_optimizers": "optimizers"}  # its name in weights files

    def __init__(
        self,
        optimizer_map: OptimizerMap | Optimizer | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if isinstance(optimizer_map, Optimizer):
            optimizer_map = OptimizerMap(optimizer_map)
        if not isinstance(optimizer_map, OptimizerMap) and not callable(optimizer_map):
            raise ValueError(f"MultiOptimizer needs an OptimizerMap or a function, got {optimizer_map!r}.")
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self._optimizers: list[Optimizer] = []
        self._places: list[list[int]] = []
        if isinstance(optimizer_map, OptimizerMap):
            self._optimizers = _unique([*optimizer_map.optimizer_map.values(), optimizer_map.default_optimizer])

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers, which hold the learning rates and all other settings."""
        return list(self._optimizers)

    def build(self, variables: Sequence[Variable]) -> None:
        """Build each optimizer for its own variables."""
        if self.built:
            return super().build(variables)
        variables = list(variables)
        of = self.optimizer_map
        chosen = [of(v) for v in variables]
        for optimizer in chosen:
            if not any(optimizer is other for other in self._optimizers):
                optimizer.exclude_from_weight_decay(self._not_decayed, self._not_decayed_names)
        self._optimizers = _unique([*self._optimizers, *chosen])
        for optimizer in self._optimizers:
            if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
                raise ValueError(f"{type(optimizer).__name__} cannot be used inside an MultiOptimizer.")
            optimizer.loss_scale_factor = None  # all optimizers share one loss and one scale
        self._places = [[i for i, o in enumerate(chosen) if o is optimizer] for optimizer in self._optimizers]
        for optimizer, places in zip(self._optimizers, self._places, strict=True):
            optimizer.build([variables[i] for i in places])
        return super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *(v for optimizer in self._optimizers for v in optimizer.variables)]

    def _step(self, arrays: Sequence, gradients: Sequence, values: Sequence, rate: Tensor = None) -> tuple[list, list]:
        scale = self.loss_scale_factor
        own, values = list(arrays[: len(self._variables)]), list(values)
        if scale:
            pairs = zip(gradients, self._trainable_variables, strict=True)
            gradients = [g if g is None or v.overwrite_with_gradient else g / scale for g, v in pairs]
        rates = rate if rate is not None else [None] * len(self._optimizers)
        result, start = [own[0] + 1, *own[1:]], len(own)
        for optimizer, places, inner_rate in zip(self._optimizers, self._places, rates, strict=True):
            inner = list(arrays[start : start + len(optimizer.variables)])
            start += len(inner)
            theirs = [gradients[i] for i in places]
            if any(g is not None for g in theirs):
                changed, inner = optimizer._step(inner, theirs, [values[i] for i in places], inner_rate)
                for i, value in zip(places, changed, strict=True):
                    values[i] = value
            result.extend(inner)
        return values, result

    def _host_rate(self) -> Rate:
        return [optimizer._host_rate() for optimizer in self._optimizers]

    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        super().exclude_from_weight_decay(var_list, var_names)
        for optimizer in self._optimizers:
            optimizer.exclude_from_weight_decay(var_list, var_names)

    @property
    def averaged_variables(self) -> list[tuple[Variable, Variable]]:
        return [pair for optimizer in self._optimizers for pair in optimizer.averaged_variables]

    @property
    def learning_rate(self) -> Rate:
        raise AttributeError(
            "A MultiOptimizer has no learning rate of its own. Use those of its optimizers: "
            "`for optimizer in multi.optimizers: optimizer.learning_rate`."
        )

    @learning_rate.setter
    def learning_rate(self, learning_rate: Rate) -> None:
        raise AttributeError(
            "A MultiOptimizer has no learning rate of its own. Set those of its optimizers: "
            "`for optimizer in multi.optimizers: optimizer.learning_rate = ...`."
        )


def _unique(optimizers: Sequence[Optimizer]) -> list[Optimizer]:
    return list({id(o): o for o in optimizers}.values())
