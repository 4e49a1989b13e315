"""Convolution: XLA's own operation or, on the CPU, the fastest way for the shape of each of the three sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_derivatives import SymbolicZero

from kernelkit.devices import on_cpu
from kernelkit.ops.lowering.choice import choose
from kernelkit.ops.lowering.ways import plain
from kernelkit.ops.lowering.window import Geometry, output_shape, pad_pairs
from kernelkit.placement import with_whole_windows

Pairs = Sequence[tuple[int, int]]


def convolve(
    x: Array,
    kernel: Array,
    *,
    strides: Sequence[int],
    padding: str | Pairs,
    dilation: Sequence[int],
    inflation: Sequence[int] | None = None,
    groups: int = 1,
) -> Array:
    """Slide a kernel over channels-last data, in 1 to 3 spatial dimensions.

    Args:
        x: Input of shape (N, *spatial, C).
        kernel: Weights of shape (*window, C / groups, F), of `x`'s dtype.
        strides: Step of the window along each spatial axis.
        padding: "VALID", "SAME", or a (low, high) pair for each spatial axis.
        dilation: Distance between neighboring window cells along each spatial axis.
        inflation: Distance between neighboring input cells along each spatial axis, with zeros between them: the
            strides of a transposed convolution. 1 for ``None``. Padding must then be given as pairs.
        groups: Number of groups of channels, each convolved with its own filters.

    Returns:
        An array of shape (N, *output spatial, F) and `x`'s dtype. Half-precision sums are taken in float32.

    Raises:
        ValueError: If the channels of `x` are not ``groups`` times the channels of the kernel.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.arange(5.0).reshape(1, 5, 1)
        >>> y = convolve(x, jnp.ones((2, 1, 1)), strides=(1,), padding="VALID", dilation=(1,))
        >>> y[0, :, 0].tolist()
        [1.0, 3.0, 5.0, 7.0]
    """
    if x.shape[-1] != groups * kernel.shape[-2]:
        raise ValueError(
            f"The input of shape {x.shape} has {x.shape[-1]} channels, the kernel of shape {kernel.shape} is made for "
            f"{groups} groups of {kernel.shape[-2]}. Give an input with {groups * kernel.shape[-2]} channels."
        )
    pads = pad_pairs(padding, x.shape[1:-1], kernel.shape[:-2], strides, dilation)
    spread = (1,) * len(pads) if inflation is None else tuple(inflation)
    geometry = Geometry(tuple(strides), spread, pads, tuple(dilation), groups)
    way = in_chosen_ways if on_cpu() and _has_ways(x, kernel, geometry) else plain
    return with_whole_windows(way(x, kernel, geometry))


def _has_ways(x: Array, kernel: Array, geometry: Geometry) -> bool:
    sizes = (*x.shape, *kernel.shape)
    if not all(isinstance(size, int) for size in sizes) or not jnp.issubdtype(x.dtype, jnp.floating):
        return False
    return min(sizes) > 0 and min(output_shape(x.shape, kernel.shape, geometry)) > 0


def _wide(way: Callable) -> Callable:
    """Return a way that computes sums in float32 if the operands are narrower."""

    def run(x: Array, kernel: Array, geometry: Geometry) -> Array:
        if x.dtype.itemsize >= 4:
            return way(x, kernel, geometry)
        return way(x.astype(jnp.float32), kernel.astype(jnp.float32), geometry).astype(x.dtype)

    return run


def _forward(x: Array, kernel: Array, geometry: Geometry) -> Array:
    return _wide(choose(x.shape, kernel.shape, geometry).forward)(x, kernel, geometry)


# The forward pass by its own way; the gradients are transposes of two other ways.
in_chosen_ways = jax.custom_jvp(_forward, nondiff_argnums=(2,))


def _jvp(geometry: Geometry, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    x, kernel = primals
    dx, dkernel = tangents
    ways = choose(x.shape, kernel.shape, geometry)
    y = in_chosen_ways(x, kernel, geometry)
    # A batch of data has no tangent: the gradient by the data must not be computed.
    moved = []
    if not isinstance(dx, SymbolicZero):
        moved.append(_wide(ways.by_input)(dx, kernel, geometry))
    if not isinstance(dkernel, SymbolicZero):
        moved.append(_wide(ways.by_kernel)(x, dkernel, geometry))
    return y, sum(moved[1:], moved[0]) if moved else jnp.zeros_like(y)


in_chosen_ways.defjvp(_jvp, symbolic_zeros=True)
