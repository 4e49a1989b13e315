"""Maxima and means over windows of images, sequences and volumes."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import budget, config
from kernelkit.dispatch import op
from kernelkit.ops import lowering
from kernelkit.ops.extremes import largest
from kernelkit.ops.nn.arrays import as_tuple, check_windows, floats, from_channels_last, to_channels_last
from kernelkit.typing import Sizes, Tensor, Tree


@op
def max_pool(
    inputs: Tree, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> jax.Array:
    """Return the largest value of each window.

    Args:
        inputs: Numbers (batch, spatial axes, channels).
        pool_size: Int, or one for each spatial axis: size of the window.
        strides: Int or ints: step between windows; the window's size for ``None``.
        padding: ``"valid"`` (windows inside the input only) or ``"same"`` (one window for each stride).
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Returns:
        Numbers (batch, windows along each spatial axis, channels).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.max_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
        [1.0, 3.0]
    """
    inputs = jnp.asarray(inputs) if hasattr(inputs, "dtype") else floats(inputs)
    return _pool(lowering.max_pool, inputs, pool_size, strides, padding, data_format)


@op
def average_pool(
    inputs: Tree, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> jax.Array:
    """Return the mean of each window, over its elements inside the input. Arguments as :func:`max_pool`.

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.average_pool(np.arange(4.0).reshape(1, 4, 1), 2).ravel().tolist()
        [0.5, 2.5]
    """
    return _pool(lowering.avg_pool, floats(inputs), pool_size, strides, padding, data_format)


def _pool(
    pool: Any, inputs: jax.Array, pool_size: Sizes, strides: Sizes | None, padding: str, data_format: str | None
) -> Tensor:
    data_format = config.standardize_data_format(data_format)
    spatial = inputs.ndim - 2
    window = as_tuple(pool_size, spatial, "pool_size")
    strides = window if strides is None else as_tuple(strides, spatial, "strides")
    x = to_channels_last(inputs, data_format)
    result = pool(x, window=window, strides=strides, padding=checked_padding(padding))
    check_windows(inputs, window, result)
    return from_channels_last(result, data_format)


def checked_padding(padding: str) -> str:
    """Return ``"VALID"`` or ``"SAME"``; raise ``ValueError`` for any other name."""
    name = str(padding).upper()
    if name not in ("VALID", "SAME"):
        raise ValueError(f"padding must be 'valid' or 'same', got {padding!r}.")
    return name


@op
def adaptive_average_pool(inputs: Tree, output_size: Any, data_format: str | None = None) -> jax.Array:
    """Return means over windows that divide the input into a given number of parts.

    Args:
        inputs: Floats (batch, spatial axes, channels).
        output_size: Int, or one for each spatial axis: number of parts.
        data_format: ``"channels_last"`` or ``"channels_first"``; the global setting for ``None``.

    Returns:
        Floats (batch, parts of each spatial axis, channels).

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.adaptive_average_pool(np.arange(6.0).reshape(1, 6, 1), 2).ravel().tolist()
        [1.0, 4.0]
    """

    def average(x: jax.Array, axis: int, starts: np.ndarray, ends: np.ndarray) -> jax.Array:
        positions = np.arange(x.shape[axis])
        inside = (positions >= starts[:, None]) & (positions < ends[:, None])
        weights = jnp.asarray(inside / (ends - starts)[:, None], x.dtype)
        return jnp.moveaxis(jnp.tensordot(weights, x, axes=(1, axis)), 0, axis)

    return _adaptive_pool(average, floats(inputs), output_size, data_format)


@op
def adaptive_max_pool(inputs: Tree, output_size: Any, data_format: str | None = None) -> jax.Array:
    """Return maxima over windows that divide the input. Arguments as :func:`adaptive_average_pool`.

    Example:
        >>> import numpy as np
        >>> from kernelkit import ops
        >>> ops.adaptive_max_pool(np.arange(6.0).reshape(1, 6, 1), 2).ravel().tolist()
        [2.0, 5.0]
    """

    def maximum(x: jax.Array, axis: int, starts: np.ndarray, ends: np.ndarray) -> jax.Array:
        longest = int((ends - starts).max())
        # Windows are of unequal lengths: a short one repeats its last element.
        indices = np.minimum(starts[:, None] + np.arange(longest), ends[:, None] - 1)
        return largest(jnp.take(x, indices, axis=axis), axis + 1)

    return _adaptive_pool(maximum, jnp.asarray(inputs), output_size, data_format)


def _adaptive_pool(pool_axis: Any, inputs: jax.Array, output_size: Any, data_format: str | None) -> jax.Array:
    """Pool axis by axis, with the same result as pooling over boxes."""
    data_format = config.standardize_data_format(data_format)
    x = to_channels_last(inputs, data_format)
    for i, parts in enumerate(as_tuple(output_size, inputs.ndim - 2, "output_size")):
        size = x.shape[i + 1]
        budget.claim_memory(200 * parts, f"An adaptive pooling to {parts} cells")
        starts = np.arange(parts) * size // parts
        ends = -(-(np.arange(1, parts + 1) * size) // parts)
        x = pool_axis(x, i + 1, starts, ends)
    return from_channels_last(x, data_format)
