"""Configs of quantization, for ``model.quantize(config=...)``."""

from __future__ import annotations

from typing import Any

from kernelkit import serialize
from kernelkit.dtype_policies.quantized import MODES
from kernelkit.quantizers.quantizer import AbsMaxQuantizer


class QuantizationConfig:
    """The base class of configs: the quantizers to use.

    Args:
        weight_quantizer: Quantizer of weights; ``None`` for the mode's default.
        activation_quantizer: Quantizer of a layer's inputs; ``None`` leaves them floats.

    Example:
        >>> import kernelkit as kk
        >>> config = kk.quantizers.Int8QuantizationConfig(activation_quantizer=None)
        >>> isinstance(config, kk.quantizers.QuantizationConfig), config.mode
        (True, 'int8')
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer = _made(weight_quantizer)
        self.activation_quantizer = _made(activation_quantizer)
        for name in ("weight_quantizer", "activation_quantizer"):
            _require_int8(self, name)

    @property
    def mode(self) -> str:
        """The quantization: ``"int8"``, ``"int4"``, ``"float8"``, ``"gptq"`` or ``"awq"``."""
        raise NotImplementedError(
            "Do not instantiate QuantizationConfig directly. Subclasses, such as Int8QuantizationConfig, have a mode."
        )

    def dtype_policy_string(self) -> str:
        """The text before ``_from_`` in the name of a quantized layer's policy."""
        return self.mode

    def get_config(self) -> dict:
        """Return the arguments that make an equal config."""
        return {name: _described(getattr(self, name)) for name in ("weight_quantizer", "activation_quantizer")}

    @classmethod
    def from_config(cls, config: dict) -> Any:
        """Make a config from :meth:`get_config`'s result."""
        return cls(**config)

    @staticmethod
    def weight_quantizer_or_default(config: Any, default: Any) -> Any:
        """Return the weight quantizer of a config, or the default."""
        return default if config is None or config.weight_quantizer is None else config.weight_quantizer

    @staticmethod
    def activation_quantizer_or_default(config: Any, default: Any) -> Any:
        """Return the activation quantizer of a config, which may be ``None``; without a config, the default."""
        return default if config is None else config.activation_quantizer


class Int8QuantizationConfig(QuantizationConfig):
    """8-bit weights, with one scale for each output channel.

    Args:
        weight_quantizer: Quantizer of weights; ``None`` for the largest magnitude of a channel.
        activation_quantizer: Quantizer of a layer's inputs; ``None`` leaves them floats.

    Example:
        >>> Int8QuantizationConfig().mode
        'int8'
    """

    mode = "int8"

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        activation = AbsMaxQuantizer() if _is_default(activation_quantizer) else activation_quantizer
        super().__init__(weight_quantizer, activation)


class Int4QuantizationConfig(QuantizationConfig):
    """4-bit weights, with a scale for each output channel, or each block of its weights.

    Args:
        weight_quantizer: Quantizer of weights, without blocks only; its range must be (-8, 7).
        activation_quantizer: Quantizer of a layer's inputs, without blocks only; floats by default.
        block_size: Number of weights of a channel that share a scale; ``None`` or -1 for all.

    Raises:
        ValueError: If the block size is invalid, or quantizers are given with blocks.

    Example:
        >>> Int4QuantizationConfig(block_size=64).dtype_policy_string()
        'int4/64'
    """

    mode = "int4"

    def __init__(
        self, weight_quantizer: Any = None, activation_quantizer: Any = "default", block_size: int | None = 128
    ) -> None:
        if block_size is not None and (isinstance(block_size, bool) or not isinstance(block_size, int)):
            raise ValueError(f"block_size must be None, -1, or a positive integer. Received: block_size={block_size!r}")
        if block_size is not None and block_size != -1 and block_size < 1:
            raise ValueError(f"block_size must be None, -1, or a positive integer. Received: block_size={block_size}")
        super().__init__(weight_quantizer, None if _is_default(activation_quantizer) else activation_quantizer)
        self.block_size = block_size
        given = self.weight_quantizer is not None or self.activation_quantizer is not None
        if block_size not in (None, -1) and given:
            raise ValueError(
                "Int4 sub-channel quantization (block_size > 0) does not support custom quantizers. Set block_size to "
                f"None or -1, or leave the quantizers out. Received: block_size={block_size}"
            )
        value_range = getattr(self.weight_quantizer, "value_range", (-8, 7))
        if tuple(value_range) != (-8, 7):
            raise ValueError(
                "Int4QuantizationConfig requires a weight_quantizer with value_range=(-8, 7). Received: "
                f"value_range={value_range}"
            )

    def dtype_policy_string(self) -> str:
        return f"int4/{-1 if self.block_size is None else self.block_size}"

    def get_config(self) -> dict:
        return super().get_config() | {"block_size": self.block_size}


class Float8QuantizationConfig(QuantizationConfig):
    """Training with matrix products in 8-bit floats, without a choice of quantizers.

    Example:
        >>> import kernelkit as kk
        >>> kk.quantizers.Float8QuantizationConfig().mode
        'float8'
    """

    mode = "float8"

    def __init__(self) -> None:
        super().__init__()

    def get_config(self) -> dict:
        return {}


def validate_and_resolve_config(mode: str | None, config: Any) -> Any:
    """Return the config for a mode, a config, or both.

    Raises:
        ValueError: If neither is given, they contradict each other, or the mode is unknown or needs a config.

    Example:
        >>> validate_and_resolve_config("int4", None).block_size
        128
    """
    if mode is None and config is None:
        raise ValueError("You must provide either `mode` or `config` to `quantize`.")
    if isinstance(config, str) and mode is None:
        mode, config = config, None
    if config is not None and not isinstance(config, QuantizationConfig):
        raise ValueError(
            "Argument `config` must be an instance of `QuantizationConfig`, such as Int8QuantizationConfig(). "
            f"Received: {config!r}"
        )
    if config is None and mode not in MODES:
        raise ValueError(f"Invalid quantization mode. Expected one of {MODES}. Received: mode={mode}")
    if config is None:
        if mode in ("gptq", "awq"):
            kind = f"{str(mode).upper()}Config"
            raise ValueError(f"For {str(mode).upper()}, you must pass a `{kind}` object in the `config` argument.")
        kinds: dict[str | None, type[QuantizationConfig]] = {
            "int8": Int8QuantizationConfig,
            "int4": Int4QuantizationConfig,
            "float8": Float8QuantizationConfig,
        }
        return kinds[mode]()
    if mode is not None and mode not in MODES:
        raise ValueError(f"Invalid quantization mode. Expected one of {MODES}. Received: mode={mode}")
    if mode is not None and config.mode != mode:
        raise ValueError(f"Contradictory arguments: mode='{mode}' but config.mode='{config.mode}'")
    kind = f"{str(config.mode).upper()}Config"
    if config.mode in ("gptq", "awq") and not hasattr(config, "group_size"):
        raise ValueError(f"Mode '{config.mode}' requires a valid `config` argument of type `{kind}`, got {config!r}.")
    return config


def _made(quantizer: Any) -> Any:
    return serialize.deserialize_keras_object(quantizer) if isinstance(quantizer, dict) else quantizer


def _described(quantizer: Any) -> Any:
    return None if quantizer is None else serialize.serialize_keras_object(quantizer)


def _is_default(quantizer: Any) -> bool:
    return isinstance(quantizer, str) and quantizer == "default"


def _require_int8(config: QuantizationConfig, name: str) -> None:
    quantizer = getattr(config, name)
    dtype = getattr(quantizer, "output_dtype", "int8")
    if dtype != "int8":
        raise ValueError(f"{type(config).__name__} requires a {name} with output_dtype='int8'. Received: {dtype!r}")
