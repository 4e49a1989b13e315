"""Names of Keras's quantization. kernelkit computes in floats only: these classes raise an error that says so."""

from __future__ import annotations

from typing import Any, NoReturn

from kernelkit.dtype_policies.policy import DTypePolicy


def _refuse(who: str) -> NoReturn:
    raise NotImplementedError(
        f"{who}: quantization is not supported by kernelkit. Layers compute in floats: use a policy such as 'bfloat16' "
        "or 'mixed_bfloat16', or quantize the saved model with Keras."
    )


class QuantizedDTypePolicy(DTypePolicy):
    """Refuses: kernelkit has no quantized layers.

    Args:
        mode: What Keras would quantize to.
        source_name: The policy before.

    Example:
        >>> QuantizedDTypePolicy("int8", "float32")
        Traceback (most recent call last):
        NotImplementedError: QuantizedDTypePolicy: quantization is not supported by kernelkit. ...
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        _refuse(type(self).__name__)


class AWQDTypePolicy(QuantizedDTypePolicy):
    """Refuses: kernelkit has no quantized layers."""


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """Refuses: kernelkit has no quantized layers."""


class Int4DTypePolicy(QuantizedDTypePolicy):
    """Refuses: kernelkit has no quantized layers."""


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Refuses: kernelkit has no quantized layers."""

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024) -> None:
        _refuse(type(self).__name__)


class Quantizer:
    """Refuses: kernelkit has no quantized layers.

    Args:
        output_dtype: What Keras would quantize to.
    """

    def __init__(self, output_dtype: Any = "int8") -> None:
        _refuse(type(self).__name__)
