"""Policies of layers whose weights are quantized: kept in 8 bits or fewer.

The name has the mode, and the layer's earlier policy: ``"int8_from_float32"``, ``"int4/64_from_mixed_bfloat16"``.
"""

from __future__ import annotations

from typing import Any

from kernelkit import dtypes
from kernelkit.dtype_policies.policy import DTypePolicy, dtype_policy, name_readers

MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """A policy of a layer with quantized weights.

    Args:
        mode: ``"int8"``, ``"int4"`` or ``"float8"``.
        source_name: Name of the policy for the computation; the global policy by default.

    Raises:
        ValueError: If the mode is unknown, or int8 is asked for with the compute dtype float16.

    Example:
        >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> policy.name, policy.compute_dtype, policy.quantization_mode
        ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        kind = str(mode).partition("/")[0]
        if kind not in MODES or (kind != mode and type(self) is QuantizedDTypePolicy):
            raise ValueError(f"Invalid quantization mode. Expected one of {MODES}. Received: mode={mode}")
        source = dtype_policy().name if source_name is None else source_name
        super().__init__(source)
        self.name = f"{mode}_from_{source}"
        self._mode = mode
        self._source_name = source
        if kind == "int8" and self.compute_dtype == "float16":
            raise ValueError(
                f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16': sums of products of int8 "
                "overflow float16. Use bfloat16 or float32."
            )

    @property
    def quantization_mode(self) -> str:
        return self._mode.partition("/")[0]

    def get_config(self) -> dict:
        return {"mode": self._mode, "source_name": self._source_name}

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other) and isinstance(other, DTypePolicy) and self.get_config() == other.get_config()

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'

    def _numbers(self, form: str) -> list[str]:
        """Return the numbers in the mode, which must have the given form."""
        parts = self._mode.split("/")
        if len(parts) != len(form.split("/")) or parts[0] != form.split("/")[0]:
            raise ValueError(
                f"Invalid mode for {type(self).__name__}. Expected format '{form}', but got '{self._mode}'."
            )
        return parts[1:]

    def _as_int(self, text: str, what: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise ValueError(
                f"Invalid mode for {type(self).__name__}. <{what}> must be an integer, but got '{self._mode}'."
            ) from None

    def _as_size(self, text: str, what: str) -> int:
        size = self._as_int(text, what)
        if size != -1 and size < 1:
            raise ValueError(
                f"Invalid {what} in mode. Supported values are -1 (per channel) or a positive integer, but got {size} "
                f"from '{self._mode}'."
            )
        return size


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """A policy of a layer that is trained with matrix products in 8-bit floats.

    Args:
        mode: ``"float8"``.
        source_name: Name of the policy that the layer computes by.
        amax_history_length: Number of steps whose largest magnitudes are kept to compute the scales.

    Source: Micikevicius et al., 2022, FP8 formats for deep learning.

    Example:
        >>> from kernelkit import dtype_policies
        >>> policy = dtype_policies.QuantizedFloat8DTypePolicy("float8", "mixed_bfloat16")
        >>> policy.name, policy.quantization_mode, policy.compute_dtype
        ('float8_from_mixed_bfloat16', 'float8', 'bfloat16')
    """

    default_amax_history_length = 1024

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024) -> None:
        if isinstance(amax_history_length, bool) or not isinstance(amax_history_length, int):
            raise TypeError(
                f"`amax_history_length` must be an integer. Received: amax_history_length={amax_history_length}"
            )
        super().__init__(mode, source_name)
        self._amax_history_length = amax_history_length

    @property
    def amax_history_length(self) -> int:
        """Number of steps whose largest magnitudes are kept."""
        return self._amax_history_length

    def get_config(self) -> dict:
        return super().get_config() | {"amax_history_length": self._amax_history_length}


class Int4DTypePolicy(QuantizedDTypePolicy):
    """A policy of a layer with weights of 4 bits.

    Args:
        mode: ``"int4/<block_size>"``: the number of weights of a column that share a scale; -1 for the whole column.
        source_name: Name of the policy that the layer computes by.

    Example:
        >>> Int4DTypePolicy("int4/64", "float32").block_size
        64
    """

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode, source_name)
        [size] = self._numbers("int4/<block_size>")
        self.mode = "int4"
        self.block_size = self._as_size(size, "block_size")


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """A policy of a layer whose weights GPTQ quantizes.

    Args:
        mode: ``"gptq/<weight_bits>/<group_size>"``.
        source_name: Name of the policy that the layer computes by.

    Example:
        >>> from kernelkit import dtype_policies
        >>> policy = dtype_policies.GPTQDTypePolicy("gptq/4/128", "float32")
        >>> policy.name, policy.weight_bits, policy.group_size
        ('gptq/4/128_from_float32', 4, 128)
    """

    _kind = "gptq"
    _bits: tuple[int, ...] = (2, 3, 4, 8)
    _bits_error = "Supported values are 2, 3, 4, and 8, but got"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode, source_name)
        bits, size = self._numbers(f"{self._kind}/<weight_bits>/<group_size>")
        self.mode = self._kind
        self.weight_bits = self._as_int(bits, "weight_bits")
        if self.weight_bits not in self._bits:
            raise ValueError(f"Invalid weight_bits in mode. {self._bits_error} {bits} from '{mode}'.")
        self.group_size = self._as_size(size, "group_size")


class AWQDTypePolicy(GPTQDTypePolicy):
    """A policy of a layer whose weights AWQ quantizes.

    Args:
        mode: ``"awq/4/<group_size>"``.
        source_name: Name of the policy that the layer computes by.

    Example:
        >>> from kernelkit import dtype_policies
        >>> policy = dtype_policies.AWQDTypePolicy("awq/4/128", "mixed_bfloat16")
        >>> policy.name, policy.compute_dtype, policy.group_size
        ('awq/4/128_from_mixed_bfloat16', 'bfloat16', 128)
    """

    _kind = "awq"
    _bits = (4,)
    _bits_error = "AWQ only supports 4-bit quantization, but got"


def from_name(name: str) -> DTypePolicy | None:
    """Return the quantized policy of a name, ``None`` for the name of another policy.

    Example:
        >>> from_name("int8_from_float32"), from_name("float32")
        (<QuantizedDTypePolicy "int8_from_float32">, None)
    """
    mode, joined, source = name.partition("_from_")
    if not name.startswith(MODES):
        return None
    if not joined or mode.partition("/")[0] not in MODES:
        raise ValueError(
            f"Cannot convert `policy` into a valid pair (`mode`, `source_name`) to instantiate "
            f"`QuantizedDTypePolicy`. Received: policy={name}. Write for example 'int8_from_float32'."
        )
    if source not in ("mixed_bfloat16", "mixed_float16") and not _is_float(source):
        raise ValueError(f"Cannot convert {source!r} to a dtype policy, in {name!r}.")
    return class_of(mode)(mode, source)


def class_of(mode: str) -> Any:
    """Return the class of policies for a mode, such as ``"int4/64"``."""
    kind, slash, _ = mode.partition("/")
    if kind == "int4":
        return Int4DTypePolicy if slash else QuantizedDTypePolicy
    return {"float8": QuantizedFloat8DTypePolicy, "gptq": GPTQDTypePolicy, "awq": AWQDTypePolicy}.get(
        kind, QuantizedDTypePolicy
    )


def _is_float(name: str) -> bool:
    try:
        return bool(dtypes.is_float(dtypes.standardize_dtype(name)))
    except (TypeError, ValueError):
        return False


name_readers.append(from_name)
