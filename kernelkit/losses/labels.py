"""Checks of the range of labels: in a compiled step, a label out of range would silently give a wrong loss."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.losses.reduction import align_weights
from kernelkit.tracebacks import users_level
from kernelkit.typing import Tensor

_MARKS = (-1, -100, 255)  # values that often mark positions without a label


def check_class_indices(
    labels: Tensor, classes: int, ignore_class: int | None = None, sample_weight: Tensor = None, what: str = "y"
) -> None:
    """Raise if a class label with a weight other than 0 is out of range.

    Args:
        labels: Class indices, an array (batch, ...) or (batch, ..., 1) of NumPy or jax.
        classes: Number of classes.
        ignore_class: A label that stands for no class.
        sample_weight: Weights of the samples or positions; a label with weight 0 is not checked.
        what: Name of the labels in the error.

    Raises:
        ValueError: With the range of the labels, the number of classes and the remedy.

    Example:
        >>> check_class_indices(np.array([0, 2]), classes=3)
    """
    if ignore_class is None and _all_below(labels, classes) and labels.dtype.kind in "biu":
        return
    array = _as_numpy(labels)
    outside = ~((array >= 0) & (array < classes))
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # infinite labels lie outside already
            outside |= np.abs(array - np.round(array)) > 1e-3  # labels that float arithmetic made are rounded
    if ignore_class is not None:
        outside &= array != ignore_class
    outside &= _counts(array, sample_weight)
    if not outside.any():
        return
    wrong = array[outside]
    if ((wrong >= 0) & (wrong < classes)).all():
        raise ValueError(
            f"{what} holds {_text(wrong[0])}, which is no class: labels of classes are whole numbers from 0 to "
            f"{classes - 1}. To predict numbers, use a loss such as 'mse' and a last layer without softmax. [K03]"
        )
    counted = array[_counts(array, sample_weight) & ((array != ignore_class) if ignore_class is not None else True)]
    raise ValueError(
        f"{what} holds class labels from {_text(counted.min())} to {_text(counted.max())}, but the model's output has "
        f"{classes} classes: labels must lie from 0 to {classes - 1}. {_advice(wrong, counted, classes, ignore_class)} "
        "[K03]"
    )


def check_yes_no(targets: Tensor, sample_weight: Tensor = None, what: str = "y", warn: bool = True) -> None:
    """Raise if targets of a binary loss are whole numbers other than 0 and 1; warn of fractions out of range.

    Args:
        targets: Labels 0 or 1, or probabilities; an array of NumPy or jax.
        sample_weight: Weights of the samples; a target with weight 0 is not checked.
        what: Name of the targets in the error.
        warn: Whether to warn of fractions outside the range from 0 to 1.

    Raises:
        ValueError: With the range of the targets and the remedy.

    Example:
        >>> check_yes_no(np.array([0.0, 0.9, 1.0]))
    """
    low, high = _bounds(targets)
    if low >= 0 and high <= 1:
        return
    array = _as_numpy(targets)
    outside = ~((array >= 0) & (array <= 1)) & _counts(array, sample_weight)
    if not outside.any():
        return
    wrong = array[outside]
    if np.isnan(wrong.astype("float64")).all() or not np.array_equal(wrong, np.round(wrong)):
        if warn:
            warnings.warn(
                f"{what} holds targets from {_text(low)} to {_text(high)}, but a binary cross-entropy takes labels 0 "
                "or 1, or probabilities from 0 to 1.",
                stacklevel=users_level(),
            )
        return
    if set(np.unique(array).tolist()) == {-1, 1}:
        advice = "Map -1 and 1 to 0 and 1 with (y + 1) / 2, or use a hinge loss."
    elif low >= 1 and high <= 2:
        advice = "Map 1 and 2 to 0 and 1 with y - 1."
    elif low >= 0 and high > 100:
        advice = "Scale pixels to the range from 0 to 1 with y / 255."
    else:
        advice = "If a sample has one class out of several, use softmax and sparse_categorical_crossentropy."
    raise ValueError(
        f"{what} holds targets from {_text(low)} to {_text(high)}, but a binary cross-entropy takes labels 0 or 1. "
        f"{advice}"
    )


def are_numbers(labels: Tensor) -> bool:
    """Return whether an array of NumPy or jax holds booleans, integers or floats, of any width.

    Example:
        >>> are_numbers(np.ones(2, "bfloat16")), are_numbers(np.array(["a"]))
        (True, False)
    """
    return labels.dtype.kind in "biuf" or bool(jnp.issubdtype(labels.dtype, jnp.floating))


def _as_numpy(labels: Tensor) -> np.ndarray:
    """Return labels as an array of NumPy's own kinds; NumPy does not count ``bfloat16`` among its floats."""
    array = np.asarray(labels)
    return array if array.dtype.kind in "biuf" else array.astype("float32")


def _all_below(labels: Tensor, classes: int) -> bool:
    """Return whether all labels are at least 0 and below the number of classes; NaN is not."""
    if not labels.size:
        return True
    if type(labels) is np.ndarray and labels.dtype.kind == "i" and labels.flags.c_contiguous:
        # One pass instead of two: read as unsigned, negative labels are huge.
        return int(labels.view(f"u{labels.dtype.itemsize}").max()) < classes
    low, high = _bounds(labels)
    return low >= 0 and high < classes


def _bounds(values: Tensor) -> tuple[float, float]:
    if not values.size:
        return 0.0, 0.0
    if isinstance(values, jax.Array) and is_on_accelerator(values):
        return float(values.min()), float(values.max())
    values = np.asarray(values)
    return float(values.min()), float(values.max())


def is_on_accelerator(values: jax.Array) -> bool:
    """Return whether an array lies on a device other than the CPU, so that reading it would wait for the device."""
    return any(device.platform != "cpu" for device in values.devices())


def _counts(array: np.ndarray, sample_weight: Tensor) -> np.ndarray:
    """Return where an array's entries have a weight other than 0."""
    if sample_weight is None:
        return np.ones(array.shape, bool)
    try:
        weights = np.asarray(align_weights(sample_weight, array.shape))
        return np.broadcast_to(weights, array.shape) != 0
    except ValueError:  # the loss itself raises for weights that don't fit
        return np.ones(array.shape, bool)


def _advice(wrong: np.ndarray, counted: np.ndarray, classes: int, ignore_class: int | None) -> str:
    if np.isnan(wrong.astype("float64")).any():
        return "Some labels are NaN: leave out those samples, or give them a class."
    if np.isinf(wrong.astype("float64")).any():
        return "Some labels are infinite: leave out those samples, or give them a class."
    found = set(np.unique(wrong).tolist())
    if ignore_class is None and len(found) == 1 and found <= set(_MARKS):
        mark = _text(found.pop())
        return (
            f"{mark} often marks positions to ignore: use SparseCategoricalCrossentropy(ignore_class={mark}), or a "
            "sample_weight of 0 there."
        )
    low, high = counted.min(), counted.max()
    if low == 1 and high == classes:
        return "Labels begin at 0: if the lowest of all is 1, give y - 1."
    if low < 0:
        return "Number the classes 0, 1, 2, ...: np.unique(y, return_inverse=True)[1]."
    return f"Begin labels at 0, or give the last layer {int(high) + 1} units."


def _text(number: Any) -> str:
    """Return a whole number without a decimal point."""
    number = float(number)
    return str(int(number)) if number.is_integer() else f"{number:g}"
