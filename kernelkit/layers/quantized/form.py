"""The base class of forms: the storage of a large weight in few bits."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from kernelkit.typing import Tensor, Tree
from kernelkit.variable import Variable


class Form(Protocol):
    """The storage of a layer's large weight in few bits."""

    config: Any
    """The config of the quantization."""
    variables: list[Variable]
    """The variables of the quantized weight, in the order of files."""
    bias_at: int
    """The number of variables before the layer's bias in files."""

    def store(self, weight: jax.Array) -> None:
        """Quantize a weight into the variables."""

    def dequantized(self) -> jax.Array:
        """Return the weight as floats."""

    def shown(self) -> Any:
        """Return the weight for the layer's attribute: unpacked integers."""


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def straight_through(rounded: Any, exact: Any, x: jax.Array, arrays: Tree) -> jax.Array:
    """Return ``rounded(x, arrays)``, with the gradient of ``exact(x, arrays)``.

    Both are pure functions. Rounding itself has a gradient of zero.
    """
    return rounded(x, arrays)


def _forward(rounded: Any, exact: Any, x: jax.Array, arrays: Tree) -> tuple:
    return rounded(x, arrays), (x, arrays)


def _backward(rounded: Any, exact: Any, kept: tuple, gradient: jax.Array) -> tuple:
    x, arrays = kept
    _, pull = jax.vjp(lambda v: exact(v, arrays), x)
    return pull(gradient)[0], None


straight_through.defvjp(_forward, _backward)


def rounded_input(quantizer: Any, x: jax.Array, axes: Any) -> jax.Array:
    """Return an input rounded to the values of a quantizer; gradients pass unchanged."""

    def rounded(x: Tensor, _: Any) -> Tensor:
        integers, scale = quantizer(x, axis=axes)
        return integers.astype(x.dtype) / scale.astype(x.dtype)

    return straight_through(rounded, lambda x, _: x, x, ())


def groups_of(rows: int, size: int | None) -> jax.Array:
    """Return the group of each row, as floats, the dtype in files.

    Example:
        >>> groups_of(5, 2).tolist()
        [0.0, 0.0, 1.0, 1.0, 2.0]
    """
    return (jnp.arange(rows) // (size or rows)).astype("float32")


def per_row(values: Tensor, groups: Any) -> jax.Array:
    """Return the scale or zero point of each row's group."""
    return jnp.take(jnp.asarray(values), jnp.asarray(groups).astype("int32"), axis=0)
