"""The base of layers whose large weight can be quantized."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kernelkit import changes, scope, serialize
from kernelkit.dtype_policies.quantized import MODES, QuantizedDTypePolicy, class_of
from kernelkit.layers.layer import Layer
from kernelkit.layers.quantized.calibrated import AWQProduct, GPTQProduct
from kernelkit.layers.quantized.contraction import Contraction
from kernelkit.layers.quantized.float8 import Float8Product
from kernelkit.layers.quantized.int4 import Int4Product
from kernelkit.layers.quantized.int8 import Int8Product
from kernelkit.layers.quantized.keras_names import KerasNames
from kernelkit.layers.quantized.tables import Int4Table, Int8Table
from kernelkit.ops.lowering.matmul import add_bias
from kernelkit.quantizers import AWQConfig, GPTQConfig, Int4QuantizationConfig
from kernelkit.quantizers.config import validate_and_resolve_config
from kernelkit.typing import ConstraintLike, InitializerLike, RegularizerLike, Tensor
from kernelkit.variable import Variable

PRODUCTS: dict[str, Any] = {
    "int8": Int8Product,
    "int4": Int4Product,
    "float8": Float8Product,
    "gptq": GPTQProduct,
    "awq": AWQProduct,
}
TABLES: dict[str, Any] = {"int8": Int8Table, "int4": Int4Table}


class QuantizableLayer(KerasNames, Layer):
    """A layer with one large weight, which can be stored as integers.

    A subclass names its weight (``adaptable``) and lists the modes in ``forms``. A subclass with a product sets
    ``contraction``.
    """

    adaptable: str
    """Name of the weight."""
    forms: dict[str, Any] = {}
    """The form of each mode."""
    contraction: Contraction
    """The product with the weight."""
    form: Any = None
    """The form of the quantized weight; ``None`` for a float weight."""
    _weight: Any = None
    _weight_shape: tuple = ()
    _untracked = Layer._untracked | {"form"}

    @property
    def _is_quantized(self) -> bool:
        return self.form is not None

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Quantize the layer's weight.

        Args:
            mode: ``"int8"``, ``"int4"``, ``"float8"``, ``"gptq"`` or ``"awq"``; the config's mode by default.
            type_check: Whether to refuse subclasses, because their ``call`` may use the weight in another way.
            config: A :class:`~kernelkit.quantizers.QuantizationConfig`; the mode's default by default.

        Raises:
            ValueError: If the layer is not built, is quantized already, or mode and config don't fit.
            NotImplementedError: If the layer does not know the mode, or is of a subclass.

        Example:
            >>> import kernelkit as kk
            >>> layer = kk.layers.Dense(2)
            >>> layer.build((None, 3))
            >>> layer.quantize("int8")
            >>> layer.dtype_policy
            <QuantizedDTypePolicy "int8_from_float32">
        """
        if type_check and "forms" not in vars(type(self)):
            raise NotImplementedError(
                f"Layer {type(self).__name__} does not have a `quantize` method implemented. quantize(..., "
                "type_check=False) uses the method of its base class."
            )
        if not self.forms:
            super().quantize(mode, type_check, config)
        policy = self.dtype_policy.at(self._path)
        if config is None and self.quantization_mode == mode and type(policy) is not QuantizedDTypePolicy:
            config = self._config_of_policy()
        config = validate_and_resolve_config(mode, config)
        mode = str(config.mode)
        self._require_quantizable(mode)
        weight, shape = self._weight, self._weight_shape
        with scope.absolute_name_scope(self.path.rpartition("/")[0]):
            self._make_form(mode, config, shape, weight)
        if mode not in ("float8", "gptq", "awq"):
            self.form.store(weight.numpy())
            self.drop_variable(weight)
            self._weight = self.form.weight
        if policy.quantization_mode is None:
            kind = str(config.dtype_policy_string())
            self.dtype_policy = class_of(kind)(kind, policy.name)
        self.quantization_config = config

    def _require_quantizable(self, mode: str) -> None:
        if not self.built:
            raise ValueError(
                f"Cannot quantize a layer that isn't yet built. Layer '{self.name}' (of type '{type(self).__name__}') "
                "is not built yet."
            )
        if self._is_quantized:
            raise ValueError(
                f"Layer '{self.name}' is already quantized with dtype_policy='{self.dtype_policy.name}'. Received: "
                f"mode={mode}"
            )
        if mode not in self.forms:
            raise self._unknown(mode)
        if mode == "int8" and self.compute_dtype == "float16":
            raise ValueError(f"Quantization mode='{mode}' doesn't work well with compute_dtype='float16'.")

    def quantized_build(self, shape: tuple, mode: str, config: Any = None) -> None:
        """Make the variables of a quantized weight, for the build of a layer with a quantized dtype policy.

        Args:
            shape: The weight's shape.
            mode: The quantization.
            config: The config; by default that of the layer, or of its policy.

        Raises:
            NotImplementedError: If the layer does not know the mode.
        """
        if mode not in self.forms:
            raise self._unknown(mode)
        config = config or self.quantization_config or self._config_of_policy()
        self._make_form(mode, config, tuple(shape), self._weight)
        if mode != "float8" and self._weight is None:
            self._weight = self.form.variables[0]

    def quantized_call(self, inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Run a quantized layer.

        Raises:
            NotImplementedError: If the layer is not quantized.
        """
        if not self._is_quantized:
            raise self._unknown(None)
        return self.call(inputs, *args, **kwargs)

    def _unknown(self, mode: Any) -> NotImplementedError:
        known = MODES if set(MODES) == set(self.forms) else tuple(self.forms)
        return NotImplementedError(
            f"Invalid quantization mode. Expected one of {known}. Received: quantization_mode={mode}"
        )

    def _make_form(self, mode: str, config: Any, shape: tuple, weight: Tensor) -> None:
        kind = self.forms[mode]
        if mode == "float8":
            length = getattr(self.dtype_policy.at(self._path), "amax_history_length", 1024)
            self.form = kind(self, weight, config, length)
        elif mode in ("gptq", "awq"):
            self.form = kind(self, shape, config, weight)
        else:
            self.form = kind(self, shape, config)

    def _config_of_policy(self) -> Any:
        """Return the config for the layer's dtype policy."""
        policy = self.dtype_policy.at(self._path)
        mode = policy.quantization_mode
        if mode == "int4":
            return Int4QuantizationConfig(block_size=getattr(policy, "block_size", None))
        if mode in ("gptq", "awq"):
            kind: Any = GPTQConfig if mode == "gptq" else AWQConfig
            return kind(None, None, weight_bits=policy.weight_bits, group_size=policy.group_size)
        return validate_and_resolve_config(mode, None)

    def add_quantized(self, name: str, shape: tuple, dtype: str | None = None, trainable: bool = False) -> Variable:
        """Make a variable of a form, and an attribute of the same name.

        The quantized weight itself, which has the name of ``adaptable``, is not an attribute: see ``form.shown``.
        """
        variable = self.add_weight(shape, "zeros", dtype, trainable=trainable, name=name)
        if name != self.adaptable and not isinstance(getattr(type(self), name, None), property):
            setattr(self, name, variable)
        return variable

    def drop_variable(self, variable: Variable) -> None:
        """Remove a variable from the layer: a float weight after its quantization."""
        for name in [name for name, value in vars(self).items() if value is variable]:
            setattr(self, name, None)
        self._own_variables = [v for v in self._own_variables if v is not variable]
        changes.structure.note()

    def _make_weight(
        self, shape: tuple, initializer: InitializerLike, regularizer: RegularizerLike, constraint: ConstraintLike
    ) -> None:
        """Make the large weight in ``build``: floats, or integers if the dtype policy says so."""
        self._weight_shape = tuple(shape)
        mode = self.quantization_mode if self.forms else None
        if mode is None or mode == "float8":
            self._weight = self.add_weight(
                shape, initializer, regularizer=regularizer, constraint=constraint, name=self.adaptable
            )
        if mode is not None:
            self.quantized_build(shape, mode)

    def end_calibration(self) -> None:
        """Remove the float weight from the layer, after its quantization by GPTQ or AWQ."""
        weight, self.form.weight = self.form.weight, None
        self.form.is_calibrated = True
        self.drop_variable(weight)
        self._weight = self.form.integers

    def _float_weight(self) -> Variable | None:
        """Return the float weight before its calibration, ``None`` if there is none."""
        return self.form.weight if self.quantization_mode in ("gptq", "awq") and self.form is not None else None

    def _shown_weight(self) -> Any:
        """Return the weight for the layer's attribute: floats, or unpacked integers."""
        return self._weight if self.form is None else self.form.shown()

    def float_weight(self) -> Tensor:
        """Return the weight as an array of floats."""
        return jnp.asarray(self._weight) if self.form is None else self.form.dequantized()

    def _with_bias(self, y: Tensor) -> Tensor:
        """Add the layer's bias; for 8-bit floats it is rounded to bfloat16 first, as in Keras."""
        bias: Tensor = self.bias  # type: ignore[attr-defined]
        if bias is None:
            return y
        value = bias.value
        return add_bias(
            y, value.astype("bfloat16").astype(value.dtype) if isinstance(self.form, Float8Product) else value
        )

    @property
    def inputs_quantizer(self) -> Any:
        """The quantizer of the layer's inputs, ``None`` if they stay floats."""
        return getattr(self.form, "activation_quantizer", None)


def as_config(value: Tensor) -> Any:
    """Return a layer's argument ``quantization_config``, given as an object, its config or ``None``."""
    return serialize.deserialize_keras_object(value) if isinstance(value, dict) else value
