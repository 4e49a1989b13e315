"""Conversion and checks of arguments of the functions in this package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import config
from kernelkit.typing import Tensor


def floats(x: Tensor) -> jax.Array:
    """Return an array of a float (or complex) dtype: integers and Python numbers become the default float type."""
    array = jnp.asarray(x)
    if hasattr(x, "dtype") and jnp.issubdtype(array.dtype, jnp.inexact):
        return array
    return array.astype(config.floatx())


def as_tuple(value: Any, length: int, name: str) -> tuple[int, ...]:
    """Return ``length`` ints; a single int is repeated.

    Raises:
        ValueError: If the number of ints is wrong.
    """
    values = tuple(value) if isinstance(value, Sequence) else (value,) * length
    if len(values) != length:
        raise ValueError(f"`{name}` must be an int or {length} ints, got {value!r}.")
    return tuple(int(v) for v in values)


def check_windows(inputs: jax.Array, window: Tensor, result: jax.Array) -> None:
    """Raise ``ValueError`` if a window is larger than the input, so that the output would be empty."""
    if 0 in result.shape and 0 not in inputs.shape:
        raise ValueError(
            f"Computed output size would be zero or negative: windows of {tuple(window)} do not fit into inputs of "
            f"shape {inputs.shape}. Use padding='same' or a smaller window."
        )


def to_channels_last(x: jax.Array, data_format: str) -> jax.Array:
    """Move the channels after the spatial axes, as the computations need them."""
    return x if data_format == "channels_last" else jnp.moveaxis(x, 1, -1)


def from_channels_last(x: jax.Array, data_format: str) -> jax.Array:
    """Undo :func:`to_channels_last`."""
    return x if data_format == "channels_last" else jnp.moveaxis(x, -1, 1)
