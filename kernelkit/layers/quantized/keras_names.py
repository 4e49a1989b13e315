"""Attributes of Keras's quantizable layers that packages and tests read."""

from __future__ import annotations

from typing import Any

from kernelkit.typing import Tensor


class KerasNames:
    """Keras's names for the weight, its packed form, and facts about both."""

    form: Any
    _weight: Any
    _weight_shape: tuple

    @property
    def _kernel(self) -> Tensor:
        return self._weight

    @property
    def _embeddings(self) -> Tensor:
        return self._weight

    @property
    def quantized_kernel(self) -> Tensor:
        """The integers of GPTQ or AWQ, packed."""
        return self.form.integers

    @property
    def _int4_block_size(self) -> int | None:
        config = getattr(self.form, "config", None)
        return getattr(config, "block_size", None)

    @property
    def _orig_output_dim(self) -> int:
        return self._weight_shape[-1]

    @property
    def _int4_unpacked_column_size(self) -> int:
        return self.form.columns

    @property
    def original_kernel_shape(self) -> tuple:
        """The shape of the weight before it was quantized."""
        return self._weight_shape

    @property
    def is_gptq_calibrated(self) -> bool:
        """Whether GPTQ has quantized the weight."""
        return bool(getattr(self.form, "is_calibrated", False))

    @is_gptq_calibrated.setter
    def is_gptq_calibrated(self, value: bool) -> None:
        self.form.is_calibrated = value

    is_awq_calibrated = is_gptq_calibrated
