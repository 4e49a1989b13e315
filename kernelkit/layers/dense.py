"""`Dense`: a matrix product, a bias and an activation."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import activations, constraints, initializers, ops, regularizers
from kernelkit.layers.input_spec import InputSpec
from kernelkit.layers.low_rank import LowRankLayer
from kernelkit.layers.quantized.contraction import Contraction
from kernelkit.layers.quantized.quantizable import PRODUCTS, as_config
from kernelkit.ops.lowering import contract
from kernelkit.sparse import is_sparse
from kernelkit.typing import ActivationLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, Shapes, Tensor


class Dense(LowRankLayer):
    """``activation(inputs @ kernel + bias)`` over the last axis.

    Args:
        units: Size of the output's last axis.
        activation: Activation function or its name.
        use_bias: Whether a bias is added.
        kernel_initializer: Initializer of the kernel, of shape (features, units).
        bias_initializer: Initializer of the bias, of shape (units,).
        kernel_regularizer: Regularizer of the kernel.
        bias_regularizer: Regularizer of the bias.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint of the kernel.
        bias_constraint: Constraint of the bias.
        lora_rank: Rank of a low-rank adaptation (the kernel itself is then frozen), or ``None``.
        lora_alpha: Factor of the adaptation times its rank.
        quantization_config: How the weight is quantized, if ``dtype`` is a quantized policy.

    Input shape: (batch, ..., features), dense or sparse. Output shape: (batch, ..., units).

    Example:
        >>> import kernelkit as kk
        >>> kk.layers.Dense(4, activation="relu")(kk.ops.ones((2, 3))).shape
        (2, 4)
    """

    supports_masking = True
    _takes_sparse = True
    adaptable = "kernel"
    forms = PRODUCTS
    contraction = Contraction("...x,xy->...y")
    _not_in_config = ("activity_regularizer",)

    def __init__(
        self,
        units: int,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            activity_regularizer=activity_regularizer, lora_rank=lora_rank, lora_alpha=lora_alpha, **kwargs
        )
        if isinstance(units, bool) or not hasattr(units, "__index__") or units <= 0:
            raise ValueError(f"{self.who()}: units must be a positive integer, got {units!r}.")
        self.units = int(units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.quantization_config = as_config(quantization_config)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shapes) -> None:
        features = input_shape[-1]
        if features is None:
            raise ValueError(
                f"{self.who()} needs to know the size of the last axis, but its input has the shape "
                f"{tuple(input_shape)}. Give that axis a size in the model's Input."
            )
        self._make_weight(
            (features, self.units), self.kernel_initializer, self.kernel_regularizer, self.kernel_constraint
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                (self.units,),
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self._adapt_if_asked()

    @property
    def kernel(self) -> Tensor:
        """The kernel: a variable; an array once LoRA is enabled; integers once it is quantized."""
        return self._adapted()

    def _known_shape(self, shape: Shape) -> Shape | None:
        return (*shape[:-1], self.units) if activations.keeps_shape(self.activation) else None

    def call(self, inputs: Tensor) -> jax.Array:
        if self.form is not None:
            x = self._product(inputs)
        else:
            kernel = jnp.asarray(self.kernel)
            x = ops.matmul(inputs, kernel) if is_sparse(inputs) else contract(jnp.asarray(inputs), kernel)
        x = self._with_bias(x)
        return x if self.activation is None else self.activation(x)
