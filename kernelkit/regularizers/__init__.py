"""Regularizers: penalties on weights or outputs that are added to the loss.

Example:
    >>> from kernelkit import regularizers
    >>> regularizers.get("l2").l2
    0.01
"""

from __future__ import annotations

from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.public import names_of as _names_of
from kernelkit.regularizers.norms import L1, L1L2, L2
from kernelkit.regularizers.orthogonality import OrthogonalRegularizer
from kernelkit.regularizers.regularizer import Regularizer
from kernelkit.typing import RegularizerLike

l1 = L1
l1_l2 = L1L2
l2 = L2
orthogonal_regularizer = OrthogonalRegularizer


def get(identifier: Any) -> Any:
    """Return the regularizer for an identifier.

    Args:
        identifier: ``None`` (returned), a name, a config dict, a :class:`Regularizer` or its class, or a function from
            a weight to a scalar.

    Raises:
        ValueError: If the identifier has another type, or the name is unknown.

    Example:
        >>> import kernelkit as kk
        >>> type(kk.regularizers.get("l2")).__name__
        'L2'
    """
    return _serialize.get(identifier, "regularizers", "regularizer", Regularizer)


def serialize(regularizer: RegularizerLike) -> dict:
    """Return a regularizer as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.regularizers.serialize(kk.regularizers.L2(0.5))["config"]
        {'l2': 0.5}
    """
    return _serialize.serialize_keras_object(regularizer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make a regularizer from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> type(kk.regularizers.deserialize("l2")).__name__
        'L2'
    """
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="regularizers")


_serialize.register_namespace("regularizers", globals(), (Regularizer,))

__dir__ = _names_of(globals())
