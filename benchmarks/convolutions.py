"""How far the way that is chosen for a convolution is from the fastest one, over shapes drawn at random.

    python -m benchmarks.convolutions [COUNT] [--seed S]

Each of the three sums of a convolution (the output, the gradient by the kernel, the gradient by the input) is computed
in every way of kernelkit/ops/lowering/ways.py inside a loop, as training does, and timed in CPU seconds of the process,
so that other load on the machine matters less. The regret is the time of the chosen way over that of the fastest.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from kernelkit.ops.lowering import ways
from kernelkit.ops.lowering.choice import Ways, choose
from kernelkit.ops.lowering.window import Geometry, output_shape, pad_pairs
from kernelkit.training.allocator import keep_freed_memory

MOST_BYTES = 2**28
NEGLIGIBLE = 3e-5  # seconds: what is as short as that is not worth choosing for
CANDIDATES = {
    "output": [ways.native, ways.native_padded, ways.gather, ways.scatter],
    "by kernel": [ways.native_by_kernel, ways.gather, ways.scatter],
    "by input": [ways.native_by_input, ways.gather, ways.scatter],
}


def draw(seed: int) -> tuple[tuple, tuple, Geometry]:
    """Return the shapes of an input and a kernel, and how the window moves."""
    rng = np.random.default_rng(seed)

    def pick(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    while True:
        rank = pick(1, 2, 2, 2, 2, 3)
        batch, size = pick(8, 16, 32, 64), pick(6, 12, 24, 32, 48)
        size = {1: 4 * size, 2: size, 3: min(size, 16)}[rank]
        channels, features, window = pick(1, 3, 4, 8, 16, 32, 64), pick(1, 4, 8, 16, 32, 64), pick(1, 3, 3, 3, 5, 7)
        stride, inflation, dilation = pick((1, 1, 1), (1, 1, 1), (1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2))
        groups = pick(1, 1, 1, 2, channels)
        if channels % groups or window > size:
            continue
        features = max(features, groups) // groups * groups
        reach = (window - 1) * dilation + 1
        if inflation > 1:
            surplus = inflation - 1 + reach - 1
            pads = ((surplus // 2, surplus - surplus // 2),) * rank
        else:
            padding = pick("SAME", "VALID") if reach <= size else "SAME"
            pads = pad_pairs(padding, (size,) * rank, (window,) * rank, (stride,) * rank, (dilation,) * rank)
        geometry = Geometry((stride,) * rank, (inflation,) * rank, pads, (dilation,) * rank, groups)
        x, kernel = (batch, *(size,) * rank, channels), (*(window,) * rank, channels // groups, features)
        numbers = math.prod(x[:-1]) * window**rank * max(channels, features) * inflation**rank
        if 4 * numbers <= MOST_BYTES:
            return x, kernel, geometry


def seconds(function: Callable, operands: tuple, enough: float = 0.03) -> float:
    """Return the CPU seconds of one call inside a loop."""
    result = jax.eval_shape(function, *operands)

    def run(count: Any, *operands: Any) -> Any:
        def body(_: Any, carry: Any) -> Any:
            operands, _ = carry
            y = function(*operands)
            # Each turn needs the one before it, so that none is left out or moved out of the loop.
            last = y.ravel()[y.size // 2] * 1e-6
            return tuple(v.at[(0,) * v.ndim].set(last) for v in operands), y

        return lax.fori_loop(0, count, body, (operands, jnp.zeros(result.shape, result.dtype)))[1]

    program = jax.jit(run).lower(jnp.int32(1), *operands).compile()
    started = time.process_time()
    jax.block_until_ready(program(np.int32(1), *operands))
    count = int(np.clip(enough / max(time.process_time() - started, 1e-5), 1, 200))
    taken = []
    for _ in range(3):
        started = time.process_time()
        jax.block_until_ready(program(np.int32(count), *operands))
        taken.append((time.process_time() - started) / count)
    return min(taken)


def sums(x: tuple, kernel: tuple, geometry: Geometry) -> tuple[dict[str, Callable], tuple]:
    """Return a function of (way) for each of the three sums, and operands drawn for them."""
    rng = np.random.default_rng(0)
    dy = (x[0], *output_shape(x, kernel, geometry), kernel[-1])
    operands = tuple(jnp.asarray(rng.normal(size=shape), "float32") for shape in (x, kernel, dy))

    def output(way: Callable) -> Callable:
        return lambda x, kernel, dy: way(x, kernel, geometry)

    def by_kernel(way: Callable) -> Callable:
        return lambda x, kernel, dy: jax.linear_transpose(lambda k: way(x, k, geometry), kernel)(dy)[0]

    def by_input(way: Callable) -> Callable:
        return lambda x, kernel, dy: jax.linear_transpose(lambda x: way(x, kernel, geometry), x)(dy)[0]

    return {"output": output, "by kernel": by_kernel, "by input": by_input}, operands


def compare(x: tuple, kernel: tuple, geometry: Geometry) -> dict[str, tuple[float, dict[str, float]]]:
    """Return, for each sum, the chosen way's seconds and those of all."""
    functions, operands = sums(x, kernel, geometry)
    chosen: Ways = choose(x, kernel, geometry)
    found = {}
    for (name, function), way in zip(functions.items(), chosen, strict=True):
        others = CANDIDATES[name]
        if ways.has_phases(geometry):
            others = [*others, ways.in_phases(others[0])]
        if geometry.groups > 1:
            others = [ways.dense(way) for way in others] + ([ways.direct] if kernel[-2] == 1 else [])
        times = [seconds(function(candidate), operands) for candidate in others if candidate is not way]
        own = seconds(function(way), operands)
        found[name] = own, {"chosen": own, **{str(i): t for i, t in enumerate(times)}}
    return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("count", nargs="?", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    keep_freed_memory()  # as training does
    regrets: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for number in range(chosen.count):
        x, kernel, geometry = draw(1000 * chosen.seed + number)
        row = f"{x} {kernel} {tuple(geometry)}"
        for name, (own, times) in compare(x, kernel, geometry).items():
            regret = (own + NEGLIGIBLE) / (min(times.values()) + NEGLIGIBLE)
            regrets[name].append(regret)
            row += f"  {name} {1e3 * own:.2f} ms {regret:.2f}"
        print(row, flush=True)
    for name, values in regrets.items():
        print(f"{name}: regret {math.exp(np.mean(np.log(values))):.2f} (geometric mean), {max(values):.2f} at worst")


if __name__ == "__main__":
    main()
