"""4-bit weights, two in a byte, with a scale for each output channel, or for each block of its weights."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.quantized.form import groups_of, per_row, rounded_input
from kernelkit.quantizers import AbsMaxQuantizer, abs_max_quantize_grouped_with_zero_point, pack_int4, unpack_int4
from kernelkit.typing import Tensor


class Int4Product:
    """The product of an input with 4-bit weights, which are kept as a matrix with packed columns.

    The number of rows is the number of summed elements. As in Keras the kernel is reshaped, not transposed.
    """

    bias_at = 1

    def __init__(self, layer: Any, shape: tuple, config: Any) -> None:
        self.config = config
        self.product = layer.contraction
        self.shape = shape
        self.dtype = layer.compute_dtype
        self.rows = math.prod(shape[i] for i in self.product.kernel_axes)
        self.columns = math.prod(shape) // self.rows
        size = config.block_size
        self.block = None if size in (None, -1) else size
        of_weights = config.weight_quantizer
        self.weight_quantizer = AbsMaxQuantizer(value_range=(-8, 7)) if of_weights is None else of_weights
        self.activation_quantizer = config.activation_quantizer
        name = layer.adaptable
        self.weight = layer.add_quantized(name, (self.rows, math.ceil(self.columns / 2)), "int8")
        if self.block is None:
            self.scale = layer.add_quantized(f"{name}_scale", (self.columns,))
            self.variables = [self.weight, self.scale]
            return
        groups = math.ceil(self.rows / self.block)
        self.scale = layer.add_quantized(f"{name}_scale", (groups, self.columns))
        self.zero = layer.add_quantized(f"{name}_zero", (groups, self.columns), "int8")
        self.groups = layer.add_quantized("g_idx", (self.rows,))
        self.groups.assign(groups_of(self.rows, self.block))
        self.variables = [self.weight, self.scale, self.zero, self.groups]

    def quantized(self, weight: Tensor) -> list:
        """Return the values of the variables for a weight."""
        matrix = weight.reshape(self.rows, self.columns)
        if self.block is None:
            integers, scale = self.weight_quantizer(matrix, axis=0, to_numpy=True)
            return [pack_int4(integers, axis=-1)[0], scale.reshape(-1)]
        integers, scale, zero = abs_max_quantize_grouped_with_zero_point(matrix, self.block, to_numpy=True)
        return [pack_int4(integers, axis=-1)[0], scale, zero, self.groups.value]

    def store(self, weight: Tensor) -> None:
        for variable, value in zip(self.variables, self.quantized(weight), strict=True):
            variable.assign(value)

    def _integers(self) -> jax.Array:
        return unpack_int4(self.weight.value, self.columns, axis=-1)

    def dequantized(self) -> jax.Array:
        scale = jnp.asarray(self.scale)
        integers = self._integers().astype(scale.dtype)
        if self.block is None:
            matrix = integers / scale
        else:
            groups = self.groups.value
            matrix = (integers - per_row(self.zero.value, groups).astype(scale.dtype)) * per_row(scale, groups)
        return matrix.reshape(self.shape)

    def shown(self) -> Any:
        return self._integers().reshape(self.shape)

    def __call__(self, x: jax.Array) -> jax.Array:
        if self.activation_quantizer is not None:
            x = rounded_input(self.activation_quantizer, x, self.product.input_axes)
        return self.product.multiply(x, self.dequantized().astype(self.dtype))
