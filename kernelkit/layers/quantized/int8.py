"""8-bit weights, with a scale for each output channel."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.quantized.form import straight_through
from kernelkit.quantizers import AbsMaxQuantizer, Int8QuantizationConfig
from kernelkit.typing import Tensor, Tree


class Int8Product:
    """The product of an input with 8-bit weights. The config's quantizer rounds the input to 8 bits too."""

    bias_at = 1

    def __init__(self, layer: Any, shape: tuple, config: Any) -> None:
        self.config = config
        self.product = layer.contraction
        self.dtype = layer.compute_dtype
        of_weights = config.weight_quantizer
        self.weight_quantizer = AbsMaxQuantizer() if of_weights is None else of_weights
        self.activation_quantizer = Int8QuantizationConfig.activation_quantizer_or_default(config, AbsMaxQuantizer())
        self.weight = layer.add_quantized(layer.adaptable, shape, "int8")
        self.scale = layer.add_quantized(f"{layer.adaptable}_scale", self.product.scale_shape(shape))
        self.variables = [self.weight, self.scale]

    def quantized(self, weight: Tensor) -> list:
        """Return the values of the variables for a weight."""
        integers, scale = self.weight_quantizer(weight, axis=self.product.kernel_axes, to_numpy=True)
        return [integers, self.product.kernel_scale(scale)]

    def store(self, weight: Tensor) -> None:
        for variable, value in zip(self.variables, self.quantized(weight), strict=True):
            variable.assign(value)

    def dequantized(self) -> jax.Array:
        return dequantized(self.product, self.weight.value, self.scale.value)

    def shown(self) -> Any:
        return self.weight

    def __call__(self, x: jax.Array) -> jax.Array:
        weight, scale = self.weight.value, jnp.asarray(self.scale)
        if self.activation_quantizer is None:
            y = self.product.multiply(x, weight.astype(self.dtype))
            return y / self.product.to_outputs(scale, y.ndim)
        return rounded_product(self.product, self.activation_quantizer, x, weight, scale)


def rounded_product(product: Any, quantizer: Any, x: jax.Array, weight: jax.Array, scale: jax.Array) -> jax.Array:
    """Return the product of an input, rounded to 8 bits, with integers. Its gradient is that of the float product.

    Args:
        product: The contraction.
        quantizer: Quantizer of the input.
        x: Floats.
        weight: Integers, of the kernel's shape.
        scale: The kernel's scale, in the order of the output's axes.
    """

    def rounded(x: Tensor, arrays: Tree) -> Tensor:
        weight, scale = arrays
        integers, x_scale = quantizer(x, axis=product.input_axes)
        sums = product.multiply(integers, weight, "int32")
        both = product.input_scale(x_scale) * product.to_outputs(scale, sums.ndim)
        return sums.astype(x.dtype) / both.astype(x.dtype)

    def exact(x: Tensor, arrays: Tree) -> Tensor:
        weight, scale = arrays
        return product.multiply(x, dequantized(product, weight, scale).astype(x.dtype))

    return straight_through(rounded, exact, x, (weight, scale))


def dequantized(product: Any, weight: jax.Array, scale: jax.Array) -> jax.Array:
    """Return integers as floats: each divided by the scale of its output channel."""
    kept = [letter for letter in product.outputs if letter in product.kernel]
    sizes = dict(zip(product.outputs, scale.shape, strict=True))
    moved = scale.reshape([sizes[letter] for letter in kept])
    order = [kept.index(letter) for letter in product.kernel if letter in kept]
    shape = [sizes[letter] if letter in kept else 1 for letter in product.kernel]
    return weight.astype(scale.dtype) / moved.transpose(order).reshape(shape)
