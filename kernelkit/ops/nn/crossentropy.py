"""Cross-entropies between targets and predicted probabilities or logits.

Source: Goodfellow et al., 2016, Deep Learning, section 6.2.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.dispatch import op
from kernelkit.ops.nn.arrays import floats
from kernelkit.typing import Tensor


@op
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> jax.Array:
    """Return ``-t log(p) - (1 - t) log(1 - p)`` of each element.

    Args:
        target: Probabilities, usually 0 or 1.
        output: Predicted probabilities of the same shape, or logits.
        from_logits: Whether ``output`` are logits.

    Returns:
        Floats of the same shape.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> from kernelkit import ops
        >>> ops.binary_crossentropy([1.0, 0.0], [0.5, 0.5]).round(3).tolist()
        [0.6930000185966492, 0.6930000185966492]
    """
    output = floats(output)
    target = jnp.asarray(target).astype(output.dtype)
    _same_shape(target, output)
    if from_logits:
        return jnp.maximum(output, 0) - output * target + jnp.log1p(jnp.exp(-jnp.abs(output)))
    output = _inside(output)
    return -(target * jnp.log(output) + (1 - target) * jnp.log(1 - output))


@op
def categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> jax.Array:
    """Return ``-sum(t log(p))`` over the classes.

    Args:
        target: Probabilities (..., classes), usually one-hot.
        output: Predicted probabilities of the same shape (rescaled to add up to one), or logits.
        from_logits: Whether ``output`` are logits.
        axis: Axis of the classes.

    Returns:
        Floats of the shape without ``axis``.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> from kernelkit import ops
        >>> round(float(ops.categorical_crossentropy([0.0, 1.0], [0.5, 0.5])), 3)
        0.693
    """
    output = floats(output)
    target = jnp.asarray(target).astype(output.dtype)
    _same_shape(target, output)
    if output.ndim < 1:
        raise ValueError("categorical_crossentropy() needs an axis of classes, got scalars.")
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


@op
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> jax.Array:
    """Return ``-log(p)`` of the target class.

    Args:
        target: Class indices (...,) or (..., 1). The loss of an index outside [0, classes) is 0.
        output: Predicted probabilities (..., classes) (rescaled to add up to one), or logits.
        from_logits: Whether ``output`` are logits.
        axis: Axis of the classes in ``output``.

    Returns:
        Floats of the target's shape.

    Raises:
        ValueError: If the shapes do not match.

    Example:
        >>> from kernelkit import ops
        >>> ops.sparse_categorical_crossentropy([1], [[0.75, 0.25]]).round(3).tolist()
        [1.3860000371932983]
    """
    output = floats(output)
    target = jnp.asarray(target).astype("int32")
    if output.ndim < 1:
        raise ValueError("sparse_categorical_crossentropy() needs an axis of classes, got a scalar output.")
    axis = axis % output.ndim
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    expected = output.shape[:axis] + output.shape[axis + 1 :]
    if target.shape != expected:
        raise ValueError(
            f"sparse_categorical_crossentropy() needs one class index for each prediction: for an output of shape "
            f"{output.shape} a target of shape {expected} or {(*expected, 1)}, got {target.shape}. "
            "For one-hot targets use categorical_crossentropy."
        )
    # A comparison, not a gather: it fuses with the sum and has a cheap gradient.
    classes = jax.lax.broadcasted_iota("int32", output.shape, axis)
    chosen = classes == jnp.expand_dims(target, axis)
    return -jnp.sum(jnp.where(chosen, _log_probabilities(output, from_logits, axis), 0), axis=axis)


def _log_probabilities(output: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    return jnp.log(_inside(output / jnp.sum(output, axis=axis, keepdims=True)))


def _inside(probabilities: jax.Array) -> jax.Array:
    epsilon = config.epsilon()
    return jnp.clip(probabilities, epsilon, 1 - epsilon)


def _same_shape(target: jax.Array, output: jax.Array) -> None:
    if target.shape != output.shape:
        raise ValueError(
            f"A cross-entropy needs targets and outputs of the same shape, got {target.shape} and {output.shape}. "
            "For class indices use sparse_categorical_crossentropy."
        )
