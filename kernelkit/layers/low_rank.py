"""Low-rank adaptation: training a large weight through the product of two thin matrices.

Source: Hu et al., 2021, LoRA: low-rank adaptation of large language models.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from kernelkit import scope, serialize
from kernelkit.layers.base.parts import own_variables
from kernelkit.layers.layer import Layer
from kernelkit.variable import Variable


class LowRankLayer(Layer):
    """A layer with one large weight that :meth:`enable_lora` can freeze and adapt."""

    _adaptable: str

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
        """
        if getattr(self, f"{self._adaptable}_constraint", None) is not None:
            raise ValueError(
                f"{self._who()}: Lora is incompatible with {self._adaptable.removesuffix('s')} constraints."
            )
        if not self.built:
            raise ValueError(
                f"Cannot enable lora on a layer that isn't yet built. Call build() of {self._who()} first."
            )
        if self.lora_enabled:
            raise ValueError(f"{self._who()}: lora is already enabled. This can only be done once per layer.")
        weight = self._weight
        names = f"lora_{self._adaptable}_a", f"lora_{self._adaptable}_b"
        penalty = weight.regularizer
        with scope.absolute_name_scope(self.path.rpartition("/")[0]):
            a = self.add_weight((*weight.shape[:-1], rank), a_initializer, regularizer=penalty, name=names[0])
            b = self.add_weight((rank, weight.shape[-1]), b_initializer, regularizer=penalty, name=names[1])
        self._factors = a, b
        setattr(self, names[0], a)
        setattr(self, names[1], b)
        weight.trainable = False
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        self._strength = self.lora_alpha / rank
        self.lora_enabled = True

    def _make_weight(self, shape: tuple, initializer: Any, regularizer: Any, constraint: Any) -> None:
        """Make the large weight in ``build``."""
        self._weight = self.add_weight(
            shape, initializer, regularizer=regularizer, constraint=constraint, name=self._adaptable
        )

    def _adapt_if_asked(self) -> None:
        """Enable LoRA if the constructor was given ``lora_rank``; the last line of ``build``."""
        if self.lora_rank:
            self.built = True
            self.enable_lora(self.lora_rank, lora_alpha=self.lora_alpha)

    def _adapted(self) -> Any:
        """Return the weight; once LoRA is enabled, an array: the weight plus the product."""
        if self._factors is None:
            return self._weight
        a, b = self._factors
        return self._weight.value + self._strength * jnp.matmul(a.value, b.value)

    def save_own_variables(self, store: Any) -> None:
        """Write the weights; the product is added to the large weight."""
        for i, variable in enumerate(self._saved_variables()):
            adapted = variable is self._weight and self.lora_enabled
            store[str(i)] = np.asarray(self._adapted()) if adapted else variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the weights that :meth:`save_own_variables` wrote; the product is zero again."""
        if self._factors is None:
            super().load_own_variables(store)
            return
        for i, variable in enumerate(self._saved_variables()):
            variable.assign(np.asarray(store[str(i)]))
        for factor in self._factors:
            factor.assign(np.zeros(factor.shape, factor.dtype))

    def _saved_variables(self) -> list[Variable]:
        return [v for v in own_variables(self) if not any(v is factor for factor in self._factors or ())]

    @serialize.derives
    def get_config(self) -> dict:
        config = super().get_config()
        if not self.lora_rank:
            del config["lora_rank"], config["lora_alpha"]
        return config


def refuse_quantization(config: Any) -> None:
    """Raise ``ValueError`` unless a layer's ``quantization_config`` is ``None``."""
    if config is not None:
        raise ValueError(f"kernelkit has no quantized layers: leave quantization_config=None, got {config!r}.")
