"""Quantizers: objects that turn floats into integers and a scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernelkit.quantizers.integers import abs_max_quantize
from kernelkit.typing import Axis, Tensor


class Quantizer:
    """The base class of quantizers.

    Args:
        output_dtype: Dtype of the integers.

    Example:
        >>> import kernelkit as kk
        >>> class Signs(kk.quantizers.Quantizer):
        ...     def __call__(self, x):
        ...         return kk.ops.cast(kk.ops.sign(x), self.output_dtype), 1.0
        >>> values, scale = Signs()(kk.ops.array([-0.3, 2.0]))
        >>> values.tolist(), str(values.dtype)
        ([-1, 1], 'int8')
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Tensor) -> Any:
        """Return the quantized array, or a pair of quantized array and scale."""
        return x

    @classmethod
    def from_config(cls, config: dict) -> Quantizer:
        """Make a quantizer from :meth:`get_config`'s result."""
        return cls(**config)

    def get_config(self) -> dict:
        """Return the arguments that make an equal quantizer."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_config()")


class AbsMaxQuantizer(Quantizer):
    """Quantize by the largest magnitude along some axes.

    Args:
        axis: Axis or axes that share a scale; they can also be given in the call.
        value_range: Smallest and largest integer.
        epsilon: Added to the largest magnitude.
        output_dtype: Dtype of the integers.

    Raises:
        ValueError: If the range does not fit the dtype.

    Example:
        >>> quantized, scale = AbsMaxQuantizer(axis=-1)([[1.0, -4.0]])
        >>> quantized
        Array([[  32, -127]], dtype=int8)
    """

    def __init__(
        self,
        axis: Axis = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = 1e-7,
        output_dtype: str = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = None if axis is None else tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
        self.value_range = (value_range[0], value_range[1])
        self.epsilon = epsilon
        if output_dtype.startswith("int"):
            info = np.iinfo(output_dtype)
            if self.value_range[0] < info.min or self.value_range[1] > info.max:
                raise ValueError(
                    f"Quantizer with output_dtype={output_dtype!r} requires value_range to be within the interval "
                    f"[{info.min}, {info.max}]. Received: value_range={self.value_range}"
                )

    def __call__(self, x: Tensor, axis: Axis = None, to_numpy: bool = False) -> tuple:
        """Return ``(quantized, scale)``; see :func:`abs_max_quantize`."""
        along = self.axis if axis is None else axis
        along = -1 if along is None else along
        return abs_max_quantize(x, along, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict:
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else config | {"axis": self.axis}
