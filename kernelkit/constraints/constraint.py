"""The base of constraints: functions that project a weight to the allowed values after each training step."""

from __future__ import annotations

from kernelkit import serialize
from kernelkit.typing import Tensor


class Constraint(serialize.Configurable):
    """A condition on a weight. Subclass it and define ``__call__``.

    Example:
        >>> from kernelkit import constraints, ops
        >>> class AtMostOne(constraints.Constraint):
        ...     def __call__(self, w):
        ...         return ops.minimum(w, 1.0)
        >>> AtMostOne()(ops.array([0.5, 3.0])).tolist()
        [0.5, 1.0]
    """

    def __call__(self, w: Tensor) -> Tensor:
        """Return the nearest allowed value, of the same shape."""
        return w
