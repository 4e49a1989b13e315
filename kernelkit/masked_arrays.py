"""NumPy's masked arrays: refused where they mask a value, since jax would use the values under the mask."""

from __future__ import annotations

from typing import Any

import numpy as np


def unmasked(value: Any) -> Any:
    """Return a masked array that masks no value as a plain array; any other value unchanged.

    Args:
        value: Any value.

    Returns:
        The value, never a masked array.

    Raises:
        ValueError: If values are masked.

    Example:
        >>> unmasked(np.ma.array([1, 2], mask=[False, False]))
        array([1, 2])
    """
    if not isinstance(value, np.ma.MaskedArray):
        return value
    count = int(np.ma.count_masked(value))
    if count:
        raise ValueError(
            f"A masked array with {count} masked values cannot be used: the values under the mask would count. Fill "
            "them, x.filled(0), or drop those rows; a sample_weight of 0 leaves samples out of the loss."
        )
    return value.data
