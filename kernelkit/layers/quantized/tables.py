"""Embeddings in 8 or 4 bits: each row has its own scales."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from kernelkit.layers.quantized.contraction import Contraction
from kernelkit.layers.quantized.form import groups_of, per_row, rounded_input
from kernelkit.layers.quantized.int8 import rounded_product
from kernelkit.quantizers import (
    AbsMaxQuantizer,
    Int8QuantizationConfig,
    abs_max_quantize_grouped_with_zero_point,
    pack_int4,
    unpack_int4,
)
from kernelkit.typing import Tensor

_REVERSE = Contraction("...d,dv->...v")


class Int8Table:
    """A table of 8-bit integers (rows, columns), with a scale for each row.

    Args:
        layer: The embedding.
        shape: Rows and columns.
        config: The quantization's config.
        name: Name of the weight.
        along: The axis that shares a scale: 1 for a row's columns, 0 for a transposed table.
    """

    bias_at = 4  # after all variables: an embedding has no bias

    def __init__(self, layer: Any, shape: tuple, config: Any, name: str = "embeddings", along: int = 1) -> None:
        self.config, self.along, self.dtype = config, along, layer.compute_dtype
        of_weights = config.weight_quantizer
        self.weight_quantizer = AbsMaxQuantizer() if of_weights is None else of_weights
        self.activation_quantizer = Int8QuantizationConfig.activation_quantizer_or_default(config, AbsMaxQuantizer())
        self.weight = layer.add_quantized(name, shape, "int8")
        self.scale = layer.add_quantized(f"{name}_scale", (shape[1 - along],))
        self.variables = [self.weight, self.scale]

    def quantized(self, weight: Tensor) -> list:
        """Return the values of the variables for a table."""
        integers, scale = self.weight_quantizer(weight, axis=self.along, to_numpy=True)
        return [integers, scale.reshape(-1)]

    def store(self, weight: Tensor) -> None:
        for variable, value in zip(self.variables, self.quantized(weight), strict=True):
            variable.assign(value)

    def shown(self) -> Any:
        return self.weight

    def dequantized(self) -> jax.Array:
        return self.weight.value.astype("float32") / jnp.expand_dims(self.scale.value, self.along)

    def rows(self, indices: jax.Array) -> jax.Array:
        """Return the rows of given indices as floats."""
        integers = jnp.take(self.weight.value, indices, axis=0).astype(self.dtype)
        return integers / jnp.take(jnp.asarray(self.scale), indices, axis=0)[..., None].astype(self.dtype)

    def reverse(self, x: jax.Array) -> jax.Array:
        """Return the products of vectors with all rows."""
        weight = self.weight.value.T if self.along == 1 else self.weight.value
        scale = jnp.asarray(self.scale)
        if self.activation_quantizer is None:
            return jnp.matmul(x, weight.astype(x.dtype)) / scale
        return rounded_product(_REVERSE, self.activation_quantizer, x, weight, scale)


class Int4Table:
    """A table of 4-bit integers, packed along the columns, with a scale for each row, or for each block of a row.

    Args:
        layer: The embedding.
        shape: Rows and columns.
        config: The quantization's config.
        name: Name of the weight.
        along: The axis that is packed and shares scales.
    """

    bias_at = 4  # after all variables: an embedding has no bias

    def __init__(self, layer: Any, shape: tuple, config: Any, name: str = "embeddings", along: int = 1) -> None:
        self.config, self.along, self.dtype = config, along, layer.compute_dtype
        self.columns, rows = shape[along], shape[1 - along]
        self.block = None if config.block_size in (None, -1) else config.block_size
        of_weights = config.weight_quantizer
        self.weight_quantizer = AbsMaxQuantizer(value_range=(-8, 7)) if of_weights is None else of_weights
        self.activation_quantizer = config.activation_quantizer
        packed = math.ceil(self.columns / 2)
        self.weight = layer.add_quantized(name, (rows, packed) if along else (packed, rows), "int8")
        if self.block is None:
            self.scale = layer.add_quantized(f"{name}_scale", (rows,))
            self.variables = [self.weight, self.scale]
            return
        groups = math.ceil(self.columns / self.block)
        of_groups = (rows, groups) if along else (groups, rows)
        self.scale = layer.add_quantized(f"{name}_scale", of_groups)
        self.zero = layer.add_quantized(f"{name}_zero", of_groups, "int8" if along else "float32")
        self.variables = [self.weight, self.scale, self.zero]
        self.groups = groups_of(self.columns, self.block)
        if along:
            self.variables.append(layer.add_quantized("g_idx", (self.columns,)))
            self.variables[-1].assign(self.groups)

    def quantized(self, weight: Tensor) -> list:
        """Return the values of the variables for a table."""
        if self.block is None:
            integers, scale = self.weight_quantizer(weight, axis=self.along, to_numpy=True)
            return [pack_int4(integers, axis=self.along)[0], scale.reshape(-1)]
        columns_first = weight.T if self.along else weight
        integers, scale, zero = abs_max_quantize_grouped_with_zero_point(columns_first, self.block, to_numpy=True)
        if self.along:
            return [pack_int4(integers.T, axis=1)[0], scale.T, zero.T, self.groups]
        return [pack_int4(integers, axis=0)[0], scale, zero]

    def store(self, weight: Tensor) -> None:
        for variable, value in zip(self.variables, self.quantized(weight), strict=True):
            variable.assign(value)

    def shown(self) -> Any:
        return unpack_int4(self.weight.value, self.columns, axis=self.along)

    def dequantized(self) -> jax.Array:
        integers = self.shown()
        if self.along == 0:
            return self._floats(integers.T, self._per_table_row(self.scale), self._zero_of_rows()).T
        return self._floats(integers, self.scale.value, None if self.block is None else self.zero.value)

    def rows(self, indices: jax.Array) -> jax.Array:
        """Return the rows of given indices as floats."""
        integers = unpack_int4(jnp.take(self.weight.value, indices, axis=0), self.columns, axis=-1)
        scale = jnp.take(self.scale.value, indices, axis=0)
        zero = None if self.block is None else jnp.take(self.zero.value, indices, axis=0)
        return self._floats(integers, scale, zero).astype(self.dtype)

    def reverse(self, x: jax.Array) -> jax.Array:
        """Return the products of vectors with all rows."""
        if self.activation_quantizer is not None:
            x = rounded_input(self.activation_quantizer, x, (-1,))
        table = self.dequantized().astype(x.dtype)
        return jnp.matmul(x, table.T if self.along == 1 else table)

    def _per_table_row(self, variable: Any) -> jax.Array:
        return variable.value if self.block is None else variable.value.T

    def _zero_of_rows(self) -> Any:
        return None if self.block is None else self.zero.value.T

    def _floats(self, integers: jax.Array, scale: jax.Array, zero: Tensor) -> jax.Array:
        """Return integers (..., columns) as floats, given the scales (...,) or (..., groups) of their rows."""
        values = integers.astype(scale.dtype)
        if zero is None:
            return values / scale[..., None]
        spread = [jnp.moveaxis(per_row(jnp.moveaxis(v, -1, 0), self.groups), 0, -1) for v in (scale, zero)]
        return (values - spread[1].astype(scale.dtype)) * spread[0]
