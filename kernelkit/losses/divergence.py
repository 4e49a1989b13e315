"""Losses between distributions and of counts: Kullback-Leibler divergence, Poisson."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import fit
from kernelkit.typing import DType, Tensor

_SUM = "sum_over_batch_size"


@op
def kl_divergence(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the Kullback-Leibler divergence ``sum(y_true * log(y_true / y_pred))`` over the last axis.

    Args:
        y_true: Probabilities (batch, ..., d).
        y_pred: Probabilities (batch, ..., d).

    Returns:
        Floats (batch, ...).

    Source: Kullback and Leibler, 1951, On information and sufficiency.

    Example:
        >>> round(float(kl_divergence([0.5, 0.5], [0.25, 0.75])), 4)
        0.1438
    """
    y_true, y_pred = fit("losses.kl_divergence", y_true, y_pred)
    y_true, y_pred = (jnp.clip(y, config.epsilon(), 1.0) for y in (y_true, y_pred))
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@op
def poisson(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return the loss of counts under Poisson rates, ``mean(y_pred - y_true * log(y_pred))`` over the last axis.

    Args:
        y_true: Counts (batch, ..., d).
        y_pred: Rates, positive, (batch, ..., d).

    Returns:
        Floats (batch, ...): minus the log-likelihood without the part that doesn't depend on ``y_pred``.

    Example:
        >>> round(float(poisson([1.0, 3.0], [1.0, 2.0])), 4)
        0.4603
    """
    y_true, y_pred = fit("losses.poisson", y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + config.epsilon()), axis=-1)


class KLDivergence(Loss):
    """Kullback-Leibler divergence; see :func:`kl_divergence`. Arguments as :class:`Loss`.

    Example:
        >>> round(float(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
        0.1438
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "kl_divergence", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return kl_divergence(y_true, y_pred)


class Poisson(Loss):
    """Loss of counts; see :func:`poisson`. Arguments as :class:`Loss`.

    Example:
        >>> round(float(Poisson()([[1.0, 3.0]], [[1.0, 2.0]])), 4)
        0.4603
    """

    def __init__(self, reduction: str | None = _SUM, name: str = "poisson", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return poisson(y_true, y_pred)
