"""Fitting labels to predictions: the same dtype and rank, and a helpful error if the shapes don't fit."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.masked_arrays import unmasked
from kernelkit.tracebacks import users_level
from kernelkit.typing import Tensor


def to_float(x: Tensor) -> jax.Array:
    """Return an array of floats: floats unchanged, other numbers as :func:`kernelkit.config.floatx`."""
    x = jnp.asarray(unmasked(x))
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(config.floatx())


def to_floats(y_true: Tensor, y_pred: Tensor) -> tuple[jax.Array, jax.Array]:
    """Return both as floats of the dtype of the predictions."""
    y_pred = to_float(y_pred)
    return jnp.asarray(unmasked(y_true)).astype(y_pred.dtype), y_pred


def squeeze_or_expand(x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Bring two arrays whose ranks differ by a last axis of size one to the same rank.

    Args:
        x: Array, such as labels (batch,).
        y: Array, such as predictions (batch, 1).

    Returns:
        Both arrays. A vector is expanded, any other array is squeezed. Other differences stay.

    Example:
        >>> import jax.numpy as jnp
        >>> x, y = squeeze_or_expand(jnp.ones((4,)), jnp.ones((4, 1)))
        >>> x.shape, y.shape
        ((4, 1), (4, 1))
    """
    if x.ndim == y.ndim + 1 and x.shape[-1] == 1:
        return (x, y[:, None]) if y.ndim == 1 else (x[..., 0], y)
    if y.ndim == x.ndim + 1 and y.shape[-1] == 1:
        return (x[:, None], y) if x.ndim == 1 else (x, y[..., 0])
    return x, y


def fit(name: str, y_true: Tensor, y_pred: Tensor) -> tuple[jax.Array, jax.Array]:
    """Return labels and predictions as floats that can be compared element by element.

    Args:
        name: Name of the loss for errors, such as ``"losses.hinge"``.
        y_true: Labels, or one number for all.
        y_pred: Predictions (batch, ..., d).

    Returns:
        Floats of the same rank; axes of size one may still have to be broadcast.

    Raises:
        ValueError: If the shapes don't fit each other.
    """
    y_true, y_pred = squeeze_or_expand(*to_floats(y_true, y_pred))
    check_fit(name, y_true, y_pred)
    return y_true, y_pred


def fit_same(
    name: str, y_true: Tensor, y_pred: Tensor, hint: Callable[[tuple, tuple], str] | None = None
) -> tuple[jax.Array, jax.Array]:
    """Return labels and predictions of the same shape, as floats; arguments and errors as :func:`fit`.

    Args:
        name: Name of the loss for errors.
        y_true: Labels.
        y_pred: Predictions (batch, ..., d).
        hint: Function of the two shapes that returns the remedy, or an empty string.
    """
    y_true, y_pred = squeeze_or_expand(*to_floats(y_true, y_pred))
    if y_true.shape != y_pred.shape or y_pred.ndim == 0:
        advice = hint(y_true.shape, y_pred.shape) if hint and y_pred.ndim else ""
        raise _misfit(name, y_true.shape, y_pred.shape, advice)
    return y_true, y_pred


def check_fit(name: str, y_true: jax.Array, y_pred: jax.Array) -> None:
    """Raise ``ValueError`` unless labels have the shape of predictions, up to axes of size one; see :func:`fit`."""
    true, pred = y_true.shape, y_pred.shape
    if pred and true in (pred, ()):
        return
    if len(true) != len(pred) or not pred or any(t != p and 1 not in (t, p) for t, p in zip(true, pred, strict=True)):
        raise _misfit(name, true, pred)
    if true[-1] != pred[-1]:
        warnings.warn(
            f"{name}: y_true {true} is broadcast against y_pred {pred}, which is rarely meant. Give both one shape.",
            stacklevel=users_level(),
        )


def _misfit(name: str, true: tuple, pred: tuple, advice: str = "") -> ValueError:
    advice = advice or _hint(true, pred)
    return ValueError(f"{name}: y_true and y_pred must have the same shape, got {true} and {pred}. {advice} [K04]")


def _hint(true: tuple, pred: tuple) -> str:
    if not pred:
        return "At least one axis is needed: reshape the prediction to (batch, 1)."
    if true == pred[:-1]:
        return (
            f"The model gives {pred[-1]} numbers for each label. If the labels are class indices, use "
            "sparse_categorical_crossentropy on a softmax; for one number a sample, end the model with Dense(1)."
        )
    if true and true[0] != pred[0]:
        return "The batch sizes differ: check that x and y are equally long, and that no layer reshapes the batch away."
    return "Reshape the labels, or change the number of units of the model's last layer."
