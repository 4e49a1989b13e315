"""How long it takes to lay out large models: ``python -m benchmarks.graph_layout``; docs/benchmarks.md has a table."""

from __future__ import annotations

import statistics
import time

from kernelkit.diagram.layered import layered

Edges = list[tuple[int, int]]


def chain(n: int) -> tuple[int, Edges]:
    return n, [(i, i + 1) for i in range(n - 1)]


def residual(blocks: int) -> tuple[int, Edges]:
    n, edges = chain(blocks * 6 + 1)
    return n, edges + [(i * 6, i * 6 + 6) for i in range(blocks)]


def u_net(depth: int) -> tuple[int, Edges]:
    n, edges = chain(2 * depth + 1)
    return n, edges + [(i, 2 * depth - i) for i in range(depth)]


def dense_blocks(blocks: int, size: int) -> tuple[int, Edges]:
    n, edges = chain(blocks * size)
    skips = [(b * size + i, b * size + j) for b in range(blocks) for i in range(size) for j in range(i + 2, size)]
    return n, edges + skips


CASES = {
    "residual network of 499 layers": residual(83),
    "U-net of 501 layers, 250 skips": u_net(250),
    "dense blocks of 12, 504 layers": dense_blocks(42, 12),
    "residual network of 4,999 layers": residual(833),
    "chain of 100,000": chain(100_000),
}


def main() -> None:
    print("| | lines | CPU ms |\n|---|---|---|")
    for name, (count, edges) in CASES.items():
        times = []
        for _ in range(3):
            begin = time.process_time()
            layered([120.0] * count, [42.0] * count, edges)
            times.append(time.process_time() - begin)
        print(f"| {name} | {len(edges):,} | {1000 * statistics.median(times):,.0f} |")


if __name__ == "__main__":
    main()
