"""Configs of the methods that need data: GPTQ and AWQ."""

from __future__ import annotations

from typing import Any

from kernelkit.quantizers.config import QuantizationConfig


class GPTQConfig(QuantizationConfig):
    """GPTQ: the weights that are quantized later correct the error of each weight.

    Args:
        dataset: Calibration data: strings, or token arrays.
        tokenizer: Function from a string to tokens.
        weight_bits: 2, 3, 4 or 8.
        num_samples: Number of sequences to calibrate with.
        per_channel: Whether each output channel has its own scales.
        sequence_length: Number of tokens in a sequence.
        hessian_damping: Share of the Hessian's mean diagonal that is added to it.
        group_size: Number of weights of a channel that share a scale; -1 for all.
        symmetric: Whether ranges are the same on both sides of zero.
        activation_order: Whether weights with large inputs are quantized first.
        quantization_layer_structure: ``{"pre_block_layers": [...], "sequential_blocks": [...]}``: the layers before the
            first block, and the blocks; by default what ``model.get_quantization_layer_structure`` returns.

    Source: Frantar et al., 2023, GPTQ: accurate post-training quantization for generative pre-trained transformers.

    Example:
        >>> GPTQConfig(dataset=["some text"], tokenizer=str.split, group_size=64).dtype_policy_string()
        'gptq/4/64'
    """

    mode = "gptq"

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: Any = None,
    ) -> None:
        super().__init__()
        if weight_bits not in (2, 3, 4, 8):
            raise ValueError(f"Unsupported weight_bits {weight_bits}. Supported values are 2, 3, 4, and 8.")
        if not 0 <= hessian_damping <= 1:
            raise ValueError("hessian_damping must be between 0 and 1.")
        _require_sizes(num_samples=num_samples, sequence_length=sequence_length)
        _require_group(group_size, "whole-tensor")
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.weight_bits = weight_bits
        self.num_samples = num_samples
        self.per_channel = per_channel
        self.sequence_length = sequence_length
        self.hessian_damping = hessian_damping
        self.group_size = group_size
        self.symmetric = symmetric
        self.activation_order = activation_order
        self.quantization_layer_structure = quantization_layer_structure

    def dtype_policy_string(self) -> str:
        return f"gptq/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> dict:
        """Return the arguments; data, tokenizer and structure, which a file cannot hold, are ``None``."""
        return _NOT_KEPT | {
            name: getattr(self, name)
            for name in (
                "weight_bits num_samples per_channel sequence_length hessian_damping group_size symmetric "
                "activation_order"
            ).split()
        }


class AWQConfig(QuantizationConfig):
    """AWQ: weights with large inputs are multiplied by factors before the quantization, which makes them more exact.

    Args:
        dataset: Calibration data: strings, or token arrays.
        tokenizer: Function from a string to tokens.
        weight_bits: 4.
        num_samples: Number of sequences to calibrate with.
        sequence_length: Number of tokens in a sequence.
        group_size: Number of weights of a channel that share a scale; -1 for all.
        num_grid_points: Number of factors to try.
        quantization_layer_structure: As for :class:`GPTQConfig`.

    Source: Lin et al., 2024, AWQ: activation-aware weight quantization for LLM compression and acceleration.

    Example:
        >>> AWQConfig(dataset=["some text"], tokenizer=str.split).dtype_policy_string()
        'awq/4/128'
    """

    mode = "awq"

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: Any = None,
    ) -> None:
        super().__init__()
        if weight_bits != 4:
            raise ValueError(f"AWQ only supports 4-bit quantization. Received weight_bits={weight_bits}.")
        _require_sizes(num_samples=num_samples, sequence_length=sequence_length)
        _require_group(group_size, "per-channel")
        _require_sizes(num_grid_points=num_grid_points)
        self.dataset = dataset
        self.tokenizer = tokenizer
        self.weight_bits = weight_bits
        self.num_samples = num_samples
        self.sequence_length = sequence_length
        self.group_size = group_size
        self.num_grid_points = num_grid_points
        self.quantization_layer_structure = quantization_layer_structure

    def dtype_policy_string(self) -> str:
        return f"awq/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> dict:
        """Return the arguments; data, tokenizer and structure, which a file cannot hold, are ``None``."""
        return _NOT_KEPT | {
            name: getattr(self, name)
            for name in "weight_bits num_samples sequence_length group_size num_grid_points".split()
        }


_NOT_KEPT: dict[str, Any] = {"dataset": None, "tokenizer": None, "quantization_layer_structure": None}


def _require_sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        if value <= 0:
            raise ValueError(f"{name} must be a positive integer.")


def _require_group(size: int, meaning: str) -> None:
    if size != -1 and size < 1:
        raise ValueError(
            f"Invalid group_size. Supported values are -1 ({meaning}) or a positive integer, but got {size}."
        )
