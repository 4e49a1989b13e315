"""Quantization: weights in 8 bits or fewer.

``model.quantize("int8")`` quantizes a model's layers; `layers/quantized/` has the computation of each layer. Here
are the functions that turn floats into integers and back, the quantizers around them, and the configs.

- `integers`: integers and a scale;
- `packing`: two integers of 4 bits in a byte;
- `floats`: floats rounded to few bits, and 8-bit floats;
- `quantizer`: quantizers as objects;
- `config`, `calibrated`: configs for ``model.quantize(config=...)``;
- `gptq`, `awq`: the two methods that need data, as functions of a matrix.

Example:
    >>> import kernelkit as kk
    >>> model = kk.Sequential([kk.Input((4,)), kk.layers.Dense(2)])
    >>> model.quantize("int8")
    >>> model.layers[0].quantization_mode, model.layers[0].kernel.dtype
    ('int8', 'int8')
"""

from __future__ import annotations

from typing import Any

from kernelkit import serialize as _serialize
from kernelkit.public import names_of as _names_of
from kernelkit.quantizers.calibrated import AWQConfig, GPTQConfig
from kernelkit.quantizers.config import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)
from kernelkit.quantizers.floats import (
    compute_float8_amax_history,
    compute_float8_scale,
    fake_quant_with_min_max_vars,
    quantize_and_dequantize,
)
from kernelkit.quantizers.integers import abs_max_quantize, abs_max_quantize_grouped_with_zero_point
from kernelkit.quantizers.packing import pack_int4, unpack_int4
from kernelkit.quantizers.quantizer import AbsMaxQuantizer, Quantizer
from kernelkit.typing import InitializerLike

__all__ = [
    "AWQConfig",
    "AbsMaxQuantizer",
    "Float8QuantizationConfig",
    "GPTQConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]


def get(identifier: Any, **kwargs: Any) -> Any:
    """Return the quantizer for an identifier.

    Args:
        identifier: ``None`` (returned), a name, a config dict, a :class:`Quantizer` or its class.
        **kwargs: Arguments of the constructor, for a name or a class.

    Raises:
        ValueError: If the identifier has another type, or the name is unknown.

    Example:
        >>> get("abs_max_quantizer", axis=-1).axis
        (-1,)
    """
    if kwargs and isinstance(identifier, str):
        identifier = _serialize.lookup(identifier, "quantizers", "quantizer")
    if kwargs and isinstance(identifier, type):
        return identifier(**kwargs)
    return _serialize.get(identifier, "quantizers", "quantizer", Quantizer)


def serialize(initializer: InitializerLike) -> dict:
    """Return a quantizer as plain JSON.

    Example:
        >>> import kernelkit as kk
        >>> kk.quantizers.serialize(kk.quantizers.AbsMaxQuantizer(axis=0))["class_name"]
        'AbsMaxQuantizer'
    """
    return _serialize.serialize_keras_object(initializer)


def deserialize(config: Any, custom_objects: dict | None = None) -> Any:
    """Make a quantizer from :func:`serialize`'s result.

    Example:
        >>> import kernelkit as kk
        >>> config = kk.quantizers.serialize(kk.quantizers.AbsMaxQuantizer(axis=0))
        >>> kk.quantizers.deserialize(config).axis
        (0,)
    """
    return _serialize.deserialize_keras_object(config, custom_objects, namespace="quantizers")


_serialize.register_namespace("quantizers", globals(), (Quantizer, QuantizationConfig))

__dir__ = _names_of(globals())
