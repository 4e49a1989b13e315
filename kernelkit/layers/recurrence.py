"""Loops over time, as pure functions: one for any cell, and a faster one for cells with a single matrix product.

All sequences here are time-major: (steps, batch, ...).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from kernelkit.devices import on_cpu
from kernelkit.typing import Tensor

Step = Callable[[Any, Any, Any], tuple[Any, Any, Any]]


def loop(
    step: Step,
    xs: Tensor,
    state: Tensor,
    mask: jax.Array | None = None,
    aside: Any = (),
    *,
    collect: bool = True,
    zero_masked: bool = False,
    unroll: bool = False,
) -> tuple[Any, Any, Any, Any]:
    """Carry a state through the steps of a sequence.

    Args:
        step: ``(x, state, aside) -> (output, new state, new aside)``, for one step of a batch.
        xs: Sequences (steps, batch, ...), in any nested structure.
        state: Initial state: arrays (batch, ...), in any nested structure.
        mask: Bools (steps, batch). Where ``False``, the state is unchanged and the output is the one of the step before
            (before the first step: the state).
        aside: Carried arrays without a batch axis; the mask does not apply to them.
        collect: Whether the outputs of all steps are kept.
        zero_masked: Whether the output is zero where the mask is ``False``.
        unroll: Whether the steps are unrolled instead of looped: slower to compile.

    Returns:
        ``(last output, outputs (steps, batch, ...) or None, last state, last aside)``.

    Example:
        >>> import jax.numpy as jnp
        >>> running_sum = lambda x, total, aside: (total + x, total + x, aside)
        >>> loop(running_sum, jnp.arange(3.0)[:, None], jnp.zeros(1))[1].ravel().tolist()
        [0.0, 1.0, 3.0]
    """
    first = jax.tree.map(lambda x: x[0], xs)
    before = _output_before(jax.eval_shape(step, first, state, aside)[0], state)

    def body(carry: tuple, now: tuple) -> tuple:
        previous, state, aside = carry
        x, keep = now
        output, new, aside = step(x, state, aside)
        new = jax.tree.map(lambda n, s: n.astype(s.dtype), new, state)
        if keep is not None:
            new = where(keep, new, state)
            output = where(keep, output, jax.tree.map(jnp.zeros_like, output) if zero_masked else previous)
        return (output, new, aside), output if collect else None

    run = _unrolled if unroll else lax.scan
    (last, state, aside), outputs = run(body, (before, state, aside), (xs, mask))
    return last, outputs, state, aside


def where(keep: jax.Array, new: Tensor, old: Tensor) -> Tensor:
    """Return the rows of ``new`` where a mask (batch,) is true, else the rows of ``old``; the structures are equal."""
    return jax.tree.map(lambda n, o: jnp.where(keep.reshape(-1, *(1,) * (n.ndim - 1)), n, o), new, old)


def _output_before(output: Tensor, state: Tensor) -> Any:
    """Return the output before the first step: the state if it has the output's shape, else zeros."""
    own = jax.tree.leaves(state)[:1]
    return jax.tree.map(
        lambda o: own[0].astype(o.dtype) if own and own[0].shape == o.shape else jnp.zeros(o.shape, o.dtype), output
    )


def _unrolled(body: Callable, carry: Any, xs: Tensor) -> tuple:
    outputs = []
    for t in range(jax.tree.leaves(xs)[0].shape[0]):
        carry, output = body(carry, jax.tree.map(lambda x: x[t], xs))  # noqa: B023
        outputs.append(output)
    return carry, jax.tree.map(lambda *steps: jnp.stack(steps), *outputs)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def gated_loop(
    cell: Any, collect: bool, xs: jax.Array, kernel: jax.Array, bias: jax.Array | None, state: tuple, mask: Tensor
) -> tuple[Any, tuple]:
    """Run a cell over a sequence; the only matrix product of a step is ``state @ kernel``.

    A step is ``cell.advance(x, h @ kernel + bias, state)``, where ``h`` is the first array of the state and ``advance``
    is elementwise. The loop stores the slopes (derivatives) of each step, so that a backward step is a multiplication
    by the slopes and one matrix product. The kernel's gradient is one large product after the loop; autodiff would add
    up a small product in each step.

    Args:
        cell: An object with ``advance(x, r, state) -> (state, slopes)`` and ``pull_back(gradient of the state, slopes)
            -> (gradient of r, gradient of x or None if it is the same, gradient of the state before)``; hashable.
        collect: Whether the outputs of all steps are kept.
        xs: The input's part of the gates (steps, batch, gates).
        kernel: Recurrent kernel (units, gates).
        bias: Added to the recurrent product, (gates,), or ``None``.
        state: Arrays (batch, units), the output first.
        mask: Bools (steps, batch), ``False`` where the state is unchanged, or ``None``.

    Returns:
        ``(outputs (steps, batch, units) or None, last state)``.
    """

    def body(state: tuple, now: tuple) -> tuple[tuple, Any]:
        state, _ = advance(cell, kernel, bias, state, now)
        return state, state[0] if collect else None

    state, outputs = _scan(body, state, xs, mask)
    return outputs, state


def _scan(body: Callable, state: Tensor, xs: jax.Array, mask: Tensor) -> tuple[Any, Any]:
    """`lax.scan` over ``(xs, mask)``; on the CPU each step already reads the inputs of the next step.

    On the CPU, XLA would fuse the slice of the current step into the elementwise code of the gates, and that code is
    then not vectorized: an LSTM's forward pass takes twice as long (``benchmarks/lowering.py``).
    """
    gates = xs.shape[-1] // state[0].shape[-1]
    if not on_cpu() or gates == 1:
        return lax.scan(body, state, (xs, mask))
    steps = xs.shape[0]

    def ready(carry: tuple, now: tuple) -> tuple[tuple, Any]:
        state, x = carry
        i, keep = now
        state, output = body(state, (x, keep))
        return (state, lax.dynamic_index_in_dim(xs, jnp.minimum(i + 1, steps - 1), keepdims=False)), output

    (state, _), outputs = lax.scan(ready, (state, xs[0]), (jnp.arange(steps), mask))
    return state, outputs


def advance(cell: Any, kernel: Tensor, bias: Tensor, state: tuple, now: tuple) -> tuple[tuple, Any]:
    """Return a cell's state after one step ``now = (x, mask)``, and its slopes; see :func:`gated_loop`."""
    x, keep = now
    r = state[0] @ kernel
    new, slopes = cell.advance(x, r if bias is None else r + bias, state)
    return (new if keep is None else where(keep, new, state)), slopes


def _gated_forward(
    cell: Any, collect: bool, xs: Tensor, kernel: Tensor, bias: Tensor, state: tuple, mask: Tensor
) -> tuple[Any, tuple]:
    def body(state: tuple, now: tuple) -> tuple[tuple, Any]:
        new, slopes = advance(cell, kernel, bias, state, now)
        return new, (state[0], slopes)

    last, (before, slopes) = lax.scan(body, state, (xs, mask))
    outputs = jnp.concatenate([before[1:], last[0][None]]) if collect else None
    return (outputs, last), (kernel, bias is not None, before, slopes, mask)


def _gated_backward(cell: Any, collect: bool, residuals: tuple, gradients: tuple) -> tuple:
    kernel, has_bias, before, slopes, mask = residuals
    by_step, last = gradients
    transposed = kernel.T

    def body(gradient: tuple, now: tuple) -> tuple[tuple, Any]:
        slopes, keep, of_output = now
        if of_output is not None:
            gradient = (gradient[0] + of_output, *gradient[1:])
        dr, dx, rest = cell.pull_back(gradient, slopes)
        back = dr @ transposed
        earlier = (back if rest[0] is None else back + rest[0], *rest[1:])
        if keep is not None:
            dr, dx = where(keep, (dr, dx), jax.tree.map(jnp.zeros_like, (dr, dx)))
            earlier = where(keep, earlier, gradient)
        return earlier, (dr, dx)

    first, (dr, dx) = lax.scan(body, last, (slopes, mask, by_step), reverse=True)
    flat = dr.reshape(-1, dr.shape[-1])
    of_kernel = before.reshape(-1, before.shape[-1]).T @ flat
    of_bias = flat.sum(0) if has_bias else None
    return dr if dx is None else dx, of_kernel, of_bias, first, None


gated_loop.defvjp(_gated_forward, _gated_backward)


def with_slope(function: Callable, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return an elementwise function's value and its derivative."""
    return jax.jvp(function, (x,), (jnp.ones_like(x),))


def logistic(x: jax.Array) -> jax.Array:
    """The sigmoid, written with tanh: on the CPU, XLA computes tanh faster than exp and a division."""
    return 0.5 * jnp.tanh(0.5 * x) + 0.5
