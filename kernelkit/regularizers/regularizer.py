"""The base of regularizers: functions from a weight to a penalty that is added to the loss."""

from __future__ import annotations

from typing import Any

from kernelkit import serialize
from kernelkit.typing import Tensor


class Regularizer(serialize.Configurable):
    """A penalty on a weight. Subclass it and define ``__call__``.

    Example:
        >>> from kernelkit import ops, regularizers
        >>> class Spread(regularizers.Regularizer):
        ...     def __call__(self, x):
        ...         return ops.var(x)
        >>> float(Spread()(ops.array([1.0, 3.0])))
        1.0
    """

    def __call__(self, x: Tensor) -> Tensor:
        """Return the penalty of a weight or an output, a scalar."""
        return 0.0


def checked_factor(name: str, value: Any, default: float) -> float:
    """Return a factor as a float; raise ``ValueError`` unless it is a non-negative number."""
    value = default if value is None else value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if isinstance(value, (bool, str)) or not 0 <= number < float("inf"):
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float, got {value!r}.")
    return number
