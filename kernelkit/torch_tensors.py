"""PyTorch's tensors as NumPy arrays, of every dtype and layout."""

from __future__ import annotations

from typing import Any

import numpy as np

_OF_NUMPY = {"torch.float16", "torch.float32", "torch.float64"}


def is_torch(value: Any) -> bool:
    """Return whether a value is a tensor of PyTorch, without importing it.

    Example:
        >>> is_torch(np.ones(2))
        False
    """
    is_tensor = any(cls.__module__.partition(".")[0] == "torch" for cls in type(value).__mro__)  # subclasses too
    return is_tensor and hasattr(value, "detach")


def to_numpy(tensor: Any) -> np.ndarray:
    """Return a tensor of PyTorch as a NumPy array; no gradient flows back.

    Args:
        tensor: A tensor on any device. Sparse tensors become dense, quantized ones and narrow floats (bfloat16, float8)
            become float32.
    """
    tensor = tensor.detach()
    if getattr(tensor, "is_quantized", False):
        tensor = tensor.dequantize()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    if tensor.dtype.is_floating_point and str(tensor.dtype) not in _OF_NUMPY:
        tensor = tensor.float()
    return tensor.resolve_conj().resolve_neg().cpu().numpy()
