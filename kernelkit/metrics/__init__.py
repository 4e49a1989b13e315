"""Metrics: numbers that summarize many batches.

Example:
    >>> from kernelkit import metrics
    >>> metric = metrics.get("mse")
    >>> metric.update_state([[0.0], [2.0]], [[1.0], [4.0]])
    >>> float(metric.result())
    2.5
"""

from __future__ import annotations

import inspect
from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from kernelkit.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from kernelkit.metrics.auc import AUC
from kernelkit.metrics.correlation import (
    ConcordanceCorrelation,
    PearsonCorrelation,
    concordance_correlation,
    pearson_correlation,
)
from kernelkit.metrics.counts import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from kernelkit.metrics.fscore import F1Score, FBetaScore
from kernelkit.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from kernelkit.metrics.margins import CategoricalHinge, Hinge, SquaredHinge
from kernelkit.metrics.metric import Metric
from kernelkit.metrics.operating_points import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from kernelkit.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from kernelkit.metrics.r2 import R2Score
from kernelkit.metrics.reduction import Mean, MeanMetricWrapper, Sum
from kernelkit.metrics.regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
)
from kernelkit.metrics.resolve import resolve_accuracy
from kernelkit.public import names_of as _names_of
from kernelkit.scope import to_snake_case as _to_snake_case

_ALIASES = {
    "bce": BinaryCrossentropy,
    "kld": KLDivergence,
    "log_cosh": LogCoshError,
    "logcosh": LogCoshError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
    "rmse": RootMeanSquaredError,
}
_ALIASES.update({short.upper(): found for short, found in _ALIASES.items() if len(short) <= 4})
# A name that a function and a class share ("mean_squared_error") stands for the class.
_ALIASES.update({_to_snake_case(n): c for n, c in globals().items() if inspect.isclass(c) and issubclass(c, Metric)})


def get(identifier: Any) -> Any:
    """Return the metric for an identifier.

    Args:
        identifier: ``None`` (returned), a name (``"mse"``, ``"mean_squared_error"``, ``"MeanSquaredError"``), a config
            dict, a :class:`Metric` or its class, or a function ``(y_true, y_pred) -> values``.

    Raises:
        ValueError: If the identifier has another type, or is an unknown name; the message gives the nearest names.

    Example:
        >>> get("mae")
        <MeanAbsoluteError name=mean_absolute_error>
    """
    if isinstance(identifier, str) and _serialize.get_registered_object(identifier) is None:
        identifier = _ALIASES.get(identifier, identifier)
    return _serialize.get(identifier, "metrics", "metric", Metric)


def serialize(metric: Any) -> Any:
    """Return a metric as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.metrics.serialize(kk.metrics.AUC(num_thresholds=50))["config"]["num_thresholds"]
        50
    """
    return _serialize.serialize_keras_object(metric)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make a metric from a name or from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> type(kk.metrics.deserialize({"class_name": "AUC", "config": {}})).__name__
        'AUC'
    """
    if isinstance(config, str):
        with _serialize.CustomObjectScope(custom_objects):
            return get(config)
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="metrics")


_serialize.register_namespace("metrics", globals(), (Metric,), _serialize.takes_targets)

__dir__ = _names_of(globals())
