"""Metrics of probabilities: means of the cross-entropies and divergences."""

from __future__ import annotations

from kernelkit import losses
from kernelkit.metrics.reduction import MeanMetricWrapper
from kernelkit.typing import DType


class KLDivergence(MeanMetricWrapper):
    """Mean Kullback-Leibler divergence; see :func:`kernelkit.losses.kl_divergence`. Arguments as :class:`Metric`.

    Example:
        >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
        0.1438
    """

    direction = "down"

    def __init__(self, name: str = "kl_divergence", dtype: DType = None) -> None:
        super().__init__(losses.kl_divergence, name=name, dtype=dtype)


class Poisson(MeanMetricWrapper):
    """Mean Poisson loss of counts; see :func:`kernelkit.losses.poisson`. Arguments as :class:`Metric`.

    Example:
        >>> round(float(Poisson()([[1.0, 3.0]], [[1.0, 2.0]])), 4)
        0.4603
    """

    direction = "down"

    def __init__(self, name: str = "poisson", dtype: DType = None) -> None:
        super().__init__(losses.poisson, name=name, dtype=dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of yes/no labels.

    Args:
        name, dtype: As in :class:`Metric`.
        from_logits, label_smoothing: As in :func:`kernelkit.losses.binary_crossentropy`.

    Example:
        >>> round(float(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]])), 4)
        0.6931
    """

    direction = "down"

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: DType = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of one-hot labels.

    Args:
        name, dtype: As in :class:`Metric`.
        from_logits, label_smoothing, axis: As in :func:`kernelkit.losses.categorical_crossentropy`.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.25, 0.75]])), 4)
        0.2877
    """

    direction = "down"

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: DType = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of integer labels.

    Args:
        name, dtype: As in :class:`Metric`.
        from_logits, ignore_class, axis: As in :func:`kernelkit.losses.sparse_categorical_crossentropy`.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.25, 0.75]])), 4)
        0.2877
    """

    direction = "down"

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: DType = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy,
            name=name,
            dtype=dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis
