"""Training with matrix products in 8-bit floats. The weights stay in full precision.

Source: Micikevicius et al., 2022, FP8 formats for deep learning.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kernelkit import scope
from kernelkit.quantizers import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize
from kernelkit.typing import Tensor

_FORWARD, _BACKWARD = "float8_e4m3fn", "float8_e5m2"


class Float8Product:
    """The product of an input and a kernel. Input, kernel and gradients are rounded to 8-bit floats.

    For the inputs, the kernel and the outputs' gradients there is a scale and a history of largest magnitudes. Their
    next values are what a step's gradients of these variables hold.
    """

    bias_at = 1

    def __init__(self, layer: Any, weight: Tensor, config: Any, history_length: int) -> None:
        self.config = config
        self.product = layer.contraction
        self.dtype = layer.compute_dtype
        self.weight = weight
        self.pairs = []
        for name in ("inputs", layer.adaptable, "outputs_grad"):
            scale = layer.add_quantized(f"{name}_scale", (), trainable=True)
            scale.assign(jnp.ones(()))
            history = layer.add_quantized(f"{name}_amax_history", (history_length,), trainable=True)
            self.pairs.append((scale, history))
        for variable in (v for pair in self.pairs for v in pair):
            variable.overwrite_with_gradient = True
        self.variables = [weight, *(v for pair in self.pairs for v in pair)]

    def store(self, weight: Tensor) -> None:
        """Do nothing: the weight stays float."""

    def dequantized(self) -> jax.Array:
        return self.weight.value

    def shown(self) -> Any:
        return self.weight

    def __call__(self, x: jax.Array) -> jax.Array:
        training = bool(scope.local.call is not None and scope.local.call.training)
        kernel = jnp.asarray(self.weight).astype(self.dtype)
        values = [[v.value for v in pair] for pair in self.pairs]
        y = self.product.multiply(_rounded_input(training, x, *values[0]), _rounded_input(training, kernel, *values[1]))
        return _rounded_gradient(training, y, *values[2])


def _next(training: bool, x: Tensor, scale: Tensor, history: Tensor, dtype: str) -> tuple:
    """Return the next scale and history."""
    if not training:
        return scale, history
    largest = jnp.asarray(float(jnp.finfo(dtype).max), scale.dtype)
    return compute_float8_scale(jnp.max(history), scale, largest), compute_float8_amax_history(x, history)


def _input_values(training: bool, x: Tensor, scale: Tensor, history: Tensor) -> Tensor:
    scale, _ = _next(training, x, scale, history, _FORWARD)
    return quantize_and_dequantize(x, scale, _FORWARD, str(x.dtype))


_rounded_input: Any = jax.custom_vjp(_input_values, nondiff_argnums=(0,))
_rounded_input.defvjp(
    lambda training, x, scale, history: (
        _input_values(training, x, scale, history),
        _next(training, x, scale, history, _FORWARD),
    ),
    lambda training, following, gradient: (gradient, *following),
)


def _gradient_backward(training: bool, kept: tuple, gradient: Tensor) -> tuple:
    scale, history = _next(training, gradient, kept[0], kept[1], _BACKWARD)
    return quantize_and_dequantize(gradient, scale, _BACKWARD, str(gradient.dtype)), scale, history


_rounded_gradient: Any = jax.custom_vjp(lambda training, y, scale, history: y, nondiff_argnums=(0,))
_rounded_gradient.defvjp(lambda training, y, scale, history: (y, (scale, history)), _gradient_backward)
