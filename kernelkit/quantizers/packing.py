"""Two integers of 4 bits in a byte."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp


def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> tuple[jax.Array, tuple, int]:
    """Pack integers of 4 bits, two in a byte: the first of a pair in the low half, the second in the high half.

    Args:
        arr: int8 in [-8, 7] or uint8 in [0, 15].
        axis: Axis along which neighbors are packed; an odd length is padded with 0.
        dtype: ``"int8"`` or ``"uint8"``: the dtype of input and output.

    Returns:
        ``(packed, shape of packed, length of the axis before)``.

    Raises:
        ValueError: If ``dtype`` has another value.
        TypeError: If ``arr`` has another dtype.

    Example:
        >>> import numpy as np
        >>> packed, shape, length = pack_int4(np.array([[-3, 7], [2, -8], [1, 0]], "int8"))
        >>> packed.tolist(), length
        ([[45, -121], [1, 0]], 3)
    """
    _check(dtype)
    x = jnp.asarray(arr)
    if x.dtype != dtype:
        raise TypeError(f"Expected {dtype} tensor for packing, got {x.dtype}")
    x = jnp.moveaxis(x, axis, 0)
    length = x.shape[0]
    if length % 2:
        x = jnp.concatenate([x, jnp.zeros_like(x[:1])])
    low, high = (x[start::2].astype("uint8") & 15 for start in (0, 1))
    packed = jnp.moveaxis(low | (high << 4), 0, axis)
    packed = jax.lax.bitcast_convert_type(packed, jnp.dtype(dtype))
    return packed, packed.shape, length


def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> jax.Array:
    """Unpack the result of :func:`pack_int4`.

    Args:
        packed: int8 or uint8.
        orig_len: Length of the axis before it was packed.
        axis: Axis along which it was packed.
        dtype: ``"int8"`` for integers in [-8, 7], ``"uint8"`` for integers in [0, 15].

    Example:
        >>> import numpy as np
        >>> unpack_int4(np.array([[45, -121], [1, 0]], "int8"), 3).tolist()
        [[-3, 7], [2, -8], [1, 0]]
    """
    _check(dtype)
    x = jnp.asarray(packed)
    if x.dtype not in ("int8", "uint8"):
        raise TypeError(f"Expected int8 or uint8 tensor for unpacking, got {x.dtype}")
    bits = jnp.moveaxis(x.astype("uint8"), axis, 0)
    both = jnp.stack([bits & 15, bits >> 4], axis=1)
    nibbles = both.reshape(2 * bits.shape[0], *bits.shape[1:])[:orig_len]
    if dtype == "int8":
        nibbles = (nibbles.astype("int8") ^ 8) - 8
    return jnp.moveaxis(nibbles, 0, axis)


def _check(dtype: str) -> None:
    if dtype not in ("int8", "uint8"):
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got {dtype!r}.")
