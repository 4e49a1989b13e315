"""The product of an input and a kernel, as an einsum equation: axes, and scales along them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from kernelkit.typing import DType, Tensor


class Contraction:
    """The axes that a product sums over.

    Args:
        equation: Einsum equation of an input and a kernel.

    Example:
        >>> product = Contraction("abc,cde->abde")
        >>> product.kernel_axes, product.input_axes
        ((0,), (-1,))
    """

    def __init__(self, equation: str) -> None:
        self.equation = equation.replace(" ", "")
        inputs, _, rest = self.equation.partition(",")
        self.kernel, _, outputs = rest.partition("->")
        self.inputs, self.outputs = inputs.replace(".", ""), outputs.replace(".", "")
        self.elides_right = inputs.endswith("...")

    @property
    def kernel_axes(self) -> tuple[int, ...]:
        """The axes of the kernel that are summed over."""
        return tuple(i for i, letter in enumerate(self.kernel) if letter not in self.outputs)

    @property
    def input_axes(self) -> tuple[int, ...]:
        """The axes of the input that are summed over; counted from the right, unless ``...`` is on the right."""
        start = 0 if self.elides_right else -len(self.inputs)
        return tuple(i + start for i, letter in enumerate(self.inputs) if letter not in self.outputs)

    def multiply(self, x: Tensor, kernel: Tensor, dtype: DType = None) -> jax.Array:
        """Return the product; its sums are computed in ``dtype``."""
        return jnp.einsum(self.equation, x, kernel, preferred_element_type=dtype)

    def scale_shape(self, kernel_shape: tuple) -> tuple:
        """Return the shape of :meth:`kernel_scale` for a kernel of a given shape."""
        sizes = dict(zip(self.kernel, kernel_shape, strict=True))
        return tuple(sizes.get(letter, 1) for letter in self.outputs)

    def kernel_scale(self, scale: Tensor) -> jax.Array:
        """Transpose a kernel's scale, of size 1 along the summed axes, to the order of the output's axes."""
        return self._aligned(jnp.asarray(scale), self.kernel)

    def input_scale(self, scale: Tensor) -> jax.Array:
        """Transpose an input's scale, of size 1 along the summed axes, to the order of the output's axes."""
        scale = jnp.asarray(scale)
        elided = scale.ndim - len(self.inputs)
        if self.elides_right:
            return self._aligned(scale, self.inputs, tail=elided)
        return self._aligned(scale, self.inputs, head=elided)

    def to_outputs(self, scale: Tensor, ndim: int) -> jax.Array:
        """Return a :meth:`kernel_scale` with trailing axes of size 1, for an output of a given rank."""
        missing = ndim - scale.ndim if self.elides_right else 0
        return scale.reshape(scale.shape + (1,) * missing)

    def _aligned(self, scale: jax.Array, letters: str, head: int = 0, tail: int = 0) -> jax.Array:
        kept = [letter for letter in self.outputs if letter in letters]
        order = [head + letters.index(letter) for letter in kept]
        summed = [head + i for i, letter in enumerate(letters) if letter not in kept]
        last = [head + len(letters) + i for i in range(tail)]
        moved = scale.transpose([*range(head), *order, *last, *summed])
        sizes = dict(zip(kept, moved.shape[head:], strict=False))
        ends = moved.shape[head + len(kept) : head + len(kept) + tail]
        return moved.reshape(*moved.shape[:head], *(sizes.get(letter, 1) for letter in self.outputs), *ends)
