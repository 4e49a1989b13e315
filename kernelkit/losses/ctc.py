"""Connectionist temporal classification: labels whose position in time is not known."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.dispatch import op
from kernelkit.losses.loss import Loss
from kernelkit.losses.shapes import to_float
from kernelkit.typing import DType, Tensor

_SUM = "sum_over_batch_size"
# Stands for log(0): finite, so that impossible paths don't turn gradients into NaN.
_LOG_ZERO = -1e5


@op
def ctc(y_true: Tensor, y_pred: Tensor) -> jax.Array:
    """Return minus the log-probability of a label sequence, summed over all its alignments with the time steps.

    Args:
        y_true: Class indices (batch, labels), padded at the end with 0, which is also the blank.
        y_pred: Logits (batch, time, classes), class 0 being the blank.

    Returns:
        Floats (batch,).

    Raises:
        ValueError: If ``y_pred`` doesn't have three axes, or the batch sizes differ.

    Source: Graves et al., 2006, Connectionist temporal classification: labelling unsegmented sequence data with
        recurrent neural networks.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(ctc([[1]], jnp.zeros((1, 2, 3)))[0]), 4)  # 3 of 9 paths: 01, 10, 11
        1.0986
    """
    labels, logits = jnp.asarray(y_true).astype("int32"), to_float(y_pred)
    if logits.ndim != 3 or labels.ndim != 2 or labels.shape[0] != logits.shape[0]:
        raise ValueError(
            "losses.ctc: expected class indices (batch, labels), padded with 0, and logits (batch, time, classes), got "
            f"shapes {labels.shape} and {logits.shape}."
        )
    return -_log_likelihood(jax.nn.log_softmax(logits, axis=-1), labels)


def _log_likelihood(log_p: jax.Array, labels: jax.Array) -> jax.Array:
    """Return the forward variable of the last step: Graves's alpha over blank, label, blank, label, ..., blank."""
    batch, count = labels.shape
    states = jnp.zeros((batch, 2 * count + 1), "int32").at[:, 1::2].set(labels)
    # A label may follow the label before it without a blank between, unless both are the same.
    before = jnp.pad(states, ((0, 0), (2, 0)), constant_values=-1)[:, :-2]
    may_skip = (jnp.arange(2 * count + 1) % 2 == 1) & (states != before)
    emitted = jnp.take_along_axis(log_p, states[:, None, :], axis=2)
    start = jnp.where(jnp.arange(2 * count + 1) < 2, emitted[:, 0], _LOG_ZERO)

    def step(alpha: jax.Array, log_emit: jax.Array) -> tuple[jax.Array, None]:
        one = _shift(alpha, 1)
        two = jnp.where(may_skip, _shift(alpha, 2), _LOG_ZERO)
        return jnp.logaddexp(jnp.logaddexp(alpha, one), two) + log_emit, None

    alpha, _ = jax.lax.scan(step, start, jnp.moveaxis(emitted[:, 1:], 1, 0))
    last = 2 * jnp.sum(labels != 0, axis=1, keepdims=True)
    on_blank = jnp.take_along_axis(alpha, last, axis=1)[:, 0]
    on_label = jnp.take_along_axis(alpha, jnp.maximum(last - 1, 0), axis=1)[:, 0]
    return jnp.where(last[:, 0] == 0, on_blank, jnp.logaddexp(on_blank, on_label))


def _shift(x: jax.Array, by: int) -> jax.Array:
    return jnp.pad(x, ((0, 0), (by, 0)), constant_values=_LOG_ZERO)[:, : x.shape[1]]


class CTC(Loss):
    """Loss of unaligned label sequences; see :func:`ctc`. Arguments as :class:`Loss`.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(CTC()([[1]], jnp.zeros((1, 2, 3)))), 4)
        1.0986
    """

    _labels_are_indices = True

    def __init__(self, reduction: str | None = _SUM, name: str = "ctc", dtype: DType = None) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        return ctc(y_true, y_pred)
