"""ONNX's numbers for dtypes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def onnx_type(dtype: Any) -> int:
    """Return ONNX's number for a dtype."""
    import onnx

    return int(onnx.helper.np_dtype_to_tensor_dtype(jnp.dtype(dtype)))
