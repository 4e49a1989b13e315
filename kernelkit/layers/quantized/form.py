"""What a form is: the way in which a layer keeps a large weight."""

from __future__ import annotations

import functools
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from kernelkit.typing import Tensor, Tree
from kernelkit.variable import Variable


class Form(Protocol):
    """The way in which a layer keeps a large weight in few bits."""

    config: Any
    """The config of the quantization."""
    variables: list[Variable]
    """The quantized weight and what belongs to it, in the order of files."""
    bias_at: int
    """The layer's bias stands behind so many of the variables in files."""

    def store(self, weight: jax.Array) -> None:
        """Quantize a weight into the variables."""

    def dequantized(self) -> jax.Array:
        """Return the weight as floats."""

    def shown(self) -> Any:
        """Return what the layer shows as its weight: integers, not packed."""


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def straight_through(rounded: Any, exact: Any, x: jax.Array, arrays: Tree) -> jax.Array:
    """Return ``rounded(x, arrays)``, with the gradient of ``exact(x, arrays)``.

    Both are functions without state. Rounding has no gradient of its own.
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
    """Return an input rounded to what a quantizer can hold; gradients pass."""

    def rounded(x: Tensor, _: Any) -> Tensor:
        integers, scale = quantizer(x, axis=axes)
        return integers.astype(x.dtype) / scale.astype(x.dtype)

    return straight_through(rounded, lambda x, _: x, x, ())


def groups_of(rows: int, size: int | None) -> jax.Array:
    """Return the group of each row, as floats: files keep them so.

    Example:
        >>> groups_of(5, 2).tolist()
        [0.0, 0.0, 1.0, 1.0, 2.0]
    """
    return (jnp.arange(rows) // (size or rows)).astype("float32")


def per_row(values: Tensor, groups: Any) -> jax.Array:
    """Return each row's scale or zero point: those of its group."""
    return jnp.take(jnp.asarray(values), jnp.asarray(groups).astype("int32"), axis=0)
