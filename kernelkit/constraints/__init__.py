"""Constraints: functions applied to weights after each training step.

Example:
    >>> from kernelkit import constraints
    >>> constraints.get("max_norm").max_value
    2
"""

from __future__ import annotations

from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.constraints.constraint import Constraint
from kernelkit.constraints.norms import MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from kernelkit.public import names_of as _names_of
from kernelkit.typing import ConstraintLike

max_norm = MaxNorm
min_max_norm = MinMaxNorm
non_neg = NonNeg
unit_norm = UnitNorm


def get(identifier: Any) -> Any:
    """Return the constraint for an identifier.

    Args:
        identifier: ``None`` (returned), a name, a config dict, a :class:`Constraint` or its class, or a function from
            a weight to a weight.

    Raises:
        ValueError: If the identifier has another type, or the name is unknown.

    Example:
        >>> import kernelkit as kk
        >>> type(kk.constraints.get("non_neg")).__name__
        'NonNeg'
    """
    return _serialize.get(identifier, "constraints", "constraint", Constraint)


def serialize(constraint: ConstraintLike) -> dict:
    """Return a constraint as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.constraints.serialize(kk.constraints.MaxNorm(2))["config"]
        {'max_value': 2, 'axis': 0}
    """
    return _serialize.serialize_keras_object(constraint)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make a constraint from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> type(kk.constraints.deserialize("non_neg")).__name__
        'NonNeg'
    """
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="constraints")


_serialize.register_namespace("constraints", globals(), (Constraint,))

__dir__ = _names_of(globals())
