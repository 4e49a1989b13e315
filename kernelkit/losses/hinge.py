"""Hinge losses: zero for predictions that are right by a margin of at least 1."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import fit, fit_same
from kernelkit.ops.extremes import largest
from kernelkit.typing import DType, Tensor

_SUM = "sum_over_batch_size"


@op
def hinge(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the mean of ``max(1 - y_true * y_pred, 0)`` over the last axis.

    Args:
        y_true: Labels -1 or 1, (batch, ..., d). If all are 0 or 1, the zeros count as -1.
        y_pred: Scores (batch, ..., d).

    Returns:
        Floats (batch, ...).

    Source: Cortes and Vapnik, 1995, Support-vector networks.

    Example:
        >>> float(hinge([1.0, -1.0], [0.5, -2.0]))
        0.25
    """
    y_true, y_pred = fit("losses.hinge", y_true, y_pred)
    return jnp.mean(jnp.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


@op
def squared_hinge(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the mean of squared :func:`hinge` terms. Arguments as :func:`hinge`.

    Example:
        >>> float(squared_hinge([1.0, -1.0], [0.5, -2.0]))
        0.125
    """
    y_true, y_pred = fit("losses.squared_hinge", y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


@op
def categorical_hinge(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return ``max(1 + best wrong score - right score, 0)``.

    Args:
        y_true: One-hot labels (batch, ..., classes).
        y_pred: Scores (batch, ..., classes).

    Returns:
        Floats (batch, ...).

    Source: Crammer and Singer, 2001, On the algorithmic implementation of multiclass kernel-based vector machines.

    Example:
        >>> float(categorical_hinge([0.0, 1.0], [0.5, 1.0]))
        0.5
    """
    y_true, y_pred = fit_same("losses.categorical_hinge", y_true, y_pred)
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = largest((1.0 - y_true) * y_pred, -1)
    return jnp.maximum(wrong - right + 1.0, 0.0)


def _signs(y_true: jax.Array) -> jax.Array:
    """Return labels 0 and 1 as -1 and 1, other labels unchanged."""
    are_binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(are_binary, 2.0 * y_true - 1.0, y_true)


class Hinge(Loss):
    """Hinge loss; see :func:`hinge`. Arguments as :class:`Loss`.

    Example:
        >>> float(Hinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.25
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "hinge", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return hinge(y_true, y_pred)


class SquaredHinge(Loss):
    """Squared hinge loss; see :func:`squared_hinge`. Arguments as :class:`Loss`.

    Example:
        >>> float(SquaredHinge()([[1.0, -1.0]], [[0.5, -2.0]]))
        0.125
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "squared_hinge", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return squared_hinge(y_true, y_pred)


class CategoricalHinge(Loss):
    """Hinge loss of one-hot labels; see :func:`categorical_hinge`. Arguments as :class:`Loss`.

    Example:
        >>> float(CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
        0.5
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "categorical_hinge", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return categorical_hinge(y_true, y_pred)
