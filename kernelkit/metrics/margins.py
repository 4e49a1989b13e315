"""Metrics of margins: means of the hinge losses."""

from __future__ import annotations

from kernelkit import losses
from kernelkit.metrics.reduction import MeanMetricWrapper
from kernelkit.typing import DType


class Hinge(MeanMetricWrapper):
    """Mean hinge loss; see :func:`kernelkit.losses.hinge`. Arguments as :class:`Metric`.

    Example:
        >>> float(Hinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.25
    """

    direction = "down"

    def __init__(self, name: str = "hinge", dtype: DType = None) -> None:
        super().__init__(losses.hinge, name=name, dtype=dtype)


class SquaredHinge(MeanMetricWrapper):
    """Mean squared hinge loss; see :func:`kernelkit.losses.squared_hinge`. Arguments as :class:`Metric`.

    Example:
        >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.125
    """

    direction = "down"

    def __init__(self, name: str = "squared_hinge", dtype: DType = None) -> None:
        super().__init__(losses.squared_hinge, name=name, dtype=dtype)


class CategoricalHinge(MeanMetricWrapper):
    """Mean hinge loss of one-hot labels; see :func:`kernelkit.losses.categorical_hinge`. Arguments as :class:`Metric`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5
    """

    direction = "down"

    def __init__(self, name: str = "categorical_hinge", dtype: DType = None) -> None:
        super().__init__(losses.categorical_hinge, name=name, dtype=dtype)
