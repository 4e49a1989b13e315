"""The dtypes of a layer: for its weights, its computation, and quantized weights."""

from __future__ import annotations

from typing import Any

from kernelkit import dtype_policies, dtypes


class HasPolicy:
    """The part of :class:`~kernelkit.layers.Layer` with its dtypes."""

    name: str
    built: bool
    _path: str | None
    _dtype_policy: Any
    # Whether weights are quantized; see layers/quantized/.
    _is_quantized = False

    @property
    def dtype_policy(self) -> Any:
        """The dtypes of the weights and of the computation. The name of a policy may be assigned."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy, current, kind = dtype_policies.get(value), self._dtype_policy, dtype_policies.DTypePolicyMap
        if not isinstance(current, kind) or isinstance(policy, kind) or self._path is None:
            self._dtype_policy = policy
        else:
            if self._path in current:
                del current[self._path]
            current[self._path] = policy
        mode = self.quantization_mode
        if mode is not None and self.built and not self._is_quantized:
            self.quantize(mode)

    @property
    def quantization_mode(self) -> str | None:
        """How the dtype policy says that weights are quantized, such as ``"int8"``; ``None`` if they are not."""
        return self.dtype_policy.at(self._path).quantization_mode

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Raise an error: only Dense, EinsumDense and embeddings can be quantized."""
        if not self.built:
            raise ValueError(
                f"Cannot quantize a layer that isn't yet built. Layer '{self.name}' (of type '{type(self).__name__}') "
                "is not built yet."
            )
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `quantize` method implemented.")

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.at(self._path).variable_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.at(self._path).variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype in which the layer computes."""
        return self.dtype_policy.at(self._path).compute_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self.dtype_policy.at(self._path).compute_dtype

    def _float_dtype(self) -> str | None:
        """Return the dtype for weights and, with ``autocast``, float inputs; ``None`` leaves them unchanged."""
        dtype = self.compute_dtype
        return dtype if dtypes.is_float(dtype) else None
