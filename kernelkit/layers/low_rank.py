"""Low-rank adaptation: training a large weight through the product of two thin matrices.

Source: Hu et al., 2021, LoRA: low-rank adaptation of large language models.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit import placement, scope, serialize
from kernelkit.layers.base.parts import own_variables
from kernelkit.layers.quantized.quantizable import QuantizableLayer
from kernelkit.sparse import is_sparse
from kernelkit.typing import Tensor
from kernelkit.variable import Variable


class LowRankLayer(QuantizableLayer):
    """A layer with one large weight that :meth:`enable_lora` can freeze and adapt."""

    def __init__(self, *, lora_rank: int | None, lora_alpha: float | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha
        self.lora_enabled = False
        self._factors: tuple[Variable, Variable] | None = None
        self._strength = 1.0

    def enable_lora(
        self,
        rank: int,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
        lora_alpha: float | None = None,
    ) -> None:
        """Freeze the large weight and add the product of two thin matrices to it.

        Args:
            rank: The size that the two matrices share.
            a_initializer: Initializer of the first matrix.
            b_initializer: Initializer of the second matrix; with zeros, the layer's output does not change at first.
            lora_alpha: The product is multiplied by ``lora_alpha / rank``; ``None`` stands for ``rank``.

        Raises:
            ValueError: If the layer is not built, is already adapted, or its weight has a constraint.
            NotImplementedError: If GPTQ or AWQ quantized the weight.
        """
        if self.quantization_mode in ("gptq", "awq") and self.form is not None:
            raise NotImplementedError(
                f"{self.who()}: lora is not currently supported with {self.quantization_mode.upper()} quantization."
            )
        if getattr(self, f"{self.adaptable}_constraint", None) is not None:
            raise ValueError(f"{self.who()}: Lora is incompatible with {self.adaptable.removesuffix('s')} constraints.")
        if not self.built:
            raise ValueError(f"Cannot enable lora on a layer that isn't yet built. Call build() of {self.who()} first.")
        if self.lora_enabled:
            raise ValueError(f"{self.who()}: lora is already enabled. This can only be done once per layer.")
        weight = self._weight
        names = f"lora_{self.adaptable}_a", f"lora_{self.adaptable}_b"
        penalty, shape = weight.regularizer, self._weight_shape
        with scope.absolute_name_scope(self.path.rpartition("/")[0]):
            a = self.add_weight((*shape[:-1], rank), a_initializer, regularizer=penalty, name=names[0])
            b = self.add_weight((rank, shape[-1]), b_initializer, regularizer=penalty, name=names[1])
        self._factors = a, b
        setattr(self, names[0], a)
        setattr(self, names[1], b)
        weight.trainable = False
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        self._strength = self.lora_alpha / rank
        self.lora_enabled = True

    def _adapt_if_asked(self) -> None:
        """Enable LoRA if the constructor was given ``lora_rank``; the last line of ``build``."""
        if self.lora_rank:
            self.built = True
            self.enable_lora(self.lora_rank, lora_alpha=self.lora_alpha)

    def _adapted(self) -> Any:
        """Return the weight; once LoRA is enabled, an array: the weight plus the product."""
        if self._factors is None or self.form is not None:
            return self._shown_weight()
        return self._weight.value + self._low_rank()

    def _low_rank(self) -> jax.Array:
        """Return the product that LoRA adds to the weight."""
        assert self._factors is not None
        a, b = self._factors
        return self._strength * jnp.matmul(a.value, b.value)

    def _product(self, inputs: Tensor) -> jax.Array:
        """Return the product of the inputs with the quantized weight, LoRA included."""
        x = inputs.todense() if is_sparse(inputs) else jnp.asarray(inputs)
        y = self.form(x)
        if self._factors is not None:
            y = y + self.contraction.multiply(x, self._low_rank().astype(x.dtype))
        return y

    def save_own_variables(self, store: Any) -> None:
        """Write the weights. The product is added to the large weight, and a quantized weight is quantized again."""
        if self._float_weight() is not None:
            raise ValueError(
                f"{self.who()} was prepared for {str(self.quantization_mode).upper()} but not calibrated, so a file "
                "would not hold its weight: name it in the quantization_layer_structure, or leave it out by filters."
            )
        merged = self._merged_values() if self.lora_enabled else {}
        for i, variable in enumerate(self.saved_variables()):
            value = merged.get(id(variable))
            store[str(i)] = variable.numpy() if value is None else placement.whole(value)

    def _merged_values(self) -> dict[int, Any]:
        """Return the values of the large weight and its scales with the product added, by the ids of variables."""
        if self.form is None or self.quantization_mode == "float8":
            return {id(self._weight): self._weight.value + self._low_rank()}
        merged = np.asarray(self.form.dequantized() + self._low_rank())
        values = self.form.quantized(merged)
        return {id(variable): value for variable, value in zip(self.form.variables, values, strict=True)}

    def load_own_variables(self, store: Any) -> None:
        """Read the weights that :meth:`save_own_variables` wrote; the product is zero again."""
        variables = self.saved_variables()
        if len(store.keys()) != len(variables):
            hint = "" if variables or self.built else " The layer is not built yet."
            if self.quantization_mode in ("gptq", "awq") and len(store.keys()) == len(variables) - 1:
                hint = " Keras 3.15 leaves the zero points out of such files: quantize the floats again."
            raise ValueError(f"{self.who()} has {len(variables)} variables, the file holds {len(store.keys())}.{hint}")
        for i, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(i)]))
        if self._float_weight() is not None:
            self.end_calibration()
        for factor in self._factors or ():
            factor.assign(np.zeros(factor.shape, factor.dtype))

    def saved_variables(self) -> list[Variable]:
        """Return the variables of the file, in its order, without LoRA's matrices."""
        own = [v for v in own_variables(self) if not any(v is factor for factor in self._factors or ())]
        if self.form is None:
            return own
        kept = list(self.form.variables)
        others = [v for v in own if not any(v is k for k in (*kept, self._float_weight()))]
        at = self.form.bias_at
        return kept[:at] + others + kept[at:] if at else others + kept

    @serialize.derives
    def get_config(self) -> dict:
        config = super().get_config()
        if not self.lora_rank:
            del config["lora_rank"], config["lora_alpha"]
        return config


def refuse_quantization(config: Any) -> None:
    """Raise ``ValueError`` unless a layer's ``quantization_config`` is ``None``."""
    if config is not None:
        raise ValueError(f"this layer cannot be quantized: leave quantization_config=None, got {config!r}.")
