"""ONNX's numbers for dtypes."""

from __future__ import annotations

import jax.numpy as jnp

from kernelkit.typing import DType


def onnx_type(dtype: DType) -> int:
    """Return ONNX's number for a dtype."""
    import onnx

    return int(onnx.helper.np_dtype_to_tensor_dtype(jnp.dtype(dtype)))
