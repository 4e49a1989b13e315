"""Losses: the numbers that training minimizes. Each has a function, and a class that weights and reduces its values.

Example:
    >>> from kernelkit import losses
    >>> float(losses.get("mse")([0.0, 2.0], [1.0, 4.0]))
    2.5
"""

from __future__ import annotations

from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.losses.circle import Circle, circle
from kernelkit.losses.crossentropy import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    categorical_crossentropy,
    sparse_categorical_crossentropy,
)
from kernelkit.losses.ctc import CTC, ctc
from kernelkit.losses.divergence import KLDivergence, Poisson, kl_divergence, poisson
from kernelkit.losses.focal import (
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    binary_focal_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
)
from kernelkit.losses.hinge import CategoricalHinge, Hinge, SquaredHinge, categorical_hinge, hinge, squared_hinge
from kernelkit.losses.loss import Loss, LossFunctionWrapper
from kernelkit.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from kernelkit.losses.segmentation import Dice, Tversky, dice, tversky
from kernelkit.public import names_of as _names_of
from kernelkit.typing import Tensor

_ALIASES = {
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
    "kullback_leibler_divergence": "kl_divergence",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "mse": "mean_squared_error",
    "msle": "mean_squared_logarithmic_error",
}
_ALIASES.update({short.upper(): name for short, name in _ALIASES.items() if len(short) <= 4})


def get(identifier: Any) -> Any:
    """Return the loss for an identifier.

    Args:
        identifier: ``None`` (returned), a name (``"mse"``, ``"mean_squared_error"`` give the function,
            ``"MeanSquaredError"`` an instance of the class), a config dict, a :class:`Loss` or its class, or a function
            ``(y_true, y_pred) -> values``.

    Raises:
        ValueError: If the identifier has another type, or is an unknown name; the message gives the nearest names.

    Example:
        >>> get("mae") is mean_absolute_error
        True
    """
    if isinstance(identifier, str) and _serialize.get_registered_object(identifier) is None:
        identifier = _ALIASES.get(identifier, identifier)
    return _serialize.get(identifier, "losses", "loss", Loss)


def serialize(loss: Any) -> Any:
    """Return a loss as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.losses.serialize(kk.losses.Huber(delta=2.0))["config"]["delta"]
        2.0
    """
    return _serialize.serialize_keras_object(loss)


def deserialize(name: Any, custom_objects: dict | None = None) -> Any:
    """Make a loss from a name or from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> kk.losses.deserialize("mse")([[0.0, 1.0]], [[1.0, 1.0]]).tolist()
        [0.5]
    """
    if isinstance(name, str):
        with _serialize.CustomObjectScope(custom_objects):
            return get(name)
    return _serialize.deserialize_keras_object(name, custom_objects, namespace="losses")


_serialize.register_namespace("losses", globals(), (Loss,), _serialize.takes_targets)

__dir__ = _names_of(globals())
