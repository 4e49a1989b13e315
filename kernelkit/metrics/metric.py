"""`Metric`: a number that summarizes many batches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import jax
import jax.tree_util as jtu
import numpy as np

from kernelkit import config, dtype_policies, initializers, masking, scope
from kernelkit import serialize as _serialize
from kernelkit.tape import TapeTensor, stop_recording
from kernelkit.typing import DType, InitializerLike, KnownShape, Tensor
from kernelkit.variable import Variable, values_in


class Metric(_serialize.Configurable):
    """Base of metrics. A subclass makes variables in ``__init__`` and defines ``update_state`` and ``result``.

    Args:
        dtype: Dtype (or policy) of the variables and results.
        name: Name; made from the class's name if not given.

    Example:
        >>> import kernelkit as kk
        >>> from kernelkit import metrics
        >>> class Largest(metrics.Metric):
        ...     def __init__(self, name="largest", **kwargs):
        ...         super().__init__(name=name, **kwargs)
        ...         self.value = self.add_weight(name="value", initializer="zeros")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.value.assign(kk.ops.maximum(self.value, kk.ops.max(y_pred)))
        ...     def result(self):
        ...         return self.value
        >>> float(Largest()([0.0], [3.0]))
        3.0
    """

    direction: Literal["up", "down"] | None = None
    """The better direction, for callbacks that look for the best epoch; ``None`` if it is not known."""

    # Arguments that Keras leaves out of configs: they are saved only if they differ from these values.
    _implied: dict[str, Any] = {}

    def __init__(self, dtype: DType = None, name: str | None = None) -> None:
        self.name = name or scope.auto_name(scope.to_snake_case(type(self).__name__))
        self._dtype = dtype_policies.get(dtype or config.floatx()).compute_dtype
        self._variables: list[Variable] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "update_state" in vars(cls):
            cls.update_state = _unrecorded(vars(cls)["update_state"])  # type: ignore[method-assign]

    # What a subclass defines ------------------------------------------------------------------------------------------

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to the metric. A gradient tape records nothing of it."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state().")

    def result(self) -> Tensor:
        """Return the metric over all batches since the last reset: a scalar, an array or a dict of scalars."""
        raise NotImplementedError(f"{type(self).__name__} must define result().")

    def reset_state(self) -> None:
        """Set all variables to zero."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))  # on the host: no program for each shape

    # Variables --------------------------------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: KnownShape,
        initializer: InitializerLike,
        dtype: DType = None,
        aggregation: str | None = "sum",
        name: str | None = None,
    ) -> Variable:
        """Make a variable that belongs to the metric.

        Args:
            shape: Tuple of ints.
            initializer: An initializer, its name, or ``None`` for zeros.
            dtype: Dtype; that of the metric by default.
            aggregation: How replicas are combined.
            name: Name.

        Returns:
            The variable, which is not trained.
        """
        if "_variables" not in vars(self):
            raise RuntimeError(
                f"{type(self).__name__}.__init__() must call super().__init__() before it makes variables."
            )
        with scope.name_scope(self.name):
            variable = Variable(
                initializers.get("zeros" if initializer is None else initializer),
                shape=tuple(shape),
                dtype=dtype or self.dtype,
                trainable=False,
                autocast=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_weight(
        self, shape: KnownShape = (), initializer: InitializerLike = None, dtype: DType = None, name: str | None = None
    ) -> Variable:
        """Make a variable that belongs to the metric, a scalar by default; see :meth:`add_variable`."""
        return self.add_variable(shape, initializer, dtype=dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The metric's variables, then those of metrics in its attributes (in lists and dicts too)."""
        if "_variables" not in vars(self):
            raise RuntimeError(f"{type(self).__name__}.__init__() must call super().__init__().")
        nested = [v for metric in _held(vars(self), Metric) for v in metric.variables]
        found = {id(v): v for v in (*self._variables, *_held(vars(self), Variable), *nested)}
        return list(found.values())

    @property
    def dtype(self) -> str:
        """The dtype's name."""
        return self._dtype

    # As a pure function -----------------------------------------------------------------------------------------------

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[jax.Array]:
        """Return the new values of the variables: :meth:`update_state` as a pure function that can be jitted.

        Args:
            metric_variables: Values of :attr:`variables`, in that order.
            *args: As in :meth:`update_state`.
            **kwargs: As in :meth:`update_state`.

        Raises:
            ValueError: If the number of values differs from the number of variables.
        """
        variables = self._match(metric_variables)
        with scope.StatelessScope(_values(variables, metric_variables)) as lender:
            self.update_state(*args, **kwargs)
        return [lender.get_current_value(v) for v in variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Tensor:
        """Return the result for the given values of :attr:`variables`."""
        with scope.StatelessScope(_values(self._match(metric_variables), metric_variables)):
            return values_in(self.result())

    def stateless_reset_state(self) -> list[jax.Array]:
        """Return the values of :attr:`variables` after a reset."""
        variables = self.variables
        with scope.StatelessScope() as lender:
            self.reset_state()
        return [v.value if (value := lender.get_current_value(v)) is None else value for v in variables]

    def _match(self, values: Sequence[Tensor]) -> list[Variable]:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"Metric {self.name!r} has {len(variables)} variables, but {len(values)} values were given. Pass the "
                "values of `metric.variables`, in that order. Some metrics make variables at the first update: call "
                "update_state() once, then reset_state()."
            )
        return variables

    # ------------------------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """Add a batch to the metric and return the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    @_serialize.derives
    def get_config(self) -> dict:
        """Return the arguments that make an equal metric, as plain JSON values."""
        return {k: v for k, v in super().get_config().items() if k not in self._implied or v != self._implied[k]}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={scope.printable(self.name)}>"


def _values(variables: Sequence[Variable], given: Sequence[Any]) -> list[tuple[Variable, Any]]:
    """Pair variables with the given values; a given variable stands for its value."""
    return [(v, x.value if isinstance(x, Variable) else x) for v, x in zip(variables, given, strict=True)]


def _held(attributes: Any, kind: type) -> Iterator[Tensor]:
    for value in attributes.values() if isinstance(attributes, dict) else attributes:
        if isinstance(value, kind):
            yield value
        elif isinstance(value, (list, tuple, dict)):
            yield from _held(value, kind)


def _unrecorded(method: Callable) -> Callable:
    @functools.wraps(method)
    def update_state(self: Metric, *args: Any, **kwargs: Any) -> None:
        args, kwargs = jtu.tree_map(_untaped, (args, kwargs), is_leaf=lambda v: isinstance(v, TapeTensor))
        if scope.local.tape is None:
            return method(self, *args, **kwargs)
        with stop_recording():
            return method(self, *args, **kwargs)

    return update_state


def _untaped(value: Tensor) -> Tensor:
    if not isinstance(value, TapeTensor):
        return value
    masking.set_mask(value.value, masking.get_mask(value))
    return value.value
