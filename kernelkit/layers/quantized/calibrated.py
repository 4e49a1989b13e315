"""Weights quantized by GPTQ or AWQ: rows are output channels, each group has a scale and a zero point."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kernelkit.layers.quantized.form import groups_of
from kernelkit.quantizers import gptq, pack_int4, unpack_int4
from kernelkit.quantizers.awq import awq_quantize_matrix
from kernelkit.quantizers.integers import compute_quantization_parameters, dequantize_with_sz_map
from kernelkit.typing import Tensor


class GPTQProduct:
    """The product of an input with weights quantized by GPTQ; before the calibration, with float weights."""

    bias_at = 0
    _more: tuple[str, ...] = ()

    def __init__(self, layer: Any, shape: tuple, config: Any, weight: Tensor = None) -> None:
        self.config = config
        self.product = layer.contraction
        self.dtype = layer.compute_dtype
        self.shape = shape
        self.weight = weight
        """The floats, until calibration; ``None`` afterwards."""
        self.rows, self.columns = matrix_shape(shape)
        self.bits = config.weight_bits
        size = config.group_size
        self.size = self.rows if size == -1 else size
        groups = math.ceil(self.rows / self.size)
        kept = math.ceil(self.columns / 2) if self.bits == 4 else self.columns
        name = layer.adaptable
        self.integers = layer.add_quantized(name, (kept, self.rows), "uint8")
        self.scale = layer.add_quantized(f"{name}_scale", (self.columns, groups))
        self.zero = layer.add_quantized(f"{name}_zero", (self.columns, groups), "uint8")
        self.factors = [layer.add_quantized(more, (self.rows,)) for more in self._more]
        for factor in self.factors:
            factor.assign(jnp.ones(factor.shape))
        self.groups = layer.add_quantized("g_idx", (self.rows,))
        self.groups.assign(groups_of(self.rows, self.size))
        self.variables = [self.integers, self.scale, self.zero, *self.factors, self.groups]
        self.is_calibrated = weight is None

    def store(self, weight: Tensor) -> None:
        """Do nothing: the weight stays float until the calibration."""

    def take(self, quantized: Any, scale: Tensor, zero: Tensor, groups: Any, *factors: Any) -> None:
        """Store the result of a calibration."""
        integers = jnp.asarray(quantized).astype("uint8")
        self.integers.assign(pack_int4(integers, axis=0, dtype="uint8")[0] if self.bits == 4 else integers)
        self.scale.assign(scale)
        self.zero.assign(jnp.asarray(zero).astype("uint8"))
        self.groups.assign(jnp.asarray(groups).astype("float32"))
        for variable, value in zip(self.factors, factors, strict=True):
            variable.assign(value)
        self.is_calibrated = True

    def shown(self) -> Any:
        if not self.is_calibrated:
            return self.weight
        if self.bits != 4:
            return self.integers
        return unpack_int4(self.integers.value, self.columns, axis=0, dtype="uint8")

    def dequantized(self) -> jax.Array:
        if not self.is_calibrated:
            return self.weight.value
        integers = jnp.asarray(self.shown()).astype(self.dtype)
        scale = jnp.asarray(self.scale).astype(self.dtype)
        matrix = dequantize_with_sz_map(integers, scale, self.zero.value, self.groups.value)
        for factor in self.factors:
            matrix = matrix / jnp.asarray(factor).astype(self.dtype)
        return matrix.T.reshape(self.shape)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.product.multiply(x, jnp.asarray(self.dequantized()).astype(self.dtype))


class AWQProduct(GPTQProduct):
    """The product of an input with weights quantized by AWQ."""

    _more = ("awq_scales",)


class GPTQCalibration:
    """Collects the inputs of a layer, then quantizes its kernel by GPTQ.

    Args:
        form: The layer's form.
        config: A :class:`GPTQConfig`.
    """

    def __init__(self, form: GPTQProduct, config: Any) -> None:
        self.form, self.config = form, config
        self.rows, self.columns = form.rows, form.columns
        self.hessian: Any = jnp.zeros((self.rows, self.rows), "float32")
        self.num_samples = 0

    def see(self, inputs: Tensor) -> None:
        """Add a batch of inputs."""
        x = jnp.asarray(inputs).reshape(-1, self.rows)
        self.hessian = gptq.accumulated_hessian(self.hessian, self.num_samples, x)
        self.num_samples += x.shape[0]

    def finish(self) -> None:
        """Quantize the kernel."""
        config, matrix = self.config, np.asarray(self.form.dequantized()).reshape(self.rows, self.columns)
        inverse, diagonal, _ = gptq.inverse_of(self.hessian, config.hessian_damping)
        self.form.take(
            *gptq.gptq_quantize_matrix(
                matrix.T,
                inverse,
                group_size=self.form.config.group_size,
                activation_order=config.activation_order,
                order_metric=diagonal,
                compute_scale_zero=functools.partial(
                    compute_quantization_parameters,
                    bits=config.weight_bits,
                    symmetric=config.symmetric,
                    per_channel=config.per_channel,
                ),
            )
        )


class AWQCalibration:
    """Collects the inputs of a layer, then quantizes its kernel by AWQ.

    Args:
        form: The layer's form.
        config: An :class:`AWQConfig`.
    """

    def __init__(self, form: AWQProduct, config: Any) -> None:
        self.form, self.config = form, config
        self.rows, self.columns = form.rows, form.columns
        self.magnitudes: Any = None
        self.num_samples = 0

    def see(self, inputs: Tensor) -> None:
        """Add a batch of inputs."""
        x = jnp.abs(jnp.asarray(inputs).reshape(-1, self.rows).astype("float32"))
        largest = x.max(axis=0)
        self.magnitudes = largest if self.magnitudes is None else jnp.maximum(self.magnitudes, largest)
        self.num_samples += x.shape[0]

    def finish(self) -> None:
        """Quantize the kernel."""
        matrix = np.asarray(self.form.dequantized()).reshape(self.rows, self.columns)
        quantized, scale, zero, factors, groups = awq_quantize_matrix(
            matrix.T,
            self.magnitudes,
            num_grid_points=self.config.num_grid_points,
            group_size=self.form.config.group_size,
        )
        self.form.take(quantized, scale, zero, groups, factors)


def matrix_shape(shape: tuple) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a kernel as a matrix. The longest of three axes is the model's width.

    Example:
        >>> matrix_shape((64, 4, 16)), matrix_shape((4, 16, 64))
        ((64, 64), (64, 64))
    """
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) != 3:
        raise ValueError(f"GPTQ and AWQ quantize kernels of two or three axes, got a kernel of shape {shape}.")
    if shape.index(max(shape)) == 0:
        return shape[0], shape[1] * shape[2]
    return shape[0] * shape[1], shape[2]
