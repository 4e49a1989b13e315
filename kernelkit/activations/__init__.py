"""Activations: functions between layers, given by name or as functions.

Example:
    >>> from kernelkit import activations
    >>> activations.get("relu") is activations.relu
    True
"""

from __future__ import annotations

from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.activations.functions import exponential, gelu, linear, mish, relu, tanh
from kernelkit.ops.nn import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh_shrink,
    threshold,
)
from kernelkit.public import names_of as _names_of
from kernelkit.typing import ActivationLike


def get(identifier: Any) -> Any:
    """Return the activation for an identifier.

    Args:
        identifier: ``None`` (:func:`linear`), a name, a config dict, or a function or layer (returned unchanged).

    Raises:
        ValueError: If the identifier has another type, or the name is unknown.

    Example:
        >>> import kernelkit as kk
        >>> kk.activations.get("relu")(kk.ops.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    if identifier is None:
        return linear
    return _serialize.get(identifier, "activations", "activation function")


def keeps_shape(activation: Any) -> bool:
    """Return whether an activation is known to return the shape and dtype of its input.

    Example:
        >>> from kernelkit import activations
        >>> activations.keeps_shape(activations.relu), activations.keeps_shape(activations.glu)
        (True, False)
    """
    return activation is None or (
        activation not in (glu, threshold) and globals().get(getattr(activation, "__name__", "")) is activation
    )


def serialize(activation: ActivationLike) -> Any:
    """Return an activation as plain JSON: the name of a built-in function, else a dict.

    Example:
        >>> import kernelkit as kk
        >>> kk.activations.serialize(kk.activations.relu)
        'relu'
    """
    return _serialize.serialize_value(activation)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Return the activation from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> kk.activations.deserialize("relu")(kk.ops.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="activations")


_serialize.register_namespace("activations", globals(), is_function=callable)

__dir__ = _names_of(globals())
