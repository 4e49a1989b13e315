"""What the CPU lowerings of kernelkit/ops/lowering gain over XLA's own operations, alone and inside a loop.

    python -m benchmarks.lowering

Times of value and gradients, XLA's over ours: above 1 ours is faster. Forward passes that are not differentiated are
XLA's own on both sides, so only gradients are shown; but for recurrent layers, of which only the forward pass differs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernelkit import layers
from kernelkit.layers import recurrence
from kernelkit.ops import lowering
from kernelkit.training.allocator import keep_freed_memory

LAYOUT = ("NHWC", "HWIO", "NHWC")


def convolution(x: tuple, kernel: tuple, strides: tuple = (1, 1), groups: int = 1) -> tuple[Callable, Callable, list]:
    def ours(x: Any, w: Any) -> Any:
        return lowering.convolve(x, w, strides=strides, padding="SAME", dilation=(1, 1), groups=groups)

    def theirs(x: Any, w: Any) -> Any:
        return lax.conv_general_dilated(x, w, strides, "SAME", dimension_numbers=LAYOUT, feature_group_count=groups)

    return ours, theirs, [x, kernel]


def max_pooling(x: tuple, window: tuple, strides: tuple) -> tuple[Callable, Callable, list]:
    def ours(x: Any) -> Any:
        return lowering.max_pool(x, window, strides=strides, padding="VALID")

    def theirs(x: Any) -> Any:
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), "VALID")

    return ours, theirs, [x]


def dense(x: tuple, kernel: tuple) -> tuple[Callable, Callable, list]:
    return lowering.contract, jnp.matmul, [x, kernel]


CASES = {
    "conv 3x3, 1 -> 32, 28x28": convolution((64, 28, 28, 1), (3, 3, 1, 32)),
    "conv 3x3, 32 -> 64, 13x13": convolution((64, 13, 13, 32), (3, 3, 32, 64)),
    "conv 3x3, 64 -> 64, 16x16, stride 2": convolution((32, 16, 16, 64), (3, 3, 64, 64), (2, 2)),
    "conv 1x1, 64 -> 128, 16x16": convolution((32, 16, 16, 64), (1, 1, 64, 128)),
    "depthwise 3x3, 64, 16x16": convolution((32, 16, 16, 64), (3, 3, 1, 64), groups=64),
    "max pool 2x2, 32, 26x26": max_pooling((64, 26, 26, 32), (2, 2), (2, 2)),
    "max pool 3x3, stride 2, 32, 26x26": max_pooling((64, 26, 26, 32), (3, 3), (2, 2)),
    "dense (32, 64, 128) -> 256": dense((32, 64, 128), (128, 256)),
}


def seconds(function: Callable, operands: list, looped: bool, steps: int = 4, rounds: int = 3) -> float:
    """Return the median time of value and gradients by all operands."""
    step = jax.grad(lambda *v: jnp.sum(function(*v) ** 2), tuple(range(len(operands))))

    def run(*operands: Any) -> Any:
        if not looped:
            return step(*operands)
        body = lambda _, v: jax.tree.map(lambda a, g: a - 1e-6 * g, v, step(*v))  # noqa: E731
        return lax.fori_loop(0, steps, body, operands)

    compiled = jax.jit(run).lower(*operands).compile()
    taken = []
    for _ in range(1 + rounds):
        started = time.perf_counter()
        jax.block_until_ready(compiled(*operands))
        taken.append((time.perf_counter() - started) / (steps if looped else 1))
    return statistics.median(taken[1:])


def recurrent(layer: Any, scan: Callable, x: Any) -> float:
    """Return the median time of a forward pass whose loop over time is the one given."""
    chosen, recurrence._scan = recurrence._scan, scan
    try:
        values = [v.value for v in layer.trainable_variables], [v.value for v in layer.non_trainable_variables]
        forward = jax.jit(lambda values, x: layer.stateless_call(*values, x)[0]).lower(values, x).compile()
    finally:
        recurrence._scan = chosen
    taken = []
    for _ in range(20):
        started = time.perf_counter()
        jax.block_until_ready(forward(values, x))
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    keep_freed_memory()  # as training does, for both sides
    rng = np.random.default_rng(0)
    print(f"{'':38s}{'alone':>24s}{'in a loop':>26s}")
    for name, (ours, theirs, shapes) in CASES.items():
        operands = [jnp.asarray(rng.normal(size=shape), "float32") for shape in shapes]
        cells = []
        for looped in (False, True):
            a, b = seconds(ours, operands, looped), seconds(theirs, operands, looped)
            cells.append(f"{1e3 * a:8.2f} {1e3 * b:8.2f} ms {b / a:5.1f}")
        print(f"{name:38s}" + "  ".join(cells), flush=True)
    x = jnp.asarray(rng.normal(size=(32, 80, 64)), "float32")
    for kind in (layers.LSTM, layers.GRU):
        layer = kind(64)
        layer(x)
        a = recurrent(layer, recurrence._scan, x)
        b = recurrent(layer, lambda body, state, xs, mask: lax.scan(body, state, (xs, mask)), x)
        print(f"{kind.__name__ + ', forward pass, (32, 80, 64)':38s}{1e3 * a:8.2f} {1e3 * b:8.2f} ms {b / a:5.1f}")


if __name__ == "__main__":
    main()
